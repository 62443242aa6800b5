import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { until } from '../../../tests/support/until.ts';
import { inside, isSafeSegment } from './confined.ts';
import { find, findInside, read, remove } from './read.ts';
import { receive } from './receive.ts';
import { oldFiles, removePartial, sweep } from './sweep.ts';

const never = new AbortController().signal;
const limits = { maxBytes: Infinity, limitName: 'no limit', signal: never };
const MEGABYTE = 1024 * 1024;

let folder: TemporaryFolder;
let root: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  root = join(folder.path, 'root');
  await mkdir(root);
});
afterEach(() => folder[Symbol.asyncDispose]());

const put = async (path: string, { text = 'x', age = 0 }: { text?: string; age?: number } = {}): Promise<void> => {
  const file = join(root, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, text);
  const then = (Date.now() - age) / 1000;
  await utimes(file, then, then);
};
const listed = async (path = root): Promise<string[]> => (await readdir(path)).toSorted();

describe('a path', () => {
  test.each(['..', '.', '', '../a', 'a/../../b', '/etc/passwd', 'a//b', 'a/', 'a\0b', 'a\\b', '..\\b', 'C:', 'C:\\x', '\\\\?\\C:\\x', '\\\\server\\share', 'CON', 'con.png', 'LPT1', 'com¹.txt', 'NUL.', 'a.', 'a ', 'a\n', 'a\u007f', 'a:stream', 'a*', 'a?', '"a"', '<a>', 'a|b', 'x'.repeat(256), '图'.repeat(86), '\ud800.png'])('%j is refused as the caller’s mistake', async (name) => {
    await expect(inside(root, name)).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 400 });
  });

  test.each(['a.png', 'ComfyUI_00001_.png', '..a', 'a..b', 'console.png', 'CON1', ' a', '图.png', 'é'.normalize('NFD'), '🎨.png', '.hidden', 'x'.repeat(255), '图'.repeat(85), "it's 100% (1) [a] {b} #$&+;=@.png"])('%j is taken as it is', async (name) => {
    expect(isSafeSegment(name)).toBe(true);
    expect(await inside(root, 'sub', name)).toBe(join(root, 'sub', name));
  });

  it('may be given in parts, in which slashes part further', async () => {
    expect(await inside(root, 'p', 'output', '', 'a/b', 'c.png')).toBe(join(root, 'p', 'output', 'a', 'b', 'c.png'));
  });

  it('that is too long is refused', async () => {
    await expect(inside(root, ...Array.from({ length: 40 }, () => 'x'.repeat(200)))).rejects.toMatchObject({ status: 400 });
  });

  it('does not lead out through a link, whether to a file, to a folder or to nothing', async () => {
    await writeFile(join(folder.path, 'secret'), 's');
    await mkdir(join(folder.path, 'elsewhere'));
    await symlink(join(folder.path, 'secret'), join(root, 'file'));
    await symlink(join(folder.path, 'elsewhere'), join(root, 'folder'));
    await symlink(join(folder.path, 'nothing'), join(root, 'dangling'));
    await symlink(join(root, 'loop'), join(root, 'loop'));
    for (const segments of [['file'], ['folder'], ['folder', 'new.png'], ['folder', 'a', 'b.png'], ['dangling'], ['dangling', 'x'], ['loop']]) {
      await expect(inside(root, ...segments), segments.join('/')).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 400 });
    }
  });

  it('may lead through a link that stays inside, and through a root that is one itself', async () => {
    await mkdir(join(root, 'real'));
    await symlink(join(root, 'real'), join(root, 'link'));
    expect(await inside(root, 'link', 'a.png')).toBe(join(root, 'link', 'a.png'));
    await symlink(root, join(folder.path, 'root-link'));
    expect(await inside(join(folder.path, 'root-link'), 'real', 'a.png')).toBe(join(folder.path, 'root-link', 'real', 'a.png'));
  });

  it('may lie below a folder that is not there yet, but not beside one of a similar name', async () => {
    expect(await inside(join(root, 'not', 'yet'), 'a.png')).toBe(join(root, 'not', 'yet', 'a.png'));
    await mkdir(`${root}-other`);
    await symlink(`${root}-other`, join(root, 'out'));
    await expect(inside(root, 'out', 'a.png')).rejects.toMatchObject({ status: 400 });
  });
});

