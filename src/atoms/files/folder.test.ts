import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { usableFolder } from './folder.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

describe('a folder', () => {
  it('is made by many at once who need it', async () => {
    for (let round = 0; round < 20; round += 1) {
      const path = join(folder.path, `${round}`, 'a', 'b');
      await Promise.all(Array.from({ length: 8 }, () => usableFolder(path)));
      expect((await stat(path)).isDirectory()).toBe(true);
    }
  });

  it('is none where a file stands', async () => {
    const path = join(folder.path, 'file');
    await writeFile(path, '');
    await expect(usableFolder(path)).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR' });
  });
});
