import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { listNames } from './list.ts';

it('lists what ends so, in order, without what is hidden or below', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'below'));
  for (const name of ['b.json', 'a.json', '.c.json', 'd.txt', 'below/e.json']) await writeFile(join(folder.path, name), '');
  expect(await listNames(folder.path, '.json')).toEqual(['a.json', 'b.json']);
});

it('lists nothing where there is no folder', async () => {
  await using folder = await temporaryFolder();
  expect(await listNames(join(folder.path, 'gone'), '.json')).toEqual([]);
});
