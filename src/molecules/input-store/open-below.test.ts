import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { InputStore } from './input-store.ts';

const [ann, root] = [{ key: 'ann', admin: false }, { key: 'root', admin: true }];
let folder: TemporaryFolder;
let input: string;
let store: InputStore;

beforeEach(async () => {
  folder = await temporaryFolder();
  input = join(folder.path, 'input');
  store = new InputStore(input, { maxBytes: 1_000 });
  for (const name of ['ann/deep', 'bob', '.hidden', '../input-beside']) await mkdir(join(input, name), { recursive: true });
  for (const name of ['ann/a.png', 'ann/deep/b.png', 'ann/.secret', 'bob/c.png', 'top.png', '.hidden/d.png', '../outside.png', '../input-beside/e.png']) await writeFile(join(input, name), name);
  await symlink(join(folder.path, 'outside.png'), join(input, 'ann', 'link.png'));
  await symlink(join(input, 'bob'), join(input, 'ann', 'others'));
  await symlink(join(input, 'ann', 'deep'), join(input, 'ann', 'short'));
});
afterEach(() => folder[Symbol.asyncDispose]());

const opened = async (path: string, caller = root): Promise<string> => text(await store.openBelow(path, caller));

describe('a file below the input folder', () => {
  it('is opened by its path from there, and as a whole', async () => {
    expect(await opened('ann/a.png', ann)).toBe('ann/a.png');
    expect(await opened('./ann//deep/b.png', ann)).toBe('ann/deep/b.png');
    expect(await opened(join(input, 'ann', 'a.png'), ann)).toBe('ann/a.png');
  });

  it('is opened without the name of the own key, which goes first where both are there', async () => {
    for (const name of ['ann/ann', 'ann/bob']) await mkdir(join(input, name));
    for (const name of ['ann/ann/a.png', 'ann/ann/only.png', 'ann/bob/c.png']) await writeFile(join(input, name), name);
    expect([await opened('a.png', ann), await opened('deep/b.png', ann)]).toEqual(['ann/a.png', 'ann/deep/b.png']);
    expect([await opened('ann/a.png', ann), await opened('ann/only.png', ann), await opened('bob/c.png', ann)]).toEqual(['ann/a.png', 'ann/ann/only.png', 'ann/bob/c.png']);
    await expect(store.openBelow(join(input, 'a.png'), ann)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  it('is opened through a link that stays in the own folder, and through one to another key\'s by an admin alone', async () => {
    expect([await opened('ann/short/b.png', ann), await opened('ann/others/c.png')]).toEqual(['ann/deep/b.png', 'bob/c.png']);
    for (const path of ['ann/others/c.png', 'others/c.png', join(input, 'ann/others/c.png')]) await expect(store.openBelow(path, ann)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  it('is opened by an admin wherever it lies', async () => {
    expect([await opened('top.png'), await opened('bob/c.png')]).toEqual(['top.png', 'bob/c.png']);
  });

  it.each(['../outside.png', 'ann/../../outside.png', '../input-beside/e.png', 'ann/link.png', '.hidden/d.png', 'ann/.secret', '', '.', 'ann', 'ann/', '/', 'ann/a.png/x', 'ann\\a.png', 'a\0b'])('is nothing outside, hidden, or a folder: %j', async (path) => {
    await expect(store.openBelow(path, root)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  it('is nothing outside for a whole path either', async () => {
    for (const path of [join(folder.path, 'outside.png'), join(folder.path, 'input-beside', 'e.png'), input, '/etc/passwd']) await expect(store.openBelow(path, root)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  it('is refused with the same words where it is another key\'s and where there is none', async () => {
    const refusals = await Promise.all(['bob/c.png', 'bob/x.png', 'top.png', 'ann/../bob/c.png'].map((path) => store.openBelow(path, ann).then(() => 'opened', (error: unknown) => String(error).replace(path, '…'))));
    expect(new Set(refusals).size).toBe(1);
    expect(refusals[0]).toContain('there is no file "…"');
  });
});
