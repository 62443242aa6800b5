import { type FileHandle, mkdir, open, statfs } from 'node:fs/promises';
import { fail } from '../../core/errors.ts';
import { codeOf, onDisk } from './disk.ts';

/** Bytes that files leave free: the database and the logs live on the same disk as a rule, and a database that cannot be written is worse than a file that is missing. */
const RESERVE = 32 * 1024 * 1024;

/** A new file in a folder that is made where it is missing. FILE_OPERATION_ERROR when the disk refuses, or has no room for that many bytes. */
export async function create(folder: string, path: string, bytes: number): Promise<FileHandle> {
  return onDisk('a new file', async () => {
    const { blocks, bavail, bsize } = await statfs(folder).catch(async (error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      await mkdir(folder, { recursive: true });
      return statfs(folder);
    });
    // Some file systems say nothing.
    if (blocks > 0 && bavail * bsize < bytes + RESERVE) throw fail('FILE_OPERATION_ERROR', 'the disk is full.');
    return open(path, 'wx+');
  });
}
