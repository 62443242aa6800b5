import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { poured } from '../../../tests/support/poured.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { until } from '../../../tests/support/until.ts';
import { fail } from '../../core/errors.ts';
import type { FileBody } from '../../models/file.ts';
import { Arriving } from './arriving.ts';
import { openPart, type OpenSource, Part } from './open.ts';
import { rescued } from './rescued.ts';
import { pourInto, scratch } from './scratch.ts';

const never = new AbortController().signal;
const MEGABYTE = 1024 * 1024;
let folder: TemporaryFolder;
let root: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  root = join(folder.path, 'root');
});
afterEach(() => folder[Symbol.asyncDispose]());

const listed = async (): Promise<string[]> => (await readdir(root).catch(() => [])).toSorted();

/** How many descriptors of this process lead below the folder. */
async function openBelow(): Promise<number> {
  const names = await readdir('/proc/self/fd');
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(folder.path)).length;
}
const nothingOpen = (): Promise<true> => until('nothing is open', async () => process.platform !== 'linux' || (await openBelow()) === 0);

describe('an open file', () => {
  const whole = async (content: Buffer): Promise<FileBody | undefined> => {
    await mkdir(root, { recursive: true });
    await writeFile(join(root, 'file'), content);
    return openPart(join(root, 'file'), { start: 0, end: content.length - 1 });
  };

  test.each([0, 1, 1_000, 256 * 1024, 256 * 1024 + 1, 3 * MEGABYTE + 7])('of %i bytes is poured to the last byte, and closed', async (size) => {
    const content = randomBytes(size);
    expect((await poured(await whole(content))).equals(content)).toBe(true);
    await nothingOpen();
  });

  it('is poured in part', async () => {
    const content = randomBytes(MEGABYTE);
    await whole(content).then((body) => body?.discard());
    for (const [start, end] of [[0, 0], [10, 20], [300_000, 900_000], [MEGABYTE - 1, MEGABYTE - 1]] as const) {
      expect((await poured(await openPart(join(root, 'file'), { start, end }))).equals(content.subarray(start, end + 1))).toBe(true);
    }
    await nothingOpen();
  });

  it('stays whole when its name is taken away or given to another, and is not there afterwards', async () => {
    const content = randomBytes(MEGABYTE);
    const body = await whole(content);
    await rm(join(root, 'file'));
    expect((await poured(body)).equals(content)).toBe(true);
    expect(await openPart(join(root, 'file'), { start: 0, end: 1 })).toBeUndefined();
    await expect(openPart(root, { start: 0, end: 1 }).then((folderBody) => poured(folderBody))).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR' });
  });

  it('that was cut short is no whole file', async () => {
    const body = await whole(Buffer.alloc(1_000));
    await writeFile(join(root, 'file'), 'short');
    const reader = new PassThrough();
    await expect(body?.pour(reader, never)).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR' });
    expect(reader.destroyed).toBe(true);
    await nothingOpen();
  });

  it('is held no further than two chunks before a reader who does not read', async () => {
    const body = await whole(Buffer.alloc(8 * MEGABYTE));
    let taken = 0;
    const reader = new Writable({ write: (chunk: Buffer) => void (taken += chunk.length) });
    const stop = new AbortController();
    const pouring = body?.pour(reader, stop.signal);
    await until('it waits', async () => { const before = taken; await new Promise((resolve) => setTimeout(resolve, 30)); return taken > 0 && taken === before; });
    expect(taken + reader.writableLength).toBeLessThanOrEqual(1024 * 1024);
    stop.abort();
    await expect(pouring).rejects.toThrow();
    expect(reader.destroyed).toBe(true);
    await nothingOpen();
  });

  test.each<[string, (reader: Writable) => void]>([['goes away', (reader) => reader.destroy()], ['fails', (reader) => reader.destroy(new TypeError('broken'))]])('is closed when its reader %s', async (_how, end) => {
    const body = await whole(Buffer.alloc(8 * MEGABYTE));
    const reader = new PassThrough();
    reader.on('error', () => undefined);
    const pouring = body?.pour(reader, never);
    await once(reader, 'readable');
    end(reader);
    await expect(pouring).rejects.toThrow();
    await nothingOpen();
    const late = await openPart(join(root, 'file'), { start: 0, end: 9 });
    await expect(late?.pour(reader, never)).rejects.toThrow();
    await nothingOpen();
  });

  it('that nobody wants is closed', async () => {
    const body = await whole(Buffer.alloc(10));
    body?.discard();
    body?.discard();
    await nothingOpen();
  });
});

