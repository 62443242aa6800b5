import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { type FileHandle, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import pLimit from 'p-limit';
import { fail, reasonOf } from '../../core/errors.ts';
import type { FileBody } from '../../models/file.ts';
import { create } from './create.ts';
import { onDisk } from './disk.ts';
import { type OpenSource, Part } from './open.ts';
import type { Span } from './pour.ts';
import { type Elsewhere, rescued } from './rescued.ts';

/** Writing through to a slow disk takes a thread of the few that all files share: the others must stay free for those who read. */
const syncing = pLimit(2);

export interface Arrival {
  /** Destroyed in any case. */
  readonly body: Readable;
  /** Bytes that must come, where known; less or more is a failure. */
  readonly size: number | undefined;
  /** Time at which the complete file says it was changed. */
  readonly modifiedAt: Date;
  readonly signal: AbortSignal;
}

/**
 * A file that is written from a stream and can be read meanwhile: whoever wants more than has come waits for it. It gets its
 * name when it is complete and on disk. When that fails, so do its readers, and nothing is left.
 */
export class Arriving {
  /** Settles when the file has its name, or with why it never will: what the stream or the disk failed with, or the reason of the signal. */
  readonly kept: Promise<void>;
  readonly #file: FileHandle;
  readonly #progress = new EventEmitter().setMaxListeners(0);
  #written = 0;
  /** What was written last: most readers are as far as the writer. */
  #newest: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  /** The writer and the readers; the last one closes the file. */
  #users = 1;

  /** Begins to write below `folder` what shall lie at `path`. Resolves when the first bytes are there; rejects as `kept` does. */
  static async begin(folder: string, path: string, arrival: Arrival): Promise<Arriving> {
    const temporary = join(folder, `.${randomUUID()}.part`);
    const file = await create(folder, temporary, arrival.size ?? 0).catch((error: unknown) => {
      arrival.body.on('error', () => undefined).destroy();
      throw error;
    });
    const arriving = new Arriving(file, arrival, { temporary, path });
    await once(arriving.#progress, 'more');
    if (arriving.#written === 0) await arriving.kept;
    return arriving;
  }

  private constructor(file: FileHandle, arrival: Arrival, names: { readonly temporary: string; readonly path: string }) {
    this.#file = file;
    this.kept = this.#keep(arrival, names);
    this.kept.catch(() => undefined);
  }

  /** Bytes of it, those that are still to come included, and from `elsewhere` when the disk fails; undefined when it is over. Then it is found under its name, or gone. */
  part(span: Span, elsewhere?: Elsewhere): FileBody | undefined {
    if (this.#users === 0) return undefined;
    this.#users += 1;
    let open = true;
    const close = async (): Promise<void> => {
      if (!open) return;
      open = false;
      await this.#leave();
    };
    const source: OpenSource = { read: (buffer, position, signal) => this.#read(buffer, position, signal), close };
    return new Part(elsewhere ? rescued(source, elsewhere) : source, span);
  }

  async #read(buffer: Buffer, position: number, signal: AbortSignal): Promise<number> {
    while (position >= this.#written) {
      if (this.#failure) throw this.#failure;
      await once(this.#progress, 'more', { signal });
    }
    const inNewest = position - (this.#written - this.#newest.length);
    if (inNewest >= 0) return this.#newest.copy(buffer, 0, inNewest);
    const { bytesRead } = await this.#file.read(buffer, 0, Math.min(buffer.length, this.#written - position), position);
    return bytesRead;
  }

  async #keep({ body, size, modifiedAt, signal }: Arrival, { temporary, path }: { readonly temporary: string; readonly path: string }): Promise<void> {
    try {
      await this.#write(body, signal);
      if (size !== undefined && size !== this.#written) throw fail('UPSTREAM_ERROR', `${this.#written} bytes came instead of ${size}.`);
      await onDisk('to write a file', async () => {
        await this.#file.utimes(modifiedAt, modifiedAt);
        await syncing(() => this.#file.datasync());
      });
      await onDisk('to name a file', async () => {
        await mkdir(dirname(path), { recursive: true });
        await rename(temporary, path);
      });
    } catch (error) {
      this.#failure = error instanceof Error ? error : fail('UPSTREAM_ERROR', reasonOf(error), { cause: error });
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    } finally {
      this.#progress.emit('more');
      await this.#leave();
    }
  }

  async #write(body: Readable, signal: AbortSignal): Promise<void> {
    const stop = (): void => void body.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    signal.addEventListener('abort', stop, { once: true });
    try {
      signal.throwIfAborted();
      for await (const piece of body) {
        const chunk: Buffer = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece));
        await onDisk('to write a file', () => this.#file.writeFile(chunk));
        this.#newest = chunk;
        this.#written += chunk.length;
        this.#progress.emit('more');
      }
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener('abort', stop);
      body.on('error', () => undefined).destroy();
    }
  }

  async #leave(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.#file.close();
  }
}
