import { Readable } from 'node:stream';
import { contentTypes } from '../../constants/content-types.ts';
import { fail, failedWith, type GatewayError } from '../../core/errors.ts';
import type { UpstreamFile } from '../../models/comfyui-files.ts';
import type { Conversion, FileAnswer, FileConditions, FileRef } from '../../models/file.ts';
import type { Instance } from '../../models/instance.ts';
import { wanted } from '../../molecules/conversion/conversion.ts';
import { etagOf, isUnchanged, partOf } from '../../molecules/output-store/conditions.ts';
import { type Location, notFound } from './location.ts';
import type { ImageParts } from './parts.ts';

export interface Download {
  readonly location: Location;
  readonly conditions: FileConditions;
  readonly conversion: Conversion;
}

/** A copy of ours on disk. */
interface Local {
  readonly ref: FileRef;
  readonly contentType: string;
  readonly file: { readonly size: number; readonly modifiedAt: Date };
  read(range?: { start: number; end: number }): Readable;
}

/** Opens files for callers: our own copy where there is one, else a stream from the instance. */
export class Downloads {
  readonly #parts: ImageParts;

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  async open(download: Download, signal: AbortSignal): Promise<FileAnswer> {
    const local = await this.#local(download.location);
    if (local) return wanted(download.conversion) ? this.#converted(local, download, signal) : plain(local, download.conditions);
    const relayed = { ref: refOf(download.location), instances: this.#instances(download.location) };
    return wanted(download.conversion) ? this.#convertedRelay(relayed, download, signal) : this.#relay(relayed, download.conditions, signal);
  }

  async #local(location: Location): Promise<Local | undefined> {
    const { stores } = this.#parts;
    if (location.kind === 'foreign') return undefined;
    if (location.kind === 'input') {
      const { record } = location;
      const file = await stores.inputs.find(record.path);
      return file && { ref: { filename: record.name, subfolder: record.subfolder, type: record.type }, contentType: record.mediaType, file, read: () => stores.inputs.open(record.path) };
    }
    const { promptId, ref } = location;
    await this.#parts.copied(promptId, ref);
    const file = await stores.outputs.find(promptId, ref).catch((error: unknown) => {
      if (failedWith(error, 'FILE_OPERATION_ERROR')) return undefined;
      throw error;
    });
    return file && { ref, contentType: contentTypeOf(ref.filename), file, read: (range) => stores.outputs.read(file, range) };
  }

  #instances(location: Location): readonly Instance[] {
    const { pool } = this.#parts;
    if (location.kind !== 'output') return pool.all();
    const instance = pool.get(location.instance);
    if (!instance) throw fail('CONNECTION_ERROR', `the file is on instance ${location.instance}, which is not configured any more, and there is no copy here.`);
    return [instance];
  }

  /** The first instance that has it. */
  async #view(from: { ref: FileRef; instances: readonly Instance[] }, request: { range?: string | undefined; ifNoneMatch?: string | undefined; head?: boolean }, signal: AbortSignal): Promise<UpstreamFile> {
    let failure: GatewayError | undefined;
    for (const instance of from.instances) {
      try {
        const found = await this.#parts.files.view(instance, { ref: from.ref, ...request }, signal);
        if (found.status !== 404) return found;
        found.body.destroy();
      } catch (error) {
        if (!failedWith(error)) throw error;
        failure = error;
      }
    }
    throw failure ?? notFound(from.ref, '; the instance does not have it any more');
  }

  async #relay(from: { ref: FileRef; instances: readonly Instance[] }, conditions: FileConditions, signal: AbortSignal): Promise<FileAnswer> {
    const range = conditions.ifRange === undefined ? conditions.range : undefined;
    const found = await this.#view(from, { range, ifNoneMatch: conditions.ifNoneMatch, head: conditions.head }, signal);
    const { contentType, contentLength, contentRange, etag, lastModified } = found.headers;
    const part = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(contentRange ?? '');
    const size = part ? Number(part[3]) || undefined : contentLength;
    return {
      body: found.body,
      filename: from.ref.filename,
      contentType: contentType ?? contentTypeOf(from.ref.filename),
      size,
      etag,
      lastModified: lastModified === undefined ? undefined : new Date(lastModified),
      part: found.status === 304 ? 'unchanged' : found.status === 416 ? 'unsatisfiable' : found.status === 206 && part ? { start: Number(part[1]), end: Number(part[2]) } : 'whole',
      ranges: true,
    };
  }

  async #converted(local: Local, { conversion, conditions }: Download, signal: AbortSignal): Promise<FileAnswer> {
    const etag = etagOf(local.file, variantOf(conversion));
    const validators = { etag, lastModified: local.file.modifiedAt };
    if (isUnchanged(conditions, validators)) return { ...nothing(local.ref, local.contentType), ...validators, part: 'unchanged' };
    const made = await this.#parts.converter.convert(() => Promise.resolve(local.read()), conversion, signal);
    return { ...answerOf(local.ref, made), ...validators };
  }

  async #convertedRelay(from: { ref: FileRef; instances: readonly Instance[] }, { conversion, conditions }: Download, signal: AbortSignal): Promise<FileAnswer> {
    let source: UpstreamFile | undefined;
    const made = await this.#parts.converter.convert(
      async () => {
        source = await this.#view(from, {}, signal);
        return source.body;
      },
      conversion,
      signal,
    );
    const etag = source?.headers.etag === undefined ? undefined : `"${source.headers.etag.replace(/^W\/|"/g, '')}-${variantOf(conversion)}"`;
    const unchanged = etag !== undefined && conditions.ifNoneMatch?.includes(etag);
    return { ...answerOf(from.ref, made), etag, ...(unchanged ? { part: 'unchanged' as const } : {}) };
  }
}

function plain(local: Local, conditions: FileConditions): FileAnswer {
  const validators = { etag: etagOf(local.file), lastModified: local.file.modifiedAt, size: local.file.size };
  const part = partOf(conditions, validators);
  const body = conditions.head || part === 'unchanged' || part === 'unsatisfiable' ? undefined : local.read(part === 'whole' ? undefined : part);
  return { ...nothing(local.ref, local.contentType), ...validators, body, part, ranges: true };
}

function nothing(ref: FileRef, contentType: string): FileAnswer {
  return { body: undefined, filename: ref.filename, contentType, size: undefined, etag: undefined, lastModified: undefined, part: 'whole', ranges: false };
}

/** A converted picture: its name ends as its new format does, and ranges are not served. */
function answerOf(ref: FileRef, made: { bytes: Buffer; contentType: string }): FileAnswer {
  const extension = made.contentType.slice('image/'.length).replace('jpeg', 'jpg');
  const filename = `${ref.filename.replace(/\.[^.]*$/, '')}.${extension}`;
  return { ...nothing({ ...ref, filename }, made.contentType), body: Readable.from([made.bytes]), size: made.bytes.length };
}

function variantOf({ format, quality, width, height }: Conversion): string {
  return [format ?? 'same', quality ?? '', width ?? '', height ?? ''].join('.');
}

function contentTypeOf(filename: string): string {
  return contentTypes[filename.slice(filename.lastIndexOf('.') + 1).toLowerCase()] ?? 'application/octet-stream';
}

function refOf(location: Location): FileRef {
  if (location.kind !== 'input') return location.ref;
  return { filename: location.record.upstreamName, subfolder: location.record.upstreamSubfolder, type: location.record.type };
}
