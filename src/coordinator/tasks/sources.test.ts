import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { png } from '../../../tests/support/picture.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { decodeDataUri } from '../../atoms/data-uri/data-uri.ts';
import { fail, type GatewayError, failedWith } from '../../core/errors.ts';
import type { Blueprint } from '../../models/template.ts';
import { InputStore } from '../../molecules/input-store/input-store.ts';
import { SqlInputRecords } from '../../molecules/records/input-records.ts';
import type { SourceParts, Sources } from './sources.ts';

const [ann, bob, root] = [{ key: 'ann', admin: false }, { key: 'bob', admin: false }, { key: 'root', admin: true }];
const forEver = new AbortController().signal;
let world: TaskWorld;
let folder: TemporaryFolder;
let bytes: Buffer;
let fetched: string[];

beforeEach(async () => {
  [world, folder, bytes, fetched] = [await TaskWorld.open(), await temporaryFolder(), await png(), []];
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function sources(over: Partial<SourceParts> = {}): Sources {
  return world.sources({
    inputs: new InputStore(folder.path, { maxBytes: 1_000_000 }),
    decode: (uri) => Readable.from([decodeDataUri(uri, 1_000_000).bytes], { objectMode: false }),
    openOwn: (caller, { filename }) => (caller.key === 'ann' && filename === 'mine.png' ? Promise.resolve(Readable.from([bytes], { objectMode: false })) : Promise.reject(fail('IMAGE_NOT_FOUND', `"${filename}".`))),
    remote: { fetch: async ({ url }, store) => (fetched.push(url), { kind: 'fetched', value: await store(Readable.from([bytes], { objectMode: false }), { contentType: undefined, etag: undefined, lastModified: undefined, url }) }) },
    ...over,
  });
}

const blueprint = (...named: string[]): Blueprint => ({ workflow: { '1': { class_type: 'LoadImage', inputs: { image: 'old.png', other: 7 } } }, media: named.map((source, n) => ({ name: `image${n}`, kind: 'image', source, targets: [{ node: '1', input: n === 0 ? 'image' : `image${n}` }] })), outputs: undefined });

/** What the graph names in the place of `source`. */
async function placed(source: string, { caller = ann, from = sources() } = {}): Promise<string> {
  const workflow = await from.place(caller, blueprint(source), forEver);
  const { inputs } = workflow['1'] as { inputs: Record<string, unknown> };
  expect(inputs['other']).toBe(7);
  return String(inputs['image']);
}

async function refusal(deed: Promise<unknown>): Promise<GatewayError> {
  const error: unknown = await deed.then(() => new TypeError('nothing was refused'), (thrown: unknown) => thrown);
  if (!failedWith(error)) throw error;
  return error;
}

const upload = (key: string, name: string): Promise<void> => new SqlInputRecords(world.db).put({ key, type: 'input', subfolder: '', name, hash: name, size: 1, mediaType: 'image/png', upstreamName: `up-${key}-${name}`, upstreamSubfolder: '', path: `${key}/${name}`, createdAt: 1 });

describe('values for a hosted engine', () => {
  const targets = [{ node: '1', input: 'image' }];
  const inputs = { picture: { type: 'image' as const, targets }, words: { type: 'string' as const, targets }, left_out: { type: 'image' as const, targets, required: false } };
  const collect = (source: string, caller = ann) => sources().collect(caller, { inputs }, { values: { picture: source, words: 'hello' }, signal: forEver });

  it.each(['https://host.example/a.png', '/api/v1/images/download?filename=mine.png'])('have files with what is in them: %s', async (source) => {
    const [picture, words, ...more] = await collect(source);
    expect([words, more]).toEqual([{ name: 'words', targets, value: { plain: 'hello' } }, []]);
    if (!picture || !('file' in picture.value)) throw new TypeError('no file came');
    expect(picture.value.file).toMatchObject({ mediaType: 'image/png', size: bytes.length });
    expect((await buffer(picture.value.file.open())).equals(bytes)).toBe(true);
    expect((await buffer(picture.value.file.open())).equals(bytes)).toBe(true);
  });

  it('have no file of another key, and none that is nowhere; the input is named', async () => {
    await upload('bob', 'his.png');
    for (const name of ['his.png', 'up-bob-his.png', 'nowhere.png']) expect(await refusal(collect(name))).toMatchObject({ code: 'VALIDATION_ERROR', detail: expect.stringContaining('input "picture"') as unknown });
  });
});

describe('a file that a task names', () => {
  it.each([
    ['a data URI', () => `data:image/png;base64,${bytes.toString('base64')}`],
    ['a URL of ours', () => '/api/v1/images/download?filename=mine.png&prompt_id=1'],
    ['a URL', () => 'https://example.org/a.png'],
  ])('is kept under one name for its content: %s', async (_, source) => {
    const name = await placed(source());
    expect(name).toMatch(/^[0-9a-f]{32}\.png$/);
    expect(await buffer(new InputStore(folder.path, { maxBytes: 1 }).open(`ann/${name}`))).toEqual(bytes);
    expect(await placed('https://example.org/other.png')).toBe(name);
    expect((await readdir(join(folder.path, 'ann'))).filter((one) => !one.startsWith('.'))).toEqual([name]);
    expect(await placed('https://example.org/a.png', { caller: bob })).not.toBe(name);
  });

  it('may lie below the input folder, in the caller\'s own', async () => {
    await mkdir(join(folder.path, 'ann'), { recursive: true });
    await writeFile(join(folder.path, 'ann', 'a.png'), bytes);
    expect(await placed('input/ann/a.png')).toMatch(/\.png$/);
    expect(await placed(join(folder.path, 'ann', 'a.png'), { caller: root })).toMatch(/\.png$/);
    const [others, nobodys] = [await refusal(placed('input/ann/a.png', { caller: bob })), await refusal(placed('input/ann/z.png', { caller: bob }))];
    expect(others.message.replace('a.png', 'z.png')).toBe(nobodys.message);
  });

  it('may be an upload of the caller, by either of its names, which stays as it is', async () => {
    await upload('ann', 'a.png');
    for (const name of ['a.png', 'up-ann-a.png']) expect(await placed(name)).toBe(name);
  });

  it('is refused where it is another key\'s, and left to the server where no upload is called so', async () => {
    await upload('ann', 'a.png');
    expect(await refusal(placed('up-ann-a.png', { caller: bob }))).toMatchObject({ code: 'VALIDATION_ERROR', detail: 'input "image0": "up-ann-a.png" is neither an upload of yours, a path below input/, a data: URI nor an http(s) URL.' });
    expect((await refusal(placed('UP-ANN-A.PNG', { caller: bob }))).code).toBe('VALIDATION_ERROR');
    expect(await placed('example.png', { caller: bob })).toBe('example.png');
  });

  it('may be everybody\'s for an admin', async () => {
    await upload('ann', 'a.png');
    expect(await placed('up-ann-a.png', { caller: root })).toBe('up-ann-a.png');
  });

  it('is refused with the name of its input, and whether it may come later', async () => {
    const later = sources({ remote: { fetch: () => Promise.reject(fail('UPSTREAM_ERROR', 'answered 503.', { retryAfter: 7 })) } });
    expect(await refusal(placed('https://example.org/a.png', { from: later }))).toMatchObject({ code: 'UPSTREAM_ERROR', detail: 'input "image0": answered 503.', retryAfter: 7 });
    expect((await refusal(placed('/api/v1/images/download?filename=others.png'))).code).toBe('IMAGE_NOT_FOUND');
    expect((await refusal(placed('/api/v1/images/download?nothing=1'))).detail).toContain('does not name a file');
    expect((await refusal(placed(`data:text/plain;base64,${Buffer.from('hello').toString('base64')}`))).code).toBe('UNSUPPORTED_MEDIA_TYPE');
  });
});

describe('a URL', () => {
  it('is fetched once for all who want it at the same time, and for each key by itself', async () => {
    const from = sources();
    await Promise.all(Array.from({ length: 20 }, (_, n) => placed('https://example.org/a.png', { from, caller: n % 2 === 0 ? ann : bob })));
    expect(fetched).toHaveLength(2);
  });

  it('that has not changed is not fetched as a whole, unless its copy has gone', async () => {
    const asked: unknown[] = [];
    const from = sources({ remote: { fetch: async ({ url, conditions }, store) => {
      asked.push(conditions);
      if (conditions) return { kind: 'unchanged' };
      return { kind: 'fetched', etag: '"1"', value: await store(Readable.from([bytes], { objectMode: false }), { contentType: undefined, etag: '"1"', lastModified: undefined, url }) };
    } } });
    const name = await placed('https://example.org/a.png', { from });
    expect(await placed('https://example.org/a.png', { from })).toBe(name);
    await new InputStore(folder.path, { maxBytes: 1 }).removeOld(`ann/${name}`, Date.now() + 1_000_000);
    expect(await placed('https://example.org/a.png', { from })).toBe(name);
    expect(asked).toEqual([undefined, { etag: '"1"', lastModified: undefined }, { etag: '"1"', lastModified: undefined }, undefined]);
  });

  const declared = [new Map([['LoadImage', { inputs: new Map([['image', { type: 'COMBO', options: undefined, upload: true, required: true }]]), outputNode: false }]])];
  const graph = (image: string): Blueprint => ({ workflow: { '1': { class_type: 'LoadImage', inputs: { image, text: 'https://example.org/is/a/text' } } }, media: [], outputs: undefined });

  it('in a graph is fetched where the node takes a file, and stays a text elsewhere', async () => {
    const from = sources({ declarations: () => Promise.resolve({ known: declared, complete: true }) });
    const workflow = await from.place(ann, graph('https://example.org/a.png'), forEver);
    expect(workflow['1']).toMatchObject({ inputs: { image: expect.stringMatching(/^[0-9a-f]{32}\.png$/) as unknown, text: 'https://example.org/is/a/text' } });
    expect(fetched).toEqual(['https://example.org/a.png']);
  });

  it('in a graph waits for an instance that can say which inputs are files', async () => {
    const from = sources({ declarations: () => Promise.resolve({ known: [], complete: false }) });
    expect(await refusal(from.place(ann, graph('https://example.org/a.png'), forEver))).toMatchObject({ code: 'CONNECTION_ERROR' });
  });

  it('is nobody\'s business in a graph without one', async () => {
    const from = sources({ declarations: () => Promise.reject(new TypeError('nobody was to be asked')) });
    const { workflow } = graph('a.png');
    const plain = { ...workflow, '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } } };
    expect(await from.place(ann, { workflow: plain, media: [], outputs: undefined }, forEver)).toEqual(plain);
  });
});
