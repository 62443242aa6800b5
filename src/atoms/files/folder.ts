import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, onDisk } from './disk.ts';

/** Makes the folder where it is missing. FILE_OPERATION_ERROR when it cannot be made, is a file, or may not be written. */
export async function usableFolder(path: string): Promise<void> {
  await onDisk('to use it as a folder', async () => {
    await make(path);
    await access(path, constants.W_OK | constants.X_OK);
  });
}

/**
 * Level by level: told to do it all at once, Node 24 never ends where the file system says of a name that it is not there and
 * cannot be made (/proc). Another process may make the same folder at the same time.
 */
async function make(path: string): Promise<void> {
  if (await isFolder(path)) return;
  try {
    await mkdir(path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await isFolder(path))) return;
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await make(dirname(path));
    await mkdir(path).catch(async (again: unknown) => {
      if (codeOf(again) !== 'EEXIST' || !(await isFolder(path))) throw again;
    });
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
