import { appendFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { watchFolder } from './watch-folder.ts';

const options = { settleMs: 50, depth: 3 };

/** Watching that has begun, and ends with the scope. */
async function watching(folder: string, settleMs = options.settleMs) {
  const stop = new AbortController();
  const news = watchFolder(folder, { ...options, settleMs }, stop.signal);
  const next = async () => (await news.next()).value;
  expect(await next()).toEqual({ kind: 'changed' });
  return { next, stop, news, [Symbol.asyncDispose]: async () => { stop.abort(); await news.return(); } };
}

describe('a watched folder', () => {
  it('tells of a file that is new, changed, renamed and gone, also in a folder of it', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'below'));
    await using watched = await watching(folder.path);
    const file = join(folder.path, 'below', 'a.json');
    for (const deed of [() => writeFile(file, '1'), () => writeFile(file, '22'), () => rename(file, `${file}.old`), () => rm(`${file}.old`)]) {
      await deed();
      expect(await watched.next()).toEqual({ kind: 'changed' });
    }
  });

  it('tells once of many changes that come close together', async () => {
    await using folder = await temporaryFolder();
    await using watched = await watching(folder.path, 300);
    for (let n = 0; n < 20; n += 1) await writeFile(join(folder.path, `${n}`), 'x');
    const begun = performance.now();
    expect(await watched.next()).toEqual({ kind: 'changed' });
    expect(performance.now() - begun).toBeGreaterThan(200);
  });

  it('tells of a folder in which something always changes', async () => {
    await using folder = await temporaryFolder();
    await using watched = await watching(folder.path, 40);
    const file = join(folder.path, 'log');
    await writeFile(file, '');
    const busy = setInterval(() => void appendFile(file, 'x'), 5);
    expect(await watched.next()).toEqual({ kind: 'changed' });
    clearInterval(busy);
  });

  it('may be missing, and come', async () => {
    await using parent = await temporaryFolder();
    const folder = join(parent.path, 'config', 'workflows');
    await using watched = await watching(folder);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'a.json'), '{}');
    expect(await watched.next()).toEqual({ kind: 'changed' });
  });

  it('is left when the signal fires, also before it began', async () => {
    await using folder = await temporaryFolder();
    await using watched = await watching(folder.path);
    const waiting = watched.next();
    watched.stop.abort();
    expect(await waiting).toBeUndefined();
    expect(await watchFolder(folder.path, options, AbortSignal.abort()).next()).toEqual({ done: true, value: undefined });
  });
});
