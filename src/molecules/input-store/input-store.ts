import { createHash } from 'node:crypto';
import { join, relative, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { inside, isSafeSegment, staysInside } from '../../atoms/files/confined.ts';
import { openPart } from '../../atoms/files/open.ts';
import { findInside, type FoundFile, read, remove } from '../../atoms/files/read.ts';
import { receive } from '../../atoms/files/receive.ts';
import { oldFiles, removePartial } from '../../atoms/files/sweep.ts';
import { sniff } from '../../atoms/media-type/media-type.ts';
import { fail } from '../../core/errors.ts';
import type { FileBody } from '../../models/file.ts';

export interface StoredInput {
  readonly hash: string;
  readonly size: number;
  readonly mediaType: string;
  /** The name on every instance: unique per key and content. */
  readonly upstreamName: string;
  /** Below the input folder. */
  readonly path: string;
}

/** `{folder of the key}/{upstream name}`. */
const STORED = /^[^/]+\/[0-9a-f]{32}\.[a-z0-9]+$/;

/** Keeps what callers hand over below INPUT_DIR, one copy per key and content. */
export class InputStore {
  readonly #root: string;
  readonly #maxBytes: number;

  constructor(root: string, options: { maxBytes: number }) {
    this.#root = root;
    this.#maxBytes = options.maxBytes;
  }

  /** Complete on disk when it resolves. Throws PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, and VALIDATION_ERROR for an empty file. */
  async store(key: string, body: Readable, signal: AbortSignal): Promise<StoredInput> {
    const received = await receive(this.#root, body, { maxBytes: this.#maxBytes, limitName: 'MAX_UPLOAD_MB', signal });
    try {
      if (received.size === 0) throw fail('VALIDATION_ERROR', 'the file is empty.');
      const type = await sniff(received.head);
      if (!type) throw fail('UNSUPPORTED_MEDIA_TYPE', 'by its content the file is none of png, jpeg, webp, gif, bmp, tiff, mp4, webm, mov, wav, mp3, flac.');
      const upstreamName = nameFor(key, received.hash) + type.extension;
      const path = `${folderFor(key)}/${upstreamName}`;
      await received.keep(await inside(this.#root, path));
      return { hash: received.hash, size: received.size, mediaType: type.mediaType, upstreamName, path };
    } catch (error) {
      await received.discard().catch(() => undefined);
      throw error;
    }
  }

  /** What the database says is there. */
  async find(path: string): Promise<FoundFile | undefined> {
    return findInside(this.#root, path);
  }

  /** The stored file as a stream, which fails when it is gone. */
  open(path: string): Readable {
    return read(`${this.#root}/${path}`);
  }

  /**
   * A file that lies below the folder, by its path from there or as a whole. A caller who is no admin reads the folder of its own key
   * alone, and may leave its name out of the path. No link leads out of what the caller may read. Throws VALIDATION_ERROR where there is none, with the same words for what is another key's.
   */
  async openBelow(path: string, caller: { readonly key: string; readonly admin: boolean }): Promise<Readable> {
    const root = resolve(this.#root);
    const isWhole = path.startsWith('/');
    const names = (isWhole ? relative(root, path) : path).split('/').filter((name) => name !== '' && name !== '.');
    const found = names.every((name) => isSafeSegment(name) && !name.startsWith('.')) ? await this.#findFor(caller, names, isWhole) : undefined;
    if (!found) throw fail('VALIDATION_ERROR', `there is no file "${path.slice(0, 200)}" below the input folder that is yours.`);
    return read(found.path);
  }

  async #findFor(caller: { readonly key: string; readonly admin: boolean }, names: readonly string[], isWhole: boolean): Promise<FoundFile | undefined> {
    const find = (...path: readonly string[]): Promise<FoundFile | undefined> => findInside(this.#root, ...path).catch(() => undefined);
    if (caller.admin) return find(...names);
    const own = folderFor(caller.key);
    const found = (names[0] === own ? await find(...names) : undefined) ?? (isWhole ? undefined : await find(own, ...names));
    return found && (await staysInside(join(this.#root, own), found.path)) ? found : undefined;
  }

  /** Bytes `start` to `end`, both included. Undefined when the file went after it was found. */
  async part(file: FoundFile, span: { readonly start: number; readonly end: number }): Promise<FileBody | undefined> {
    return openPart(file.path, span);
  }

  /** Removes it unless it was written anew since that time: the same content may have been handed over again. */
  async removeOld(path: string, before: number): Promise<void> {
    const found = await this.find(path);
    if (found && found.modifiedAt.getTime() < before) await remove(found.path);
  }

  /** Paths of stored files that were not touched since that time, in groups of up to 500. Files that are not ours are left out. */
  async *old(before: number): AsyncGenerator<readonly string[], void> {
    let group: string[] = [];
    for await (const path of oldFiles(this.#root, before)) {
      if (!STORED.test(path)) continue;
      group.push(path);
      if (group.length < 500) continue;
      yield group;
      group = [];
    }
    if (group.length > 0) yield group;
  }

  /** Removes what was begun but not finished, and not written to since that time. */
  async cleanUp(before: number, signal: AbortSignal): Promise<void> {
    await removePartial(this.#root, before, signal);
  }
}

/** A caller's own name for a file, made safe: the last part of a path, with what no file system takes replaced. */
export function safeName(given: string): string {
  const last = given.normalize('NFC').split(/[/\\]/).at(-1) ?? '';
  const clean = last.replace(/[\u0000-\u001f\u007f:*?"<>|]/g, '_').replace(/^\.+/, '').replace(/[. ]+$/, '');
  const short = [...clean.toWellFormed()].slice(-100).join('').replace(/^\.+/, '');
  return isSafeSegment(short) ? short : 'file';
}

/** A subfolder of safe names, or an error: it is part of how the caller will call the file. */
export function safeSubfolder(given: string): string {
  const names = given.split('/').filter(Boolean);
  if (names.length > 8 || !names.every(isSafeSegment)) throw fail('VALIDATION_ERROR', `subfolder "${given.slice(0, 100)}" is not taken: up to 8 plain names with "/" between.`);
  return names.join('/');
}

function nameFor(key: string, hash: string): string {
  return createHash('sha256').update(`${key}\0${hash}`).digest('hex').slice(0, 32);
}

function folderFor(key: string): string {
  return isSafeSegment(key) ? key.toLowerCase() : createHash('sha256').update(key).digest('hex').slice(0, 16);
}
