import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { memoryLog } from '../../../tests/support/http-app.ts';
import { png } from '../../../tests/support/picture.ts';
import { poured } from '../../../tests/support/poured.ts';
import { type FileScript, scriptedFiles, type ScriptedFiles } from '../../../tests/support/scripted-files.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { until } from '../../../tests/support/until.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import type { FileBody, FileRef } from '../../models/file.ts';
import { HttpComfyuiFiles } from '../../molecules/comfyui-files/files.ts';
import { InputStore } from '../../molecules/input-store/input-store.ts';
import { InstancePool } from '../../molecules/instance-pool/pool.ts';
import { type GrowingCopy, OutputStore } from '../../molecules/output-store/output-store.ts';
import { SqlInputRecords } from '../../molecules/records/input-records.ts';
import { openRecords } from '../../molecules/records/open.ts';
import { SqlPromptRecords } from '../../molecules/records/prompt-records.ts';
import { MirrorCoordinator } from './mirror-coordinator.ts';

const HOUR = 3_600_000;
const never = new AbortController().signal;
const refOf = (name: string): FileRef => ({ filename: `${name}.png`, subfolder: 'sub', type: 'output' });
const ref = refOf('a');

let folder: TemporaryFolder;
const open: AsyncDisposable[] = [];
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function instance(script: FileScript): Promise<ScriptedFiles> {
  const made = await scriptedFiles(script);
  open.push(made);
  return made;
}

type Limits = { enabled: boolean; maxBytes: number; maxAgeMs: number };

/** A mirror over real folders, a real database and those instances. Pauses between attempts are noted and skipped; the hour until the next round is not. */
async function mirrorOf(instances: readonly ScriptedFiles[], over: Partial<Limits> & { output?: string } = {}) {
  const [http, db] = [new HttpStream(), await openRecords(':memory:', never)];
  const { lines, log } = memoryLog();
  const pauses: number[] = [];
  const outputs = over.output ?? join(folder.path, 'output');
  const parts = {
    files: new HttpComfyuiFiles(http, { uploadMs: 5_000, idleMs: 5_000 }),
    records: { prompts: new SqlPromptRecords(db, Date.now), inputs: new SqlInputRecords(db) },
    stores: { outputs: new OutputStore(outputs), inputs: new InputStore(join(folder.path, 'input'), { maxBytes: 1_000_000 }) },
    pool: new InstancePool(instances.map((one) => one.instance)),
    log,
    limits: { enabled: true, maxBytes: 0, maxAgeMs: 0, ...over },
    now: Date.now,
    random: () => 0.5,
    sleep: async (ms: number, signal: AbortSignal): Promise<void> => {
      if (ms < HOUR) return void pauses.push(ms);
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    },
  };
  const mirror = new MirrorCoordinator(parts);
  open.push({ [Symbol.asyncDispose]: async () => { await mirror.stop(); http.close(); await db.destroy(); } });
  const ended = async (promptId: string, names: readonly string[], endedAt = Date.now()): Promise<void> => {
    await parts.records.prompts.insert({ promptId, key: 'ann', clientId: 'c', instance: instances[0]?.instance.name ?? '', createdAt: endedAt, process: 'me' });
    await parts.records.prompts.finish(promptId, { state: 'completed', startedAt: endedAt, endedAt, detail: '{}', history: undefined, outputs: names.map((name) => ({ ...refOf(name), nodeId: '1', kind: 'image' })) });
  };
  return { mirror, parts, lines, pauses, ended, enqueue: (name = 'a', one = instances[0], promptId = 'p1') => mirror.enqueue(promptId, one?.instance.name ?? '', [refOf(name)]) };
}

const copied = (name = 'a', promptId = 'p1'): Promise<Buffer> => until(`the copy of ${name} is there`, () => readFile(join(folder.path, 'output', promptId, 'output', 'sub', `${name}.png`)).catch(() => undefined));
const listed = async (below = 'output'): Promise<string[]> => (await readdir(join(folder.path, below), { recursive: true, withFileTypes: true }).catch(() => [])).filter((entry) => entry.isFile()).map((entry) => entry.name).toSorted();
const nowhere = (): Promise<never> => Promise.reject(new TypeError('nobody asked'));
const whole = (copy: GrowingCopy | undefined, size: number): FileBody | undefined => copy?.part({ start: 0, end: size - 1 }, nowhere);

