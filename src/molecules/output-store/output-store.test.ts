import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import type { FileRef } from '../../models/file.ts';
import { OutputStore } from './output-store.ts';

const never = new AbortController().signal;
const ref: FileRef = { filename: 'a.png', subfolder: 'x/y', type: 'output' };
let folder: TemporaryFolder;
let store: OutputStore;
beforeEach(async () => {
  folder = await temporaryFolder();
  store = new OutputStore(folder.path);
});
afterEach(() => folder[Symbol.asyncDispose]());

const copy = (content: string) => ({ body: Readable.from([content]), signal: never });

describe('a copy of an output', () => {
  it('lies where prompt, type, subfolder and name say', async () => {
    await store.store('p1', ref, copy('hello'));
    await store.store('p1', { ...ref, type: 'temp' }, copy('other'));
    const found = await store.find('p1', ref);
    expect(found?.path).toBe(join(folder.path, 'p1', 'output', 'x', 'y', 'a.png'));
    expect(found && [await text(store.read(found)), await text(store.read(found, { start: 1, end: 2 }))]).toEqual(['hello', 'el']);
    expect(await store.find('p2', ref)).toBeUndefined();
    expect(await store.find('p1', { ...ref, subfolder: '' })).toBeUndefined();
  });

  it('of a name that is not safe is not kept, and its source is let go', async () => {
    for (const bad of [{ ...ref, filename: '../a.png' }, { ...ref, subfolder: '../../x' }, { ...ref, filename: 'con' }]) {
      const job = copy('x');
      await expect(store.store('p1', bad, job)).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 400 });
      expect(job.body.destroyed).toBe(true);
    }
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('that breaks off is not there, and leaves the older one as it was', async () => {
    await store.store('p1', ref, copy('whole'));
    const broken = Readable.from((async function* () { yield 'ha'; throw new TypeError('cut'); })());
    await expect(store.store('p1', ref, { body: broken, signal: never })).rejects.toThrow('cut');
    const found = await store.find('p1', ref);
    expect(found && (await text(store.read(found)))).toBe('whole');
    expect(await readdir(folder.path)).toEqual(['p1']);
  });

  it('goes with its whole prompt', async () => {
    await store.store('p1', ref, copy('hello'));
    await store.store('p2', ref, copy('hello'));
    await utimes(join(folder.path, 'p1', 'output', 'x', 'y', 'a.png'), 1, 1);
    await writeFile(join(folder.path, '.gitkeep'), '');
    expect(await store.sweep({ before: Date.now() - 60_000, maxBytes: Infinity }, never)).toMatchObject({ removed: 1, bytes: 5 });
    expect((await readdir(folder.path)).toSorted()).toEqual(['.gitkeep', 'p2']);
  });
});
