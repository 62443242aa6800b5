import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { png } from '../../../tests/support/picture.ts';
import { poured } from '../../../tests/support/poured.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { InputStore, safeName, safeSubfolder } from './input-store.ts';

const never = new AbortController().signal;
let folder: TemporaryFolder;
let store: InputStore;
beforeEach(async () => {
  folder = await temporaryFolder();
  store = new InputStore(folder.path, { maxBytes: 10_000 });
});
afterEach(() => folder[Symbol.asyncDispose]());

const kept = async (): Promise<string[]> => (await readdir(folder.path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);

describe('an upload', () => {
  it('is kept once per key and content, under a name that depends on nothing else', async () => {
    const content = await png();
    const [first, again, other, elsewhere] = [await store.store('ann', Readable.from([content]), never), await store.store('ann', Readable.from([content]), never), await store.store('bob', Readable.from([content]), never), await new InputStore(join(folder.path, 'x'), { maxBytes: 10_000 }).store('ann', Readable.from([content]), never)];
    expect(again).toEqual(first);
    expect(elsewhere.upstreamName).toBe(first.upstreamName);
    expect(first).toMatchObject({ size: content.length, mediaType: 'image/png', path: `ann/${first.upstreamName}` });
    expect(first.upstreamName).toMatch(/^[0-9a-f]{32}\.png$/);
    expect([other.hash, other.upstreamName === first.upstreamName]).toEqual([first.hash, false]);
    expect(await readFile(join(folder.path, first.path))).toEqual(content);
  });

  it.each<[string, () => Promise<Buffer>, string]>([
    ['empty', async () => Buffer.alloc(0), 'VALIDATION_ERROR'],
    ['no picture', async () => Buffer.from('hello'), 'UNSUPPORTED_MEDIA_TYPE'],
    ['too large', async () => Buffer.concat([await png(), Buffer.alloc(10_000)]), 'PAYLOAD_TOO_LARGE'],
  ])('that is %s leaves nothing', async (_what, content, code) => {
    await expect(store.store('ann', Readable.from([await content()]), never)).rejects.toMatchObject({ code });
    expect(await kept()).toEqual([]);
  });

  it('of a key whose name is no folder name stays inside', async () => {
    for (const key of ['../up', 'a/b', 'CON', 'x'.repeat(300)]) {
      const { path } = await store.store(key, Readable.from([await png()]), never);
      expect(path).toMatch(/^[0-9a-f]{16}\/[0-9a-f]{32}\.png$/);
      expect(await store.find(path)).toBeDefined();
    }
  });

  it('is found, read whole and in part, and removed', async () => {
    const content = await png();
    const { path } = await store.store('ann', Readable.from([content]), never);
    const found = await store.find(path);
    expect(found).toMatchObject({ size: content.length });
    if (!found) return;
    expect((await poured(await store.part(found, { start: 1, end: 3 }))).toString()).toBe('PNG');
    expect((await buffer(store.open(path))).equals(content)).toBe(true);
    await store.removeOld(path, found.modifiedAt.getTime());
    expect(await store.find(path)).toBeDefined();
    await store.removeOld(path, found.modifiedAt.getTime() + 1);
    await store.removeOld(path, Date.now());
    expect([await store.find(path), await store.part(found, { start: 1, end: 3 })]).toEqual([undefined, undefined]);
    await expect(text(store.open(path))).rejects.toThrow('ENOENT');
    await expect(store.find('../outside')).rejects.toMatchObject({ status: 400 });
  });
});

it('old uploads are listed in groups, and nothing that somebody else put there', async () => {
  const path = (n: number): string => `ann/${n.toString(16).padStart(32, '0')}.png`;
  await mkdir(join(folder.path, 'ann'));
  const names = [...Array.from({ length: 501 }, (_, n) => path(n)), 'ann/example.png', 'ann/.gitkeep', 'top.png'];
  for (const name of names) {
    await writeFile(join(folder.path, name), 'x');
    await utimes(join(folder.path, name), 1, 1);
  }
  await writeFile(join(folder.path, path(999)), 'young');
  const groups = await Array.fromAsync(store.old(Date.now() - 60_000));
  expect(groups.map((group) => group.length)).toEqual([500, 1]);
  expect(groups.flat().toSorted()).toEqual(names.slice(0, 501).toSorted());
  expect(await Array.fromAsync(new InputStore(join(folder.path, 'none'), { maxBytes: 1 }).old(Date.now()))).toEqual([]);
});

describe('names', () => {
  test.each([
    ['photo.png', 'photo.png'],
    ['/home/me/photo.png', 'photo.png'],
    ['C:\\Users\\me\\photo.png', 'photo.png'],
    ['../../etc/passwd', 'passwd'],
    ['.hidden.png', 'hidden.png'],
    ['...', 'file'],
    ['', 'file'],
    ['a/', 'file'],
    ['a\0b.png', 'a_b.png'],
    ['a:b*c?"d"<e>|.png', 'a_b_c__d__e__.png'],
    ['nul.png', 'file'],
    ['trailing. . ', 'trailing'],
    ['e\u0301.png', '\u00e9.png'],
    ['\ud800.png', '\ufffd.png'],
    [`${'x'.repeat(300)}.png`, `${'x'.repeat(96)}.png`],
    [`${'🎨'.repeat(300)}.png`, 'file'],
  ])('%j becomes %j', (given, safe) => {
    expect(safeName(given)).toBe(safe);
  });

  test.each([['', ''], ['a', 'a'], ['a/b', 'a/b'], ['/a//b/', 'a/b']])('subfolder %j becomes %j', (given, safe) => {
    expect(safeSubfolder(given)).toBe(safe);
  });

  test.each(['..', 'a/../b', 'a\\b', 'CON/x', 'a\0', 'a/b/c/d/e/f/g/h/i'])('subfolder %j is refused', (given) => {
    expect(() => safeSubfolder(given)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }));
  });
});