describe('a file that arrives', () => {
  it('has its own name only when it is complete, with its size, hash and first bytes', async () => {
    const content = Buffer.from('hello '.repeat(2_000));
    const received = await receive(root, Readable.from([content.subarray(0, 5), content.subarray(5)]), limits);
    expect((await listed()).every((name) => /^\..*\.part$/.test(name))).toBe(true);
    expect(received).toMatchObject({ size: content.length, hash: createHash('sha256').update(content).digest('hex'), head: content.subarray(0, 4_100) });
    await received.keep(join(root, 'a', 'b.txt'));
    expect(await listed()).toEqual(['a']);
    expect(await readFile(join(root, 'a', 'b.txt'))).toEqual(content);
  });

  it('replaces an older one at once: whoever reads that reads it to its end', async () => {
    await put('a.txt', { text: 'old' });
    const reader = read(join(root, 'a.txt'));
    await once(reader, 'open');
    await (await receive(root, Readable.from(['new']), limits)).keep(join(root, 'a.txt'));
    expect((await buffer(reader)).toString()).toBe('old');
    expect(await readFile(join(root, 'a.txt'), 'utf8')).toBe('new');
  });

  it('makes its folder, and may be thrown away', async () => {
    const received = await receive(join(root, 'new', 'deep'), Readable.from(['x']), limits);
    await received.discard();
    await received.discard();
    expect(await listed(join(root, 'new', 'deep'))).toEqual([]);
  });

  it('of the allowed size is taken; one byte more is refused while it arrives, and the rest is never read', async () => {
    const source = (): { body: Readable; read: () => number } => {
      let count = 0;
      return { body: Readable.from((function* () { for (; count < 1_000; count += 1) yield Buffer.alloc(1_000); })(), { highWaterMark: 1 }), read: () => count };
    };
    const exact = await receive(root, Readable.from([Buffer.alloc(10_000)]), { ...limits, maxBytes: 10_000 });
    await exact.discard();
    const { body, read: readCount } = source();
    await expect(receive(root, body, { maxBytes: 10_000, limitName: 'MAX_UPLOAD_MB', signal: never })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', message: expect.stringContaining('MAX_UPLOAD_MB') as string });
    expect(readCount()).toBeLessThan(20);
    expect(body.destroyed).toBe(true);
    expect(await listed()).toEqual([]);
  });

  it('that fails or is given up midway leaves nothing, and its reason is told', async () => {
    const broken = Readable.from((async function* () { yield Buffer.alloc(100); throw new TypeError('cut'); })());
    await expect(receive(root, broken, limits)).rejects.toThrow('cut');
    const stop = new AbortController();
    const stuck = new Readable({ read: () => undefined });
    stuck.push(Buffer.alloc(100));
    const receiving = receive(root, stuck, { ...limits, signal: stop.signal });
    await until('it is being written', async () => (await listed()).length === 1);
    stop.abort(new TypeError('the caller hung up'));
    await expect(receiving).rejects.toThrow('the caller hung up');
    await expect(receive(root, Readable.from(['x']), { ...limits, signal: AbortSignal.abort(new TypeError('before')) })).rejects.toThrow('before');
    expect(stuck.destroyed).toBe(true);
    expect(await listed()).toEqual([]);
  });

  it('that the disk has no place for is a clear error without a path, and its source is let go', async () => {
    await put('file');
    for (const below of [join(root, 'file'), join(root, 'file', 'deeper')]) {
      const body = Readable.from(['x']);
      const refused = await receive(below, body, limits).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 500, message: expect.stringMatching(/ENOTDIR|EEXIST/) as string });
      expect(String(refused)).not.toContain(root);
      expect(body.destroyed).toBe(true);
    }
    const received = await receive(root, Readable.from(['x']), limits);
    await expect(received.keep(join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 500 });
    await received.discard();
    expect(await listed()).toEqual(['file']);
  });

  it('of 50 MB is never held: what was made and not yet written stays small', async () => {
    const file = join(root, 'large');
    let made = 0;
    let ahead = 0;
    const source = Readable.from((async function* () {
      for (; made < 50 * MEGABYTE; made += MEGABYTE) {
        const [name = ''] = await listed();
        ahead = Math.max(ahead, made - (await stat(join(root, name)).catch(() => ({ size: 0 }))).size);
        yield Buffer.alloc(MEGABYTE, 1);
      }
    })(), { highWaterMark: 1 });
    const received = await receive(root, source, limits);
    await received.keep(file);
    expect((await stat(file)).size).toBe(50 * MEGABYTE);
    expect(ahead).toBeLessThanOrEqual(4 * MEGABYTE);
  });

  it('is invisible when its process is killed midway, and the rest of it goes later', async () => {
    const program = `
      const { receive } = await import(${JSON.stringify(join(import.meta.dirname, 'receive.ts'))});
      const { Readable } = await import('node:stream');
      const body = new Readable({ read() {} });
      body.push(Buffer.alloc(1000000));
      setInterval(() => body.push(Buffer.alloc(10)), 5);
      (await receive(${JSON.stringify(root)}, body, { maxBytes: Infinity, limitName: '', signal: new AbortController().signal })).keep('never');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'ignore', 'inherit'] });
    const name = await until('the child writes', async () => (await listed())[0]);
    await until('it wrote something', async () => (await stat(join(root, name))).size > 0);
    await removePartial(root, Date.now() - 60_000, never);
    expect(await listed()).toEqual([name]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await listed()).toEqual([name]);
    expect(name).toMatch(/^\./);
    await utimes(join(root, name), 1, 1);
    await removePartial(root, Date.now() - 60_000, never);
    expect(await listed()).toEqual([]);
  });
});

describe('partial files', () => {
  it('go when nobody wrote to them for long; what only looks alike stays', async () => {
    const partial = '.0a0a0a0a-1111-2222-3333-444444444444.part';
    const young = '.0b0b0b0b-1111-2222-3333-444444444444.part';
    await put(partial, { age: 100_000 });
    await put(young, { age: 1_000 });
    for (const other of ['result.part', '.gitkeep', '.part', `p/output/${partial}`]) await put(other, { age: 100_000 });
    await removePartial(root, Date.now() - 50_000, never);
    expect(await listed()).toEqual([young, '.gitkeep', '.part', 'p', 'result.part'].toSorted());
    expect(await listed(join(root, 'p', 'output'))).toEqual([partial]);
  });

  it('in a folder that is not there are none', async () => {
    await removePartial(join(root, 'none'), Date.now(), never);
  });
});

describe('a sweep', () => {
  const all = { before: 0, maxBytes: Infinity };

  it('takes what is too old, whole folders at a time, by the youngest file in each', async () => {
    await put('old/output/a.png', { age: 10_000 });
    await put('mixed/output/a.png', { age: 10_000 });
    await put('mixed/temp/b.png', { age: 10 });
    await put('.gitkeep', { age: 10_000 });
    expect(await sweep(root, { ...all, before: Date.now() - 5_000 }, never)).toEqual({ removed: 1, crowdedOut: 0, bytes: 2 });
    expect(await listed()).toEqual(['.gitkeep', 'mixed']);
    expect(await find(join(root, 'mixed/output/a.png'))).toBeDefined();
  });

  it('takes the oldest until the rest is small enough', async () => {
    for (const [name, age] of [['c', 1_000], ['a', 3_000], ['b', 2_000]] as const) await put(`${name}/output/x`, { text: 'x'.repeat(100), age });
    expect(await sweep(root, { ...all, maxBytes: 250 }, never)).toEqual({ removed: 1, crowdedOut: 1, bytes: 200 });
    expect(await listed()).toEqual(['b', 'c']);
    expect(await sweep(root, { ...all, maxBytes: 200 }, never)).toEqual({ removed: 0, crowdedOut: 0, bytes: 200 });
    expect(await sweep(root, { ...all, maxBytes: 0 }, never)).toEqual({ removed: 2, crowdedOut: 2, bytes: 0 });
  });

  it('leaves a folder alone that was made a moment ago and has no file yet', async () => {
    await mkdir(join(root, 'new', 'output'), { recursive: true });
    expect(await sweep(root, { ...all, before: Date.now() - 5_000 }, never)).toMatchObject({ removed: 0 });
    expect(await listed()).toEqual(['new']);
  });

  it('removes a link and never what it leads to', async () => {
    await mkdir(join(folder.path, 'outside'));
    await writeFile(join(folder.path, 'outside', 'precious'), 'x'.repeat(1_000));
    await symlink(join(folder.path, 'outside'), join(root, 'link'));
    await put('p/a', { age: 10_000 });
    await symlink(join(folder.path, 'outside'), join(root, 'p', 'link'));
    const { bytes } = await sweep(root, all, never);
    expect(bytes).toBeLessThan(1_000);
    await sweep(root, { ...all, maxBytes: 0 }, never);
    expect(await listed()).toEqual([]);
    expect(await listed(join(folder.path, 'outside'))).toEqual(['precious']);
  });

  it('of a folder that is not there does nothing; of one that cannot be read it says so', async () => {
    expect(await sweep(join(root, 'none'), all, never)).toEqual({ removed: 0, crowdedOut: 0, bytes: 0 });
    await put('file');
    await expect(sweep(join(root, 'file'), all, never)).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 500 });
  });

  it('stops when it is told to', async () => {
    await put('a/x', { age: 10_000 });
    expect(await sweep(root, { before: Date.now(), maxBytes: 0 }, AbortSignal.abort())).toMatchObject({ removed: 0 });
    expect(await listed()).toEqual(['a']);
  });
});

describe('files that are there', () => {
  it('are found with size and time; folders and what is missing are not', async () => {
    await put('a/b.txt', { text: 'hello' });
    expect(await find(join(root, 'a/b.txt'))).toMatchObject({ size: 5 });
    for (const name of ['a', 'none', 'a/b.txt/c', 'x'.repeat(300)]) expect(await find(join(root, name)), name).toBeUndefined();
  });

  it('are found below a folder unless their name is not safe or a link leads elsewhere', async () => {
    await put('a/b.txt', { text: 'hello' });
    await writeFile(join(folder.path, 'secret'), 's');
    await symlink(join(folder.path, 'secret'), join(root, 'out'));
    await symlink(folder.path, join(root, 'up'));
    await symlink(join(root, 'a'), join(root, 'within'));
    for (const segments of [['a', 'b.txt'], ['a/b.txt'], ['within', '', 'b.txt']]) expect(await findInside(root, ...segments), segments.join()).toMatchObject({ size: 5 });
    for (const segments of [['none'], ['a'], ['a', 'c.txt'], ['none', 'deep', 'x']]) expect(await findInside(root, ...segments), segments.join()).toBeUndefined();
    for (const segments of [['out'], ['up', 'secret'], ['..', 'secret'], ['/etc/passwd'], ['']]) await expect(findInside(root, ...segments), segments.join()).rejects.toMatchObject({ code: 'FILE_OPERATION_ERROR', status: 400 });
  });

  it('are read as a stream', async () => {
    await put('a.txt', { text: 'abcdefghij' });
    expect((await buffer(read(join(root, 'a.txt')))).toString()).toBe('abcdefghij');
    await expect(buffer(read(join(root, 'none')))).rejects.toThrow('ENOENT');
  });

  it('are removed, once or twice', async () => {
    await put('a.txt');
    await remove(join(root, 'a.txt'));
    await remove(join(root, 'a.txt'));
    expect(await listed()).toEqual([]);
  });

  it('are listed when they are old, one folder deep', async () => {
    for (const [path, age] of [['k/old', 9_000], ['k/new', 0], ['k/.hidden', 9_000], ['k/deep/old', 9_000], ['top', 9_000]] as const) await put(path, { age });
    expect(await Array.fromAsync(oldFiles(root, Date.now() - 5_000))).toEqual(['k/old']);
    expect(await Array.fromAsync(oldFiles(join(root, 'none'), Date.now()))).toEqual([]);
  });
});
