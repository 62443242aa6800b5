/** Parts, conditions and HEAD, equal wherever the file comes from. */
import { join } from 'node:path';
import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { download, handOver, loaded } from '../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { noisyPng } from '../support/picture.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

let engine: Engine;
let folder: TemporaryFolder;
let mirroring: TestGateway;
let relaying: TestGateway;
beforeAll(async () => {
  [engine, folder] = [await startEngine(), await temporaryFolder()];
  mirroring = await startTestGateway({ instances: [engine.url], folder: folder.path });
  relaying = await startTestGateway({ instances: [engine.url], env: { MIRROR_OUTPUTS: 'false' } });
});
afterAll(async () => {
  await mirroring.close();
  await relaying.close();
  await engine[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Subject {
  readonly gateway: TestGateway;
  readonly url: string;
}

async function output(gateway: TestGateway): Promise<Subject & { id: string; filename: string; subfolder: string }> {
  await handOver(gateway, await noisyPng(200), { name: 'parts.png', fields: { overwrite: 'true' } });
  const { prompt_id: id } = await gateway.submit(loaded('parts.png'));
  await gateway.ended(id);
  const [file] = await gateway.images(id);
  return { gateway, id, url: file?.url ?? '', filename: file?.filename ?? '', subfolder: file?.subfolder ?? '' };
}

const subjects: Record<string, () => Promise<Subject>> = {
  'an upload': async () => ({ gateway: mirroring, url: (await handOver(mirroring, await noisyPng(200), { name: 'upload.png' })).url }),
  'an output of its instance': () => output(relaying),
  'a mirrored output': async () => {
    const made = await output(mirroring);
    await until('the copy is there', () => stat(join(folder.path, 'output', made.id, 'output', made.subfolder, made.filename)).catch(() => undefined));
    return made;
  },
};

describe.each(Object.entries(subjects))('%s', (_name, make) => {
  let whole: Awaited<ReturnType<typeof download>>;
  let etag: string;
  let date: string;
  let get: (headers: Record<string, string>, method?: string) => ReturnType<typeof download>;
  beforeAll(async () => {
    const { gateway, url } = await make();
    get = (headers, method = 'GET') => download(gateway, url, { headers, method });
    whole = await get({});
    [etag, date] = [whole.headers.get('etag') ?? '', whole.headers.get('last-modified') ?? ''];
  });
  const told = async (headers: Record<string, string>, method?: string): Promise<unknown[]> => {
    const { status, bytes, headers: answered } = await get(headers, method);
    return [status, bytes.length, answered.get('content-range')];
  };
  const shifted = (seconds: number): string => new Date(Date.parse(date) + seconds * 1_000).toUTCString();

  test('says how large it is, when it changed and that it is served in parts', () => {
    const { headers, bytes } = whole;
    expect([whole.status, headers.get('content-length'), headers.get('accept-ranges'), headers.get('content-type')]).toEqual([200, String(bytes.length), 'bytes', 'image/png']);
    expect(bytes.length).toBeGreaterThan(100_000);
    expect(etag).toMatch(/^"[^"]+"$/);
    expect(Math.abs(Date.parse(date) - Date.now())).toBeLessThan(60_000);
  });

  test('is answered in parts, byte for byte', async () => {
    const size = whole.bytes.length;
    const parts: [string, number, number][] = [['bytes=5-9', 5, 9], ['bytes=0-0', 0, 0], ['bytes=100-', 100, size - 1], ['bytes=-7', size - 7, size - 1], ['bytes=70000-99999999', 70_000, size - 1], [`bytes=-${size + 5}`, 0, size - 1]];
    for (const [range, start, end] of parts) {
      const { status, headers, bytes } = await get({ range });
      expect([status, headers.get('content-range'), headers.get('content-length'), bytes.equals(whole.bytes.subarray(start, end + 1))], range).toEqual([206, `bytes ${start}-${end}/${size}`, String(end - start + 1), true]);
      expect([headers.get('etag'), headers.get('last-modified')], range).toEqual([etag, date]);
    }
  });

  test('is not answered in parts that it does not have, and whole where no single part of bytes is asked for', async () => {
    const size = whole.bytes.length;
    for (const range of [`bytes=${size}-`, `bytes=${size + 9}-${size + 10}`]) expect(await told({ range }), range).toEqual([416, 0, `bytes */${size}`]);
    for (const range of ['bytes=0-1,4-5', 'bytes=9-1', 'bytes=x', 'lines=0-1']) expect(await told({ range }), range).toEqual([200, size, null]);
  });

  test('is not sent to those who have it', async () => {
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) expect(await told({ 'if-none-match': tag, range: 'bytes=0-1' }), tag).toEqual([304, 0, null]);
    for (const since of [date, shifted(60)]) expect(await told({ 'if-modified-since': since }), since).toEqual([304, 0, null]);
    const unchanged = await get({ 'if-none-match': etag });
    expect([unchanged.headers.get('etag'), unchanged.headers.get('content-length')]).toEqual([etag, null]);
  });

  test('is sent to those who have another one', async () => {
    const size = whole.bytes.length;
    for (const headers of [{ 'if-none-match': '"other"' }, { 'if-modified-since': shifted(-60) }, { 'if-modified-since': 'yesterday' }, { 'if-none-match': '"other"', 'if-modified-since': date }]) expect(await told(headers), JSON.stringify(headers)).toEqual([200, size, null]);
  });

  test('is continued with If-Range while it is the same, and sent whole otherwise', async () => {
    const size = whole.bytes.length;
    for (const same of [etag, date]) expect(await told({ range: 'bytes=9-', 'if-range': same }), same).toEqual([206, size - 9, `bytes 9-${size - 1}/${size}`]);
    for (const other of ['"other"', `W/${etag}`, shifted(-60), shifted(60), 'nonsense']) {
      expect(await told({ range: 'bytes=9-', 'if-range': other }), other).toEqual([200, size, null]);
      expect(await told({ range: `bytes=${size}-`, 'if-range': other }), other).toEqual([200, size, null]);
    }
    expect(await told({ 'if-range': etag })).toEqual([200, size, null]);
  });

  test('is described by HEAD as GET would send it, whole', async () => {
    const names = ['content-length', 'content-type', 'content-disposition', 'etag', 'last-modified', 'accept-ranges'];
    for (const headers of [{}, { range: 'bytes=0-1' }, { range: 'bytes=99999999-' }]) {
      const head = await get(headers, 'HEAD');
      expect([head.status, head.bytes.length, ...names.map((name) => head.headers.get(name))]).toEqual([200, 0, ...names.map((name) => whole.headers.get(name))]);
    }
    expect((await get({ 'if-none-match': etag }, 'HEAD')).status).toBe(304);
  });
});

test('a copy says of itself while it grows what it says when it is there', async () => {
  const { gateway, url, id, filename, subfolder } = await output(mirroring);
  const first = await download(gateway, url);
  await until('the copy is there', () => stat(join(folder.path, 'output', id, 'output', subfolder, filename)).catch(() => undefined));
  const later = await download(gateway, url, { headers: { 'if-none-match': first.headers.get('etag') ?? '' } });
  expect([later.status, later.headers.get('last-modified')]).toEqual([304, first.headers.get('last-modified')]);
});
