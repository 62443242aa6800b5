import { readdir } from 'node:fs/promises';
import { isNotThere, onDisk } from './disk.ts';

/** Names of what lies directly in a folder and ends in `ending`, in order, hidden ones left out; none when there is no such folder. */
export async function listNames(folder: string, ending: string): Promise<string[]> {
  return onDisk('to list a folder', async () => {
    try {
      const names = await readdir(folder);
      return names.filter((name) => name.endsWith(ending) && !name.startsWith('.')).toSorted();
    } catch (error) {
      if (isNotThere(error)) return [];
      throw error;
    }
  });
}