describe('a file that arrives', () => {
  const modifiedAt = new Date(1_763_900_000_123);
  const begin = (body: Readable, more: { size?: number | undefined; signal?: AbortSignal } = {}) => Arriving.begin(root, join(root, 'p', 'a.png'), { body, size: undefined, modifiedAt, signal: never, ...more });
  const half = (): { body: Readable; rest: { resolve: () => void; reject: (error: Error) => void } } => {
    const body = new Readable({ read: () => undefined });
    body.push('hello ');
    return { body, rest: { resolve: () => { body.push('world'); body.push(null); }, reject: (error) => void body.destroy(error) } };
  };

  it('can be read before it is complete, by many, from the beginning, and has its name only then', async () => {
    const { body, rest } = half();
    const arriving = await begin(body, { size: 11 });
    const readers = [{ start: 0, end: 10 }, { start: 0, end: 10 }, { start: 3, end: 7 }, { start: 8, end: 10 }].map((span) => poured(arriving.part(span)));
    expect((await poured(arriving.part({ start: 0, end: 5 }))).toString()).toBe('hello ');
    expect((await listed()).every((name) => /^\..*\.part$/.test(name))).toBe(true);
    rest.resolve();
    expect((await Promise.all(readers)).map(String)).toEqual(['hello world', 'hello world', 'lo wo', 'rld']);
    await arriving.kept;
    expect(await listed()).toEqual(['p']);
    expect([await readFile(join(root, 'p', 'a.png'), 'utf8'), (await stat(join(root, 'p', 'a.png'))).mtime]).toEqual(['hello world', modifiedAt]);
    expect(arriving.part({ start: 0, end: 1 })).toBeUndefined();
    await nothingOpen();
  });

  it('of many chunks is the same for a reader who is slower than it arrives', async () => {
    const content = randomBytes(5 * MEGABYTE + 3);
    const chunks = Array.from({ length: 81 }, (_, n) => content.subarray(n * 65_536, (n + 1) * 65_536));
    const arriving = await begin(Readable.from(chunks, { objectMode: false }), { size: content.length });
    const all = await Promise.all([poured(arriving.part({ start: 0, end: content.length - 1 })), poured(arriving.part({ start: 100_000, end: 4_000_000 })), arriving.kept]);
    expect([all[0].equals(content), all[1].equals(content.subarray(100_000, 4_000_001))]).toEqual([true, true]);
    expect((await readFile(join(root, 'p', 'a.png'))).equals(content)).toBe(true);
    await nothingOpen();
  });

  it('may be empty, and need not say its size', async () => {
    const arriving = await begin(Readable.from([]), { size: 0 });
    await arriving.kept;
    expect((await stat(join(root, 'p', 'a.png'))).size).toBe(0);
    await (await begin(Readable.from(['x']))).kept;
    expect(await readFile(join(root, 'p', 'a.png'), 'utf8')).toBe('x');
  });

  it('fails with its source, and so do its readers; nothing is left', async () => {
    const { body, rest } = half();
    const arriving = await begin(body, { size: 11 });
    const reading = poured(arriving.part({ start: 0, end: 10 }));
    rest.reject(new TypeError('cut'));
    await expect(reading).rejects.toThrow('cut');
    await expect(arriving.kept).rejects.toThrow('cut');
    expect([await listed(), body.destroyed]).toEqual([[], true]);
    await nothingOpen();
    await expect(begin(Readable.from((async function* () { throw new TypeError('at once'); })()))).rejects.toThrow('at once');
    expect(await listed()).toEqual([]);
  });

  test.each([10, 12])('of 11 bytes is not kept when %i were promised', async (size) => {
    const arriving = await begin(Readable.from(['hello ', 'world']), { size });
    await expect(arriving.kept).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    expect(await listed()).toEqual([]);
  });

  it('is given up with its signal, and so are its readers', async () => {
    const stop = new AbortController();
    const { body } = half();
    const arriving = await begin(body, { size: 11, signal: stop.signal });
    const reading = poured(arriving.part({ start: 0, end: 10 }));
    stop.abort(new TypeError('the end'));
    await expect(arriving.kept).rejects.toThrow('the end');
    await expect(reading).rejects.toThrow('the end');
    expect(body.destroyed).toBe(true);
    await nothingOpen();
    await expect(begin(Readable.from(['x']), { signal: AbortSignal.abort(new TypeError('before')) })).rejects.toThrow('before');
    expect(await listed()).toEqual([]);
  });

  it('goes on when a reader hangs up, and lets that reader go at once', async () => {
    const { body, rest } = half();
    const arriving = await begin(body, { size: 11 });
    const stop = new AbortController();
    const reading = poured(arriving.part({ start: 0, end: 10 }), stop.signal);
    arriving.part({ start: 0, end: 10 })?.discard();
    stop.abort();
    await expect(reading).rejects.toThrow();
    rest.resolve();
    await arriving.kept;
    expect(await readFile(join(root, 'p', 'a.png'), 'utf8')).toBe('hello world');
    await nothingOpen();
  });

  it('that the disk has no place for is a clear error, and its source is let go', async () => {
    await writeFile(root, 'a file in the way');
    const body = Readable.from(['x']);
    await expect(begin(body)).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 500 });
    expect(body.destroyed).toBe(true);
    await rm(root);
    await expect(begin(Readable.from(['x']), { size: 2 ** 60 })).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', message: expect.stringContaining('full') as string });
    expect(await listed()).toEqual([]);
    await writeFile(join(root, 'p'), 'a file in the way');
    const arriving = await begin(Readable.from(['x']), { size: 1 });
    await expect(arriving.kept).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR' });
    expect(await listed()).toEqual(['p']);
  });
});

