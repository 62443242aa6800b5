import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Runs `produce` on a temporary path beside `target`, then renames: readers see the whole file or none. */
export const producedWhole = async (target: string, produce: (temporary: string) => Promise<unknown>): Promise<void> => {
  const temporary = path.join(path.dirname(target), `.${randomUUID()}.part`);
  try {
    await produce(temporary);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
};

export const writeWhole = (target: string, bytes: Uint8Array): Promise<void> =>
  producedWhole(target, (temporary) => writeFile(temporary, bytes));