describe('a copy that is being made', () => {
  it('is fetched once, however many want the file, before and while it comes', async () => {
    const one = await instance({ size: 11 });
    const { mirror, enqueue } = await mirrorOf([one]);
    enqueue();
    enqueue();
    const early = [mirror.follow('p1', ref), mirror.follow('p1', ref)];
    (await one.sending(0)).send('hello ');
    const readers = [...(await Promise.all(early)), await mirror.follow('p1', ref)].map((copy) => poured(whole(copy, 11)));
    (await one.sending(0)).send('world');
    expect((await Promise.all(readers)).map(String)).toEqual(['hello world', 'hello world', 'hello world']);
    expect([String(await copied()), one.calls]).toEqual(['hello world', 1]);
    await until('it is over', async () => (await mirror.follow('p1', ref)) === undefined);
    expect(one.calls).toBe(1);
  });

  it('begins at once for whoever asks, though its turn has not come', async () => {
    const one = await instance({ size: 1 });
    const { mirror, enqueue } = await mirrorOf([one]);
    for (const name of ['1', '2', '3', 'a', 'b']) enqueue(name);
    await one.sending(2);
    expect(one.calls).toBe(3);
    const following = mirror.follow('p1', ref);
    const wanted = await one.sending(3);
    expect(wanted.request.url).toContain('a.png');
    wanted.send('x');
    expect(String(await poured(whole(await following, 1)))).toBe('x');
    expect(String(await copied())).toBe('x');
    expect(one.calls).toBe(4);
    for (const n of [0, 1, 2]) (await one.sending(n)).send('x');
    (await one.sending(4)).send('x');
    await copied('b');
    expect(one.calls).toBe(5);
  });

  it('is not begun for a download when very many are under way: that is passed on from the instance', async () => {
    const one = await instance({ size: 1 });
    const { mirror, enqueue } = await mirrorOf([one]);
    for (let n = 0; n < 130; n += 1) enqueue(String(n));
    const following = Array.from({ length: 130 }, (_, n) => mirror.follow('p1', refOf(String(n))));
    expect(await Promise.all(following.slice(128))).toEqual([undefined, undefined]);
    for (let n = 0; n < 128; n += 1) (await one.sending(n)).send('x');
    expect((await Promise.all(following.slice(0, 128))).every((copy) => copy?.file?.size === 1)).toBe(true);
    for (const n of [128, 129]) (await one.sending(n)).send('x');
    await copied('129');
    expect(one.calls).toBe(130);
  });

  it('goes on when those who wanted it hang up', async () => {
    const one = await instance({ size: 11 });
    const { mirror, enqueue } = await mirrorOf([one]);
    enqueue();
    const following = mirror.follow('p1', ref);
    (await one.sending(0)).send('hello ');
    const stop = new AbortController();
    const reading = poured(whole(await following, 11), stop.signal);
    stop.abort();
    await expect(reading).rejects.toThrow();
    (await one.sending(0)).send('world');
    expect([String(await copied()), one.calls]).toEqual(['hello world', 1]);
  });

  it('fails its readers when the instance dies in the middle, is made again, and never stands there half', async () => {
    const one = await instance({ size: 11 });
    const { mirror, enqueue, pauses } = await mirrorOf([one]);
    enqueue();
    const following = mirror.follow('p1', ref);
    (await one.sending(0)).send('hello ');
    const reading = poured(whole(await following, 11));
    (await one.sending(0)).cut();
    await expect(reading).rejects.toThrow();
    const again = await one.sending(1);
    expect((await listed()).filter((name) => !name.startsWith('.'))).toEqual([]);
    again.send('hello again');
    expect(String(await copied())).toBe('hello again');
    expect([pauses, await listed()]).toEqual([[500], ['a.png']]);
  });

  it('without a size cannot be followed, and is made', async () => {
    const one = await instance({});
    const { mirror, enqueue } = await mirrorOf([one]);
    enqueue();
    const following = mirror.follow('p1', ref);
    (await one.sending(0)).send('hello');
    expect((await following)?.file).toBeUndefined();
  });
});

