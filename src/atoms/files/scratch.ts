import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fail } from '../../core/errors.ts';
import { onDisk } from './disk.ts';

/** Calls `deed` with a name below `folder` that nobody else has, and removes what lies there afterwards. A process that is killed leaves a partial file. */
export async function scratch<T>(folder: string, deed: (path: string) => Promise<T>): Promise<T> {
  await onDisk('a new file', () => mkdir(folder, { recursive: true }));
  const path = join(folder, `.${randomUUID()}.part`);
  try {
    return await deed(path);
  } finally {
    await rm(path, { force: true }).catch(() => undefined);
  }
}

/** Writes a stream to `path`. Throws PAYLOAD_TOO_LARGE beyond `maxBytes`, FILE_OPERATION_ERROR, and what the stream fails with, which is destroyed in any case. */
export async function pourInto(path: string, body: Readable, { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal }): Promise<void> {
  let size = 0;
  const bounded = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > maxBytes) throw fail('PAYLOAD_TOO_LARGE', `the file has more than ${maxBytes} bytes and is not converted; fetch it as it is.`);
      yield chunk;
    }
  };
  await onDisk('to write a file', () => pipeline(body, bounded, createWriteStream(path), { signal }));
}