describe('a file whose disk fails it', () => {
  const disk = (good: number): { source: OpenSource; closed: () => number } => {
    let closed = 0;
    const read = async (buffer: Buffer, position: number): Promise<number> => {
      if (position >= good) throw fail('FILE_OPERATION_ERROR', 'ENOSPC');
      return Buffer.from('hello world').copy(buffer, 0, position, good);
    };
    return { source: { read, close: async () => void (closed += 1) }, closed: () => closed };
  };
  const elsewhere = (...chunks: string[]) => {
    const asked: number[] = [];
    const bodies: Readable[] = [];
    return { asked, bodies, open: async (position: number) => { asked.push(position); const body = Readable.from(chunks); bodies.push(body); return body; } };
  };

  test.each([0, 1, 6, 10])('after %i bytes goes on with those from elsewhere', async (good) => {
    const { source, closed } = disk(good);
    const other = elsewhere(...'hello world'.slice(good));
    expect((await poured(new Part(rescued(source, other.open), { start: 0, end: 10 }))).toString()).toBe('hello world');
    expect([other.asked, other.bodies[0]?.destroyed, closed()]).toEqual([[good], true, 1]);
  });

  it('never asks elsewhere while the disk works, nor when it is the source that failed', async () => {
    const other = elsewhere('x');
    expect((await poured(new Part(rescued(disk(11).source, other.open), { start: 0, end: 10 }))).toString()).toBe('hello world');
    const cut: OpenSource = { read: () => Promise.reject(new TypeError('cut')), close: async () => undefined };
    await expect(poured(new Part(rescued(cut, other.open), { start: 0, end: 10 }))).rejects.toThrow('cut');
    expect(other.asked).toEqual([]);
  });

  it('fails when elsewhere there is less, or nothing', async () => {
    await expect(poured(new Part(rescued(disk(6).source, elsewhere('wor').open), { start: 0, end: 10 }))).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR' });
    await expect(poured(new Part(rescued(disk(6).source, () => Promise.reject(new TypeError('gone'))), { start: 0, end: 10 }))).rejects.toThrow('gone');
  });
});

describe('a scratch file', () => {
  it('has a name that nobody else has, and is gone afterwards, whichever way', async () => {
    const names = await Promise.all([1, 2].map((n) => scratch(root, async (path) => { await writeFile(path, String(n)); return path; })));
    expect(new Set(names).size).toBe(2);
    await expect(scratch(root, async (path) => { await writeFile(path, ''); throw new TypeError('x'); })).rejects.toThrow('x');
    expect(await listed()).toEqual([]);
  });

  it('takes a stream up to its limit, and lets it go beyond', async () => {
    await scratch(root, async (path) => {
      await pourInto(path, Readable.from([Buffer.from('hello')]), { maxBytes: 5, signal: never });
      expect(await readFile(path, 'utf8')).toBe('hello');
      let given = 0;
      const endless = Readable.from((function* () { for (;;) { given += 1; yield Buffer.alloc(1_000); } })(), { highWaterMark: 1 });
      await expect(pourInto(path, endless, { maxBytes: 5_000, signal: never })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
      expect([endless.destroyed, given < 20]).toEqual([true, true]);
    });
  });

  it('fails with its stream, its signal and its disk', async () => {
    const broken = (): Readable => Readable.from((async function* () { yield Buffer.alloc(1); throw new TypeError('cut'); })());
    await scratch(root, async (path) => {
      await expect(pourInto(path, broken(), { maxBytes: 100, signal: never })).rejects.toThrow('cut');
      const stuck = new Readable({ read: () => undefined });
      const stop = new AbortController();
      const filling = pourInto(path, stuck, { maxBytes: 100, signal: stop.signal });
      stop.abort();
      await expect(filling).rejects.toThrow();
      expect(stuck.destroyed).toBe(true);
      await expect(pourInto(join(path, 'below'), Readable.from([Buffer.alloc(1)]), { maxBytes: 100, signal: never })).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR' });
    });
    if (process.platform === 'linux') await expect(pourInto('/dev/full', Readable.from([Buffer.alloc(1)]), { maxBytes: 100, signal: never })).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', message: expect.stringContaining('ENOSPC') as string });
  });
});