describe('a copy that cannot be made', () => {
  it('is final when the instance does not have the file: it is asked once', async () => {
    const one = await instance({ status: () => 404 });
    const { mirror, enqueue, pauses, lines } = await mirrorOf([one]);
    enqueue();
    await until('it is given up', () => lines.some((line) => line.level === 'warn'));
    expect([one.calls, pauses, await mirror.follow('p1', ref)]).toEqual([1, [], undefined]);
  });

  it('is tried five times at growing intervals when the instance fails, and then left', async () => {
    const one = await instance({ status: () => 500 });
    const { mirror, enqueue, pauses, lines } = await mirrorOf([one]);
    enqueue();
    await until('it is given up', () => lines.some((line) => line.level === 'warn'));
    expect([one.calls, pauses]).toEqual([5, [500, 1_000, 2_000, 4_000]]);
    expect(await mirror.follow('p1', ref)).toBeUndefined();
  });

  it('is made when the instance gives the file after some failures', async () => {
    const one = await instance({ status: (n) => (n < 3 ? 503 : 200), content: Buffer.from('late') });
    const { enqueue } = await mirrorOf([one]);
    enqueue();
    expect(String(await copied())).toBe('late');
  });

  it('is left to the instance when the disk refuses it, for followers too', async () => {
    await writeFile(join(folder.path, 'file'), '');
    const one = await instance({ content: Buffer.from('x') });
    const { mirror, enqueue, pauses, lines } = await mirrorOf([one], { output: join(folder.path, 'file') });
    enqueue();
    expect(await mirror.follow('p1', ref)).toBeUndefined();
    await until('it is given up', () => lines.some((line) => line.level === 'warn'));
    expect(pauses).toEqual([]);
  });

  it('tells whoever follows that the instance cannot be reached, or is unknown', async () => {
    const one = await instance({ size: 5 });
    await one[Symbol.asyncDispose]();
    open.length = 0;
    const { mirror, enqueue } = await mirrorOf([one]);
    enqueue();
    await expect(mirror.follow('p1', ref)).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
    mirror.enqueue('p2', 'nobody:1', [ref]);
    expect(await mirror.follow('p2', ref)).toBeUndefined();
  });

  it('is not tried where another prompt has written the name since: not even asked for', async () => {
    const one = await instance({ content: Buffer.from('x') });
    const { mirror, ended, enqueue, lines } = await mirrorOf([one]);
    await ended('p1', ['a'], 1_000);
    await ended('p2', ['a'], 2_000);
    enqueue();
    expect(await mirror.follow('p1', ref)).toBeUndefined();
    await until('it is given up', () => lines.some((line) => line.level === 'warn'));
    expect([one.calls, await listed()]).toEqual([0, []]);
  });

  it('of an instance that hangs holds nobody else up', async () => {
    const [stuck, fine] = [await instance({ size: 5 }), await instance({ content: Buffer.from('x') })];
    const { enqueue } = await mirrorOf([stuck, fine]);
    for (const name of ['1', '2', '3', '4']) enqueue(name, stuck);
    enqueue('a', fine, 'p2');
    expect(String(await copied('a', 'p2'))).toBe('x');
  });

  it('is given up at the end, and leaves nothing', async () => {
    const one = await instance({ size: 11 });
    const { mirror, enqueue } = await mirrorOf([one]);
    enqueue();
    const following = mirror.follow('p1', ref);
    const sending = await one.sending(0);
    sending.send('hello ');
    const reading = poured(whole(await following, 11));
    reading.catch(() => undefined);
    await mirror.stop();
    await expect(reading).rejects.toThrow();
    await until('the connection is closed', () => sending.gone);
    enqueue('b');
    expect([await listed(), one.calls]).toEqual([[], 1]);
  });
});

it('nothing is copied or followed when mirroring is off', async () => {
  const one = await instance({ content: Buffer.from('x') });
  const { mirror, enqueue, ended } = await mirrorOf([one], { enabled: false });
  await ended('p1', ['a']);
  enqueue();
  expect(await mirror.follow('p1', ref)).toBeUndefined();
  void mirror.run();
  await mirror.stop();
  expect(one.calls).toBe(0);
});

