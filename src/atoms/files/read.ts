import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { fail } from '../../core/errors.ts';
import { below, staysInside } from './confined.ts';
import { isNotThere, onDisk } from './disk.ts';

export interface FoundFile {
  readonly path: string;
  readonly size: number;
  readonly modifiedAt: Date;
}

/** Bytes of one read: far fewer calls than with the default of 64 KiB. More is no faster, and each read of a stream takes that much new memory, however small the file. */
const HIGH_WATER = 256 * 1024;

/** A regular file, or undefined when there is none. */
export async function find(path: string): Promise<FoundFile | undefined> {
  return onDisk('to look a file up', async () => {
    try {
      const found = await stat(path);
      return found.isFile() ? { path, size: found.size, modifiedAt: found.mtime } : undefined;
    } catch (error) {
      if (isNotThere(error)) return undefined;
      throw error;
    }
  });
}

/** As `find`, below `root`. Throws FILE_OPERATION_ERROR (400) for what is not safe there or lies, through a link, elsewhere. */
export async function findInside(root: string, ...segments: readonly string[]): Promise<FoundFile | undefined> {
  const path = below(root, ...segments);
  const found = await find(path);
  if (found && !(await staysInside(root, path))) throw fail('FILE_OPERATION_ERROR', 'a link leads out of the folder.', { status: 400 });
  return found;
}

/** The file as a stream, for those who do not write it out: `openPart` is cheaper then. */
export function read(path: string): Readable {
  return createReadStream(path, { highWaterMark: HIGH_WATER });
}

export async function remove(path: string): Promise<void> {
  await onDisk('to remove a file', () => rm(path, { force: true, recursive: true }));
}
