import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { output, picture } from '../../../tests/support/scripted-task-engine.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { fail } from '../../core/errors.ts';
import { LocalStorage } from './local-storage.ts';
import { OutputStore } from './output-store.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

const storage = (enabled = true): LocalStorage => new LocalStorage(new OutputStore(folder.path), { enabled, now: () => 5_000_000 });
const forEver = new AbortController().signal;
const file = { ...picture('a.png'), subfolder: 'sub' };
const path = (): string => join(folder.path, 'job', 'output', 'sub', 'a.png');

describe('local storage', () => {
  it('keeps an output under the names that its engine gave', async () => {
    expect(await storage().keep(output(file), forEver)).toEqual({ url: file.url, size: 5 });
    expect(await readFile(path(), 'utf8')).toBe('bytes');
    expect((await stat(path())).mtimeMs).toBe(5_000_000);
  });

  it('finds the size of one where nobody said it', async () => {
    expect(await storage().keep(output(file, () => Promise.resolve({ body: Readable.from(['longer bytes']), size: undefined })), forEver)).toEqual({ url: file.url, size: 12 });
  });

  it('does not fetch what it has', async () => {
    await storage().keep(output(file), forEver);
    expect(await storage().keep(output(file, () => Promise.reject(new TypeError('it was fetched'))), forEver)).toEqual({ url: file.url, size: 5 });
  });

  it('has nothing of a file that broke off, and gives why', async () => {
    const broken = output(file, () => Promise.resolve({ body: Readable.from((async function* () {
      yield 'byt';
      throw fail('CONNECTION_ERROR', 'cut off.');
    })()), size: 5 }));
    await expect(storage().keep(broken, forEver)).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
    await expect(stat(path())).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await storage().keep(output(file), forEver)).toMatchObject({ size: 5 });
  });

  it('refuses names that lead elsewhere, and types that it does not know', async () => {
    for (const odd of [{ ...file, filename: '../../a.png' }, { ...file, type: 'strange' }]) await expect(storage().keep(output(odd), forEver)).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 400 });
  });

  it('that is switched off leaves everything where it was made', async () => {
    for (const one of [file, { ...file, type: 'strange' }]) expect(await storage(false).keep(output(one, () => Promise.reject(new TypeError('it was fetched'))), forEver)).toEqual({ url: file.url, size: undefined });
  });

  it('removes all of a job, and does not mind what is not there', async () => {
    await storage().keep(output(file), forEver);
    await storage().remove('job');
    await storage().remove('job');
    await expect(stat(path())).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