describe('after a start', () => {
  it('what is missing of the newest outputs is copied, and what is there is not', async () => {
    const one = await instance({ content: Buffer.from('new') });
    const { mirror, ended } = await mirrorOf([one]);
    await ended('p1', ['a', 'b']);
    await mkdir(join(folder.path, 'output', 'p1', 'output', 'sub'), { recursive: true });
    await writeFile(join(folder.path, 'output', 'p1', 'output', 'sub', 'b.png'), 'old');
    const running = mirror.run();
    expect(String(await copied('a'))).toBe('new');
    expect([String(await copied('b')), one.calls]).toEqual(['old', 1]);
    await mirror.stop();
    await running;
  });

  it('nothing is copied for a prompt whose file another has overwritten, and nothing is said of it', async () => {
    const one = await instance({ content: Buffer.from('new') });
    const { mirror, ended, lines } = await mirrorOf([one]);
    await ended('p1', ['a'], 1_000);
    await ended('p2', ['a'], 3_000);
    await ended('p3', ['b'], 500);
    const running = mirror.run();
    await copied('b', 'p3');
    expect(String(await copied('a', 'p2'))).toBe('new');
    await mirror.stop();
    await running;
    expect([await listed(), one.calls, lines.filter((line) => line.level === 'warn')]).toEqual([['a.png', 'b.png'], 2, []]);
  });

  test.each([['took copies away', 5, 1], ['found it nearly full', 11, 0]])('nothing is copied where the sweep %s', async (_what, maxBytes, gone) => {
    const one = await instance({ content: Buffer.from('x') });
    const { mirror, ended } = await mirrorOf([one], { maxBytes });
    await ended('p1', ['a', 'b']);
    await ended('p2', ['c'], Date.now() - 1_000);
    for (const [path, age] of [['p1/output/sub/a.png', 0], ['p2/output/sub/c.png', 60_000]] as const) {
      await mkdir(join(folder.path, 'output', path, '..'), { recursive: true });
      await writeFile(join(folder.path, 'output', path), 'abcde');
      await utimes(join(folder.path, 'output', path), (Date.now() - age) / 1_000, (Date.now() - age) / 1_000);
    }
    const asked: number[] = [];
    void mirror.run();
    await until('the sweep is over', async () => { asked.push(one.calls); return (await listed()).length === 2 - gone && asked.length > 20; });
    await mirror.stop();
    expect(one.calls).toBe(0);
  });

  it('a reader who began before the sweep reads to the end', async () => {
    const { parts, mirror } = await mirrorOf([], { maxBytes: 1 });
    const content = Buffer.alloc(2_000_000, 7);
    await (await parts.stores.outputs.begin('p1', ref, { body: Readable.from([content]), size: content.length, modifiedAt: new Date(), signal: never })).kept;
    const found = await parts.stores.outputs.find('p1', ref);
    const body = found && (await parts.stores.outputs.open(found, { start: 0, end: content.length - 1 }));
    await mirror.retain();
    expect(await listed()).toEqual([]);
    expect((await poured(body)).equals(content)).toBe(true);
    expect(found && (await parts.stores.outputs.open(found, { start: 0, end: 1 }))).toBeUndefined();
  });
});

describe('uploads', () => {
  it('that nothing refers to go after an hour: replaced ones, and those of a process that died; younger ones and foreign files stay', async () => {
    const { parts, mirror } = await mirrorOf([]);
    const { inputs } = parts.stores;
    const put = async (name: string, age: number): Promise<string> => {
      const stored = await inputs.store('ann', Readable.from([await png()]), never);
      if (name !== '') await parts.records.inputs.put({ ...stored, key: 'ann', type: 'input', subfolder: '', name, upstreamSubfolder: '', createdAt: 1 });
      await utimes(join(folder.path, 'input', stored.path), (Date.now() - age) / 1_000, (Date.now() - age) / 1_000);
      return stored.upstreamName;
    };
    const replaced = await put('a.png', 2 * HOUR);
    const referred = await put('a.png', 2 * HOUR);
    const orphan = await put('', 2 * HOUR);
    const young = await put('', HOUR / 2);
    await writeFile(join(folder.path, 'input', 'ann', 'mine.png'), '');
    await utimes(join(folder.path, 'input', 'ann', 'mine.png'), 1, 1);
    expect(await listed('input')).toEqual([replaced, referred, orphan, young, 'mine.png'].toSorted());
    await mirror.retain();
    expect(await listed('input')).toEqual([referred, young, 'mine.png'].toSorted());
  });

  it('are not reached through a link', async () => {
    const { parts, mirror } = await mirrorOf([]);
    await mkdir(join(folder.path, 'input'));
    await mkdir(join(folder.path, 'elsewhere'));
    const name = `${'a'.repeat(32)}.png`;
    await writeFile(join(folder.path, 'elsewhere', name), 'precious');
    await utimes(join(folder.path, 'elsewhere', name), 1, 1);
    await symlink(join(folder.path, 'elsewhere'), join(folder.path, 'input', 'ann'));
    await mirror.retain();
    expect(await listed('elsewhere')).toEqual([name]);
    await expect(parts.stores.inputs.find(`ann/${name}`)).rejects.toMatchObject({ status: 400 });
  });
});
