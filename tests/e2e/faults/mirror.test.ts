import { readdir, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { addressOf, download, handOver, loaded } from '../../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { type Graph, inverted, longWork, solidColour } from '../../support/graphs.ts';
import { noisyPng } from '../../support/picture.ts';
import { tap } from '../../support/tap.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const views = (engine: TestSandbox): number => engine.sandbox.counters.snapshot.requests['GET /view'] ?? 0;
const files = async (folder: string): Promise<string[]> => (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])).filter((entry) => entry.isFile()).map((entry) => entry.name).toSorted();
const whole = async (folder: string): Promise<string[]> => (await files(folder)).filter((name) => !name.startsWith('.'));

interface World extends AsyncDisposable {
  readonly engine: TestSandbox;
  readonly gateway: TestGateway;
  readonly folder: string;
  readonly output: string;
}

async function world(env: Readonly<Record<string, string>> = {}): Promise<World> {
  const engine = await startTestSandbox();
  const folder = await temporaryFolder();
  const gateway = await startTestGateway({ instances: [engine.url], folder: folder.path, env });
  return {
    engine,
    gateway,
    folder: folder.path,
    output: join(folder.path, 'output'),
    async [Symbol.asyncDispose]() {
      await gateway.close();
      await engine[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function made(gateway: TestGateway, graph: Graph = solidColour()): Promise<{ id: string; url: string }> {
  const { prompt_id: id } = await gateway.submit(graph);
  expect((await gateway.ended(id)).state).toBe('completed');
  const [file] = await gateway.images(id);
  return { id, url: file?.url ?? '' };
}

/** A prompt whose output has some megabytes. */
async function largeOutput(gateway: TestGateway): Promise<{ id: string; url: string }> {
  await handOver(gateway, await noisyPng(1_024), { name: 'large.png' });
  return made(gateway, loaded('large.png'));
}

describe('a mirrored output', () => {
  test('outlives its instance, whole, in parts, with conditions and converted', async () => {
    await using it = await world();
    const { url } = await made(it.gateway);
    await until('the copy is there', async () => (await whole(it.output)).length === 1);
    await it.engine.sandbox.close();
    const all = await download(it.gateway, url);
    expect([all.status, all.headers.get('content-type'), all.headers.get('accept-ranges'), (await sharp(all.bytes).metadata()).width]).toEqual([200, 'image/png', 'bytes', 32]);
    const part = await download(it.gateway, url, { headers: { range: 'bytes=-10' } });
    expect([part.status, part.bytes]).toEqual([206, all.bytes.subarray(-10)]);
    const etag = all.headers.get('etag') ?? '';
    expect((await download(it.gateway, url, { headers: { 'if-none-match': `"x", W/${etag}` } })).status).toBe(304);
    expect((await download(it.gateway, url, { headers: { 'if-modified-since': all.headers.get('last-modified') ?? '' } })).status).toBe(304);
    expect((await download(it.gateway, url, { headers: { range: 'bytes=0-3', 'if-range': '"other"' } })).status).toBe(200);
    expect((await download(it.gateway, url, { headers: { range: `bytes=${all.bytes.length}-` } })).status).toBe(416);
    const head = await download(it.gateway, url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), head.headers.get('etag')]).toEqual([200, String(all.bytes.length), etag]);
    const small = await download(it.gateway, `${url}&format=webp&width=16`);
    expect([small.headers.get('content-type'), small.headers.get('content-disposition'), (await sharp(small.bytes).metadata()).width]).toEqual(['image/webp', expect.stringMatching(/\.webp/), 16]);
    expect((await download(it.gateway, `${url}&format=webp&width=16`, { headers: { 'if-none-match': small.headers.get('etag') ?? '' } })).status).toBe(304);
    expect((await download(it.gateway, `${url}&format=webp&width=15`, { headers: { 'if-none-match': small.headers.get('etag') ?? '' } })).status).toBe(200);
  });

  test('is fetched from the instance once, though it is asked for while it is copied', async () => {
    await using it = await world();
    const { url } = await largeOutput(it.gateway);
    const all = await Promise.all(Array.from({ length: 5 }, () => download(it.gateway, url)));
    expect(all.map((one) => one.status)).toEqual([200, 200, 200, 200, 200]);
    expect(views(it.engine)).toBe(1);
  });

  test('is fetched from the instance once, though it is asked for in another format at once', async () => {
    await using it = await world();
    const { url } = await largeOutput(it.gateway);
    const all = await Promise.all(['webp', 'jpeg', 'png'].map((format) => download(it.gateway, `${url}&format=${format}&width=20`)));
    expect(await Promise.all(all.map(async (one) => (await sharp(one.bytes).metadata()).format))).toEqual(['webp', 'jpeg', 'png']);
    expect(views(it.engine)).toBe(1);
    expect((await files(it.output)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('breaks off visibly for whoever reads it while the instance breaks off, and is whole afterwards', async () => {
    await using it = await world();
    it.engine.sandbox.knobs.set({ truncateView: 1 });
    const { url } = await largeOutput(it.gateway);
    const first = await download(it.gateway, url).then(({ bytes }) => bytes.length, () => 'broken');
    const fetched = await until('it is fetched whole', async () => download(it.gateway, url).catch(() => undefined));
    expect(['broken', fetched.bytes.length]).toContain(first);
    expect((await sharp(fetched.bytes).metadata()).width).toBe(1_024);
    await until('the copy is there', async () => (await whole(it.output)).length === 1);
  });

  test.skipIf(process.platform !== 'linux')('is closed when its reader hangs up in the middle, and a slow reader of it holds nobody else up', async () => {
    await using it = await world();
    await handOver(it.gateway, await noisyPng(3_000), { name: 'large.png' });
    const { url } = await made(it.gateway, loaded('large.png'));
    await until('the copy is there', async () => (await whole(it.output)).length === 1);
    const opened = async (): Promise<number> => {
      const targets = await Promise.all((await readdir('/proc/self/fd')).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
      return targets.filter((target) => target.startsWith(it.output)).length;
    };
    const address = new URL(addressOf(it.gateway, url));
    const socket = connect(Number(address.port), '127.0.0.1').pause();
    socket.write(`GET ${address.pathname}${address.search} HTTP/1.1\r\nHost: ${address.host}\r\n\r\n`);
    await until('it is being read', async () => (await opened()) === 1);
    expect((await download(it.gateway, url)).bytes.length).toBeGreaterThan(20_000_000);
    expect(await opened()).toBe(1);
    socket.destroy();
    await until('it is closed', async () => (await opened()) === 0);
  });

  test('that a link leads to from the folder is not given: the file comes from its instance', async () => {
    await using it = await world();
    const { url } = await made(it.gateway);
    const copy = await until('the copy is there', async () => (await readdir(it.output, { recursive: true, withFileTypes: true })).find((entry) => entry.isFile() && !entry.name.startsWith('.')));
    const first = await download(it.gateway, url);
    await writeFile(join(it.folder, 'secret'), 'secret');
    await rm(join(copy.parentPath, copy.name));
    await symlink(join(it.folder, 'secret'), join(copy.parentPath, copy.name));
    const linked = await download(it.gateway, url);
    expect([linked.status, linked.bytes.equals(first.bytes), views(it.engine)]).toEqual([200, true, 2]);
    for (const query of ['&format=webp', '&width=5']) expect((await download(it.gateway, url + query)).status).toBe(200);
    await it.engine.sandbox.close();
    expect((await download(it.gateway, url)).status).toBe(503);
  });

  test('is tried again when the instance fails or breaks off, and never stands there half', async () => {
    await using it = await world();
    it.engine.sandbox.knobs.set({ failView: 1, truncateView: 1 });
    const { url } = await made(it.gateway);
    await until('the copy is there', async () => (await whole(it.output)).length === 1);
    await it.engine.sandbox.close();
    expect((await sharp((await download(it.gateway, url)).bytes).metadata()).width).toBe(32);
    expect(await files(it.output)).toHaveLength(1);
  });

  test('that was missed is caught up with after a restart, and what an earlier process left unfinished goes', async () => {
    await using folder = await temporaryFolder();
    await using engine = await startTestSandbox();
    const output = join(folder.path, 'output');
    const first = await startTestGateway({ instances: [engine.url], folder: folder.path, env: { MIRROR_OUTPUTS: 'false' } });
    const { url } = await made(first);
    expect(await files(output)).toEqual([]);
    await first.close();
    const partial = '.0a0a0a0a-1111-2222-3333-444444444444.part';
    await using third = await startTestGateway({ instances: [engine.url], folder: folder.path });
    await until('the copy is there', async () => (await whole(output)).length === 1);
    await third.close();
    await writeFile(join(output, partial), 'half');
    await utimes(join(output, partial), 1, 1);
    await using fourth = await startTestGateway({ instances: [engine.url], folder: folder.path });
    await until('the partial file is gone', async () => !(await files(output)).includes(partial));
    await engine.sandbox.close();
    expect((await download(fourth, url)).status).toBe(200);
  });

  test('goes when there is more than allowed, and is then fetched from the instance', async () => {
    await using folder = await temporaryFolder();
    await using engine = await startTestSandbox();
    const output = join(folder.path, 'output');
    const first = await startTestGateway({ instances: [engine.url], folder: folder.path });
    const { url } = await made(first);
    await until('the copy is there', async () => (await whole(output)).length === 1);
    await first.close();
    await using second = await startTestGateway({ instances: [engine.url], folder: folder.path, env: { OUTPUT_MAX_GB: '0.00000001' } });
    await until('the copy is gone', async () => (await whole(output)).length === 0);
    expect((await download(second, url)).status).toBe(200);
    await second.close();
    expect([await whole(output), views(engine)]).toEqual([[], 2]);
  });

  test('that is too old goes with its record; a replaced upload goes too', async () => {
    await using folder = await temporaryFolder();
    await using engine = await startTestSandbox();
    const [input, output] = [join(folder.path, 'input'), join(folder.path, 'output')];
    const first = await startTestGateway({ instances: [engine.url], folder: folder.path });
    for (const _ of [1, 2]) await handOver(first, await noisyPng(8), { name: 'a.png', fields: { overwrite: 'true' } });
    const { id } = await made(first);
    await until('the copy is there', async () => (await whole(output)).length === 1);
    await first.close();
    expect(await whole(input)).toHaveLength(2);
    for (const entry of await readdir(folder.path, { recursive: true, withFileTypes: true })) if (entry.isFile() && /\.png$/.test(entry.name)) await utimes(join(entry.parentPath, entry.name), 1, 1);
    await using second = await startTestGateway({ instances: [engine.url], folder: folder.path, env: { OUTPUT_MAX_DAYS: '0.0000001' } });
    await until('the copy and both uploads are gone', async () => (await whole(output)).length + (await whole(input)).length === 0);
    engine.sandbox.forgetHistory(id);
    expect((await second.call('GET', `/api/v1/workflows/${id}`)).status).toBe(404);
  });
});

describe('an output that is not mirrored', () => {
  const env = { MIRROR_OUTPUTS: 'false' };

  test('is passed on from the instance, whole, in parts, with conditions and converted', async () => {
    await using it = await world(env);
    const { url } = await made(it.gateway);
    const all = await download(it.gateway, url);
    expect([all.status, all.headers.get('content-type'), all.headers.get('content-length'), (await sharp(all.bytes).metadata()).width]).toEqual([200, 'image/png', String(all.bytes.length), 32]);
    const part = await download(it.gateway, url, { headers: { range: 'bytes=1-3' } });
    expect([part.status, part.headers.get('content-range'), part.bytes]).toEqual([206, `bytes 1-3/${all.bytes.length}`, all.bytes.subarray(1, 4)]);
    for (const range of ['bytes=5-1', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=x']) expect((await download(it.gateway, url, { headers: { range } })).bytes.equals(all.bytes), range).toBe(true);
    const past = await download(it.gateway, url, { headers: { range: 'bytes=99999-' } });
    expect([past.status, past.headers.get('content-range'), past.bytes.length]).toEqual([416, `bytes */${all.bytes.length}`, 0]);
    expect((await download(it.gateway, url, { headers: { 'if-none-match': all.headers.get('etag') ?? '' } })).status).toBe(304);
    expect((await download(it.gateway, url, { headers: { 'if-modified-since': all.headers.get('last-modified') ?? '' } })).status).toBe(304);
    const head = await download(it.gateway, url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), head.bytes.length]).toEqual([200, String(all.bytes.length), 0]);
    const converted = await download(it.gateway, `${url}&format=jpeg&quality=50&height=8`);
    expect([converted.status, (await sharp(converted.bytes).metadata()).format, (await sharp(converted.bytes).metadata()).height]).toEqual([200, 'jpeg', 8]);
    expect((await download(it.gateway, `${url}&format=jpeg&quality=50&height=8`, { headers: { 'if-none-match': converted.headers.get('etag') ?? '' } })).status).toBe(304);
    expect(await files(it.output)).toEqual([]);
  });

  test('breaks off visibly when the instance does: no part looks like the whole', async () => {
    await using it = await world(env);
    const { url } = await largeOutput(it.gateway);
    it.engine.sandbox.knobs.set({ truncateView: 1 });
    await expect(download(it.gateway, url)).rejects.toThrow();
    it.engine.sandbox.knobs.set({ truncateView: 1 });
    const converted = await download(it.gateway, `${url}&format=webp`);
    expect([converted.status, JSON.parse(converted.bytes.toString())]).toMatchObject([503, { code: 'CONNECTION_ERROR' }]);
    expect((await download(it.gateway, url)).status).toBe(200);
  });

  test('is no longer fetched when its reader hangs up', async () => {
    await using engine = await startTestSandbox();
    await using relay = await tap(engine.url);
    await using gateway = await startTestGateway({ instances: [relay.url], env });
    await handOver(gateway, await noisyPng(2_400), { name: 'large.png' });
    const { url } = await made(gateway, loaded('large.png'));
    const before = relay.sent;
    const address = new URL(addressOf(gateway, url));
    const socket = connect(Number(address.port), '127.0.0.1').pause();
    socket.write(`GET ${address.pathname}${address.search} HTTP/1.1\r\nHost: ${address.host}\r\n\r\n`);
    await until('the file is on its way', () => relay.open('GET /view') === 1 && relay.sent > before + 100_000);
    socket.destroy();
    await until('its connection is closed', () => relay.open('GET /view') === 0);
    expect(relay.sent - before).toBeLessThan(17_000_000);
  });

  test('is a clear error once its instance is gone', async () => {
    await using it = await world(env);
    const { url } = await made(it.gateway);
    await it.engine.sandbox.close();
    const gone = await download(it.gateway, url);
    expect([gone.status, JSON.parse(gone.bytes.toString())]).toMatchObject([503, { code: 'CONNECTION_ERROR' }]);
  });
});

test('an output can be fetched while its prompt still runs', async () => {
  await using it = await world();
  const graph: Graph = {
    ...inverted(),
    ...Object.fromEntries(Object.entries(longWork({ pieces: 300, size: 64 })).map(([id, node]) => [id === 'save' ? 'save' : `2${id}`, { ...node, inputs: Object.fromEntries(Object.entries(node.inputs).map(([name, value]) => [name, Array.isArray(value) ? [`2${String(value[0])}`, value[1] as unknown] : value])) }])),
  };
  const { prompt_id: id } = await it.gateway.submit(graph);
  const [first] = await until('a first output is there', async () => { const found = await it.gateway.images(id); return found.length > 0 && found; });
  expect((await it.gateway.state(id)).state).toBe('running');
  expect((await download(it.gateway, first?.url ?? '')).status).toBe(200);
  await it.gateway.interrupt(id);
});
