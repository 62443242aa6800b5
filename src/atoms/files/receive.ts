import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fail } from '../../core/errors.ts';
import { create } from './create.ts';
import { onDisk } from './disk.ts';

/** Names of files that are not complete yet. No name that is given from outside looks like this. */
export const partialName = /^\.[0-9a-f-]{36}\.part$/;
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

export interface ReceiveOptions {
  readonly maxBytes: number;
  /** Variable that sets `maxBytes`, for the refusal. */
  readonly limitName: string;
  readonly signal: AbortSignal;
}

/**
 * Writes a stream below `folder`, never holding it whole. Throws PAYLOAD_TOO_LARGE as soon as `maxBytes` are exceeded,
 * FILE_OPERATION_ERROR when the disk refuses, and whatever the stream fails with; nothing is left behind then. The stream
 * is destroyed in any case.
 */
export async function receive(folder: string, body: Readable, options: ReceiveOptions): Promise<Received> {
  const temporary = join(folder, `.${randomUUID()}.part`);
  const discard = (): Promise<void> => rm(temporary, { force: true });
  try {
    const file = await create(folder, temporary, 0);
    const written = await write(file, body, options);
    return { ...written, keep: (path) => onDisk('to name a file', () => keep(temporary, path)), discard };
  } catch (error) {
    await discard().catch(() => undefined);
    throw error;
  } finally {
    // A failure that nobody waits for any more must not end the process.
    body.on('error', () => undefined).destroy();
  }
}

async function write(file: FileHandle, body: Readable, options: ReceiveOptions): Promise<Pick<Received, 'size' | 'hash' | 'head'>> {
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
      await onDisk('to write a file', () => file.writeFile(chunk));
    }
    options.signal.throwIfAborted();
    await onDisk('to write a file', () => file.sync());
    return { size, hash: hash.digest('hex'), head };
  } finally {
    options.signal.removeEventListener('abort', stop);
    await file.close();
  }
}

async function keep(temporary: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rename(temporary, path);
  // Windows writes folders through and opens none.
  if (process.platform === 'win32') return;
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
