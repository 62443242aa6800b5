/** A ComfyUI whose output folder was emptied gives names again: what is there now is another prompt's. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { startSandbox } from '../../../sandbox/comfyui/server.ts';
import { type Fetched, download } from '../../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { type Graph, solidColour } from '../../support/graphs.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const anna = 'anna-secret-key';
const bert = 'bert-secret-key';
const ops = 'ops-secret-key';
const keys = { API_KEYS: `anna:${anna},bert:${bert},ops:${ops}:admin` };

interface World extends AsyncDisposable {
  readonly folder: string;
  readonly start: (env?: Readonly<Record<string, string>>) => Promise<TestGateway>;
  readonly empty: () => Promise<void>;
}

async function world(): Promise<World> {
  const folder = await temporaryFolder();
  const sandbox = await startSandbox({ dataDir: join(folder.path, 'comfyui') });
  const made = join(folder.path, 'comfyui', 'output');
  return {
    folder: folder.path,
    start: (env = {}) => startTestGateway({ instances: [sandbox.url], folder: folder.path, env: { ...keys, ...env } }),
    empty: async () => {
      await rm(made, { recursive: true });
      await mkdir(made);
    },
    async [Symbol.asyncDispose]() {
      await sandbox.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** The URL of the picture that it made. */
async function made(gateway: TestGateway, key: string, graph: Graph = solidColour()): Promise<{ id: string; url: string }> {
  const { prompt_id: id } = await gateway.submit(graph, { key });
  expect((await gateway.ended(id, key)).state).toBe('completed');
  const [file] = await gateway.images(id, key);
  return { id, url: file?.url ?? '' };
}

const nameIn = (url: string): string => url.replace(/&prompt_id=.*/, '');
const problemOf = ({ status, bytes }: Fetched): unknown => [status, /another prompt has overwritten it/.test(String(bytes))];

test.each([['another key’s prompt', bert], ['a later prompt of the same key', anna]])('a file that %s has overwritten is not given out by its URL, in whatever way', async (_who, second) => {
  await using it = await world();
  await using gateway = await it.start({ MIRROR_OUTPUTS: 'false' });
  const old = await made(gateway, anna);
  expect((await download(gateway, old.url, { key: anna })).status).toBe(200);
  await it.empty();
  const late = await made(gateway, second);
  expect(nameIn(late.url)).toBe(nameIn(old.url));
  for (const url of [old.url, `${old.url}&format=webp`, `${old.url}&width=8`]) expect(problemOf(await download(gateway, url, { key: anna }))).toEqual([404, true]);
  expect((await download(gateway, old.url, { key: anna, method: 'HEAD' })).status).toBe(404);
  expect((await download(gateway, old.url, { key: anna, headers: { range: 'bytes=0-3' } })).status).toBe(404);
  expect((await download(gateway, `${old.url}&format=webp`, { key: anna, headers: { 'if-none-match': '"x"' } })).status).toBe(404);
  expect(problemOf(await download(gateway, old.url, { key: ops }))).toEqual([404, true]);
  expect((await download(gateway, nameIn(old.url), { key: anna })).status).toBe(second === anna ? 200 : 404);
  expect((await download(gateway, late.url, { key: second })).status).toBe(200);
});

test('a copy is still given out when its instance has another file of that name, and no copy is made of that', async () => {
  await using it = await world();
  const copies = join(it.folder, 'output');
  await using first = await it.start();
  const old = await made(first, anna);
  const bytes = await until('it is copied', async () => { const got = await download(first, old.url, { key: anna }); return got.headers.has('last-modified') && got.bytes; });
  await it.empty();
  const late = await made(first, bert, solidColour({ size: 8 }));
  expect((await download(first, old.url, { key: anna })).bytes).toEqual(bytes);
  expect((await sharp((await download(first, late.url, { key: bert })).bytes).metadata()).width).toBe(8);
  await first.close();
  await rm(join(copies, old.id), { recursive: true });
  await rm(join(copies, late.id), { recursive: true, force: true });
  await using second = await it.start();
  await until('the other is caught up with', async () => sharp(join(copies, late.id, 'output', 'gateway-test', 'solid_00001_.png')).metadata().catch(() => undefined));
  expect(problemOf(await download(second, old.url, { key: anna }))).toEqual([404, true]);
});

test('prompts that ComfyUI answers out of its cache share the file of the first, whoever made them', async () => {
  await using it = await world();
  await using gateway = await it.start({ MIRROR_OUTPUTS: 'false' });
  const graph = solidColour();
  const all = [[anna, await made(gateway, anna, graph)], [anna, await made(gateway, anna, graph)], [bert, await made(gateway, bert, graph)]] as const;
  for (const [key, { url }] of all) expect([nameIn(url), (await download(gateway, url, { key })).status]).toEqual([nameIn(all[0][1].url), 200]);
});
