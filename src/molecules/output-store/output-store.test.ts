import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { poured } from '../../../tests/support/poured.ts';
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

const modifiedAt = new Date();
const copy = (content: string, over: { body?: Readable; size?: number | undefined } = {}) => ({ body: Readable.from([content]), size: content.length, modifiedAt, signal: never, ...over });
const keep = async (promptId: string, which: FileRef, job: ReturnType<typeof copy>): Promise<void> => (await store.begin(promptId, which, job)).kept;
const contentOf = async (promptId: string): Promise<string> => {
  const found = await store.find(promptId, ref);
  return found ? String(await poured(await store.open(found, { start: 0, end: found.size - 1 }))) : 'not there';
};

describe('a copy of an output', () => {
  it('lies where prompt, type, subfolder and name say', async () => {
    await keep('p1', ref, copy('hello'));
    await keep('p1', { ...ref, type: 'temp' }, copy('other'));
    const found = await store.find('p1', ref);
    expect(found?.path).toBe(join(folder.path, 'p1', 'output', 'x', 'y', 'a.png'));
    expect([await contentOf('p1'), found && String(await poured(await store.open(found, { start: 1, end: 2 })))]).toEqual(['hello', 'el']);
    expect(await store.find('p2', ref)).toBeUndefined();
    expect(await store.find('p1', { ...ref, subfolder: '' })).toBeUndefined();
  });

  it('of a name that is not safe is not kept, and its source is let go', async () => {
    for (const bad of [{ ...ref, filename: '../a.png' }, { ...ref, subfolder: '../../x' }, { ...ref, filename: 'con' }]) {
      const job = copy('x');
      await expect(keep('p1', bad, job)).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 400 });
      expect(job.body.destroyed).toBe(true);
    }
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('that breaks off is not there, and leaves the older one as it was', async () => {
    await keep('p1', ref, copy('whole'));
    const broken = Readable.from((async function* () { yield 'ha'; throw new TypeError('cut'); })());
    await expect(keep('p1', ref, copy('', { body: broken, size: undefined }))).rejects.toThrow('cut');
    expect(await contentOf('p1')).toBe('whole');
    expect(await readdir(folder.path)).toEqual(['p1']);
  });

  it('can be read while it grows, and says of itself what it says when it is there', async () => {
    const rest = Promise.withResolvers<undefined>();
    const slow = Readable.from((async function* () { yield 'hel'; await rest.promise; yield 'lo'; })());
    const growing = await store.begin('p1', ref, copy('hello', { body: slow }));
    const reading = poured(growing.part({ start: 1, end: 4 }, () => Promise.reject(new TypeError('nobody asked'))));
    expect(await contentOf('p1')).toBe('not there');
    rest.resolve(undefined);
    expect(String(await reading)).toBe('ello');
    await growing.kept;
    expect(await store.find('p1', ref)).toMatchObject({ ...growing.file });
    expect(growing.file).toEqual({ size: 5, modifiedAt });
    expect((await store.begin('p2', ref, copy('x', { size: undefined }))).file).toBeUndefined();
  });

  it('goes with its whole prompt', async () => {
    await keep('p1', ref, copy('hello'));
    await keep('p2', ref, copy('hello'));
    await utimes(join(folder.path, 'p1', 'output', 'x', 'y', 'a.png'), 1, 1);
    await writeFile(join(folder.path, '.gitkeep'), '');
    expect(await store.sweep({ before: Date.now() - 60_000, maxBytes: Infinity }, never)).toMatchObject({ removed: 1, bytes: 5 });
    expect((await readdir(folder.path)).toSorted()).toEqual(['.gitkeep', 'p2']);
  });
});
