import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fail } from '../../core/errors.ts';

/** Ends the names of files that are not complete yet. */
export const PARTIAL = '.part';
/** Bytes that tell the type of a file. */
const HEAD = 4_100;

/** A complete file under a temporary name: give it its own with `keep`, or `discard` it. */
export interface Received {
  readonly size: number;
  /** sha256 in hex. */
  readonly hash: string;
  /** The first bytes. */
  readonly head: Buffer;
  /** Renames it, so that readers find it complete or not at all. The new name is on disk when this resolves. */
  keep(path: string): Promise<void>;
  discard(): Promise<void>;
}

/**
 * Writes a stream below `folder`, never holding it whole. Throws PAYLOAD_TOO_LARGE as soon as `maxBytes` are exceeded, and
 * whatever the stream fails with; nothing is left behind then.
 */
export async function receive(folder: string, body: Readable, options: { readonly maxBytes: number; readonly limitName: string; readonly signal: AbortSignal }): Promise<Received> {
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${randomUUID()}${PARTIAL}`);
  try {
    const written = await write(temporary, body, options);
    return { ...written, keep: (path) => keep(temporary, path), discard: () => rm(temporary, { force: true }) };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function write(path: string, body: Readable, options: { maxBytes: number; limitName: string; signal: AbortSignal }): Promise<{ size: number; hash: string; head: Buffer }> {
  const file = await open(path, 'wx');
  const stop = (): void => void body.destroy(options.signal.reason instanceof Error ? options.signal.reason : undefined);
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    options.signal.throwIfAborted();
    const hash = createHash('sha256');
    let head = Buffer.alloc(0);
    let size = 0;
    for await (const piece of body) {
      const chunk: Buffer = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece));
      size += chunk.length;
      if (size > options.maxBytes) throw fail('PAYLOAD_TOO_LARGE', `the file has more than ${options.maxBytes} bytes (${options.limitName}).`);
      if (head.length < HEAD) head = Buffer.concat([head, chunk.subarray(0, HEAD - head.length)]);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
    return { size, hash: hash.digest('hex'), head };
  } finally {
    options.signal.removeEventListener('abort', stop);
    body.destroy();
    await file.close();
  }
}

async function keep(temporary: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rename(temporary, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
