import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { download, handOver, handOverRefused, loaded } from '../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { solidColour } from '../support/graphs.ts';
import { containing, matching } from '../support/matchers.ts';
import { png } from '../support/picture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const alice = 'alice-secret-key';
const bob = 'bob-secret-key';
const root = 'root-secret-key';
const env = { API_KEYS: `alice:${alice},bob:${bob},root:${root}:admin` };

let engine: Engine;
let gateway: TestGateway;
beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url], env });
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const colourOf = async (bytes: Buffer): Promise<number[]> => [...(await sharp(bytes).removeAlpha().raw().toBuffer()).subarray(0, 3)];

/** The picture that a workflow made of the named file. */
async function ran(name: string, key: string): Promise<Buffer> {
  const { prompt_id: id } = await gateway.submit(loaded(name), { key });
  expect((await gateway.ended(id, key)).state).toBe('completed');
  const [made] = await gateway.images(id, key);
  return (await download(gateway, made?.url ?? '', { key })).bytes;
}

async function made(key: string): Promise<{ id: string; filename: string; subfolder: string; url: string }> {
  const { prompt_id: id } = await gateway.submit(solidColour(), { key });
  await gateway.ended(id, key);
  const [file] = await gateway.images(id, key);
  return { id, filename: file?.filename ?? '', subfolder: file?.subfolder ?? '', url: file?.url ?? '' };
}

describe('a file handed over', () => {
  test('comes back byte for byte under its URL, its own name and its upstream name', async () => {
    const content = await png();
    const answer = await handOver(gateway, content, { key: alice, name: 'Photo of me.png' });
    expect(answer).toMatchObject({ original_name: 'Photo of me.png', type: 'input', subfolder: '', media_type: 'image/png', size: content.length });
    expect(answer.name).toMatch(/^[0-9a-f]{32}\.png$/);
    for (const what of [answer.url, { filename: 'Photo of me.png', type: 'input' }, { filename: answer.name, type: 'input' }]) {
      const fetched = await download(gateway, what, { key: alice });
      expect([fetched.status, fetched.bytes.equals(content)]).toEqual([200, true]);
    }
  });

  test('is served in parts, with conditions', async () => {
    const content = await png();
    const { url } = await handOver(gateway, content, { key: alice, name: 'parts.png' });
    const part = await download(gateway, url, { key: alice, headers: { range: 'bytes=5-9' } });
    expect([part.status, part.headers.get('content-range'), part.bytes]).toEqual([206, `bytes 5-9/${content.length}`, content.subarray(5, 10)]);
    const etag = part.headers.get('etag') ?? '';
    expect((await download(gateway, url, { key: alice, headers: { 'if-none-match': etag } })).status).toBe(304);
    expect((await download(gateway, url, { key: alice, headers: { range: 'bytes=999999-' } })).status).toBe(416);
    const head = await download(gateway, url, { key: alice, method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), head.bytes.length]).toEqual([200, String(content.length), 0]);
  });

  test('is used by a workflow under the caller’s name, the upstream name, and with [input]', async () => {
    const content = await png({ colour: 0x123456 });
    const answer = await handOver(gateway, content, { key: alice, name: 'used.png' });
    for (const name of ['used.png', answer.name, 'used.png [input]']) expect(await colourOf(await ran(name, alice)), name).toEqual([0x12, 0x34, 0x56]);
  });

  test('may lie in a subfolder', async () => {
    const answer = await handOver(gateway, await png({ colour: 0x654321 }), { key: alice, name: 'deep.png', fields: { subfolder: 'a/b' } });
    expect(answer.subfolder).toBe('a/b');
    expect(await colourOf(await ran('a/b/deep.png', alice))).toEqual([0x65, 0x43, 0x21]);
    expect(await colourOf(await ran(`a/b/${answer.name}`, alice))).toEqual([0x65, 0x43, 0x21]);
    expect((await download(gateway, answer.url, { key: alice })).status).toBe(200);
    expect((await handOverRefused(gateway, await png(), { key: alice, fields: { subfolder: '../out' } })).code).toBe('VALIDATION_ERROR');
  });

  test('of a name that stands for other content gets a number; the same content keeps its name', async () => {
    const [first, second] = [await png(), await png()];
    const one = await handOver(gateway, first, { key: alice, name: 'twice.png' });
    const two = await handOver(gateway, second, { key: alice, name: 'twice.png' });
    const again = await handOver(gateway, first, { key: alice, name: 'twice.png' });
    expect([one.original_name, two.original_name, again.original_name]).toEqual(['twice.png', 'twice (1).png', 'twice.png']);
    expect(again.name).toBe(one.name);
    expect((await download(gateway, { filename: 'twice.png', type: 'input' }, { key: alice })).bytes.equals(first)).toBe(true);
    expect((await download(gateway, { filename: 'twice (1).png', type: 'input' }, { key: alice })).bytes.equals(second)).toBe(true);
  });

  test('at the same time as others of its name loses none of them', async () => {
    const contents = await Promise.all(Array.from({ length: 24 }, () => png()));
    const answers = await Promise.all(contents.map((content) => handOver(gateway, content, { key: alice, name: 'rush.png' })));
    const names = answers.map((answer) => answer.original_name);
    expect(new Set(names).size).toBe(24);
    expect(names).toEqual(expect.arrayContaining(['rush.png', 'rush (1).png', 'rush (20).png', matching(/^rush \([0-9a-f]{16}\)\.png$/)]));
    for (const [n, answer] of answers.entries()) {
      expect((await download(gateway, { filename: answer.original_name, type: 'input' }, { key: alice })).bytes.equals(contents[n] ?? Buffer.alloc(0))).toBe(true);
    }
  });

  test('with overwrite replaces the caller’s own file of that name and nobody else’s', async () => {
    const [old, replaced, bobs] = [await png(), await png(), await png()];
    await handOver(gateway, old, { key: alice, name: 'over.png' });
    await handOver(gateway, bobs, { key: bob, name: 'over.png' });
    expect((await handOver(gateway, replaced, { key: alice, name: 'over.png', fields: { overwrite: 'true' } })).original_name).toBe('over.png');
    expect((await download(gateway, { filename: 'over.png', type: 'input' }, { key: alice })).bytes.equals(replaced)).toBe(true);
    expect((await download(gateway, { filename: 'over.png', type: 'input' }, { key: bob })).bytes.equals(bobs)).toBe(true);
  });

  test.each<[string, Buffer, number, string]>([
    ['of no bytes', Buffer.alloc(0), 422, 'VALIDATION_ERROR'],
    ['that only says it is a picture', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ])('%s is refused, and nothing is kept', async (_what, content, status, code) => {
    expect(await handOverRefused(gateway, content, { key: alice, name: 'refused.png' })).toMatchObject({ status, code });
    expect((await download(gateway, { filename: 'refused.png', type: 'input' }, { key: alice })).status).toBe(404);
  });

  test('of a strange name gets a safe one', async () => {
    for (const [name, safe] of [['../../etc/passwd.png', 'passwd.png'], ['C:\\Users\\me\\a.png', 'a.png'], ['a:b*c.png', 'a_b_c.png'], ['图 片.png', '图 片.png'], ['CON', 'file']] as const) {
      expect((await handOver(gateway, await png(), { key: bob, name })).original_name, name).toBe(safe);
    }
  });
});

describe('two keys', () => {
  test('that hand over the same content under the same name have a file each', async () => {
    const content = await png();
    const [a, b] = [await handOver(gateway, content, { key: alice, name: 'same.png' }), await handOver(gateway, content, { key: bob, name: 'same.png' })];
    expect([a.original_name, b.original_name]).toEqual(['same.png', 'same.png']);
    expect(a.name).not.toBe(b.name);
    for (const [key, other] of [[alice, b], [bob, a]] as const) {
      expect((await download(gateway, { filename: 'same.png', type: 'input' }, { key })).bytes.equals(content)).toBe(true);
      expect((await download(gateway, other.url, { key })).status).toBe(404);
      expect((await gateway.call('GET', `/api/v1/images/url?filename=${other.name}&type=input`, { key })).status).toBe(404);
    }
    expect((await download(gateway, b.url, { key: root })).status).toBe(200);
  });

  test('cannot use the other’s file in a workflow, by any spelling, nor learn that it is there', async () => {
    const { name } = await handOver(gateway, await png(), { key: bob, name: 'bobs-own.png' });
    for (const spelled of [name, `${name} [input]`, `./${name}`, `x/../${name}`, `../input/${name}`]) {
      const refused = await gateway.refusal({ workflow: loaded(spelled) }, alice);
      expect(refused, spelled).toMatchObject({ code: 'WORKFLOW_VALIDATION_ERROR', errors: [{ node_id: '1', reason: containing('you have no such file') }] });
    }
    expect((await gateway.refusal({ workflow: loaded('bobs-own.png') }, alice)).code).toBe('WORKFLOW_VALIDATION_ERROR');
  });

  test('may read their own outputs in a workflow, and not the other’s, by any spelling', async () => {
    const file = await made(alice);
    const path = `${file.subfolder}/${file.filename}`;
    expect(await ran(`${path} [output]`, alice)).toBeInstanceOf(Buffer);
    for (const spelled of [`${path} [output]`, `${path}[output]`, `${path}X[output]`, `../output/${path}`, `x/../${path} [output]`, `./${path} [output]`]) {
      expect(await gateway.refusal({ workflow: loaded(spelled) }, bob), spelled).toMatchObject({ code: 'WORKFLOW_VALIDATION_ERROR' });
    }
  });

  test('cannot fetch the other’s outputs, nor learn that they are there', async () => {
    const file = await made(alice);
    const theirs = await download(gateway, file.url, { key: bob });
    const never = await download(gateway, file.url.replace(file.id, 'never-was'), { key: bob });
    const strip = (bytes: Buffer): string => bytes.toString().replace(/"request_id":"[^"]*"/, '').replaceAll(/(prompt_id=)[\w-]+/g, '$1');
    expect([theirs.status, strip(theirs.bytes)]).toEqual([404, strip(never.bytes)]);
    expect((await download(gateway, { filename: file.filename, subfolder: file.subfolder }, { key: bob })).status).toBe(404);
    expect((await download(gateway, file.url, { key: root })).status).toBe(200);
  });

  test('find a file of one prompt under that prompt only', async () => {
    const [mine, other] = [await made(bob), await made(bob)];
    const crossed = { filename: other.filename, subfolder: other.subfolder, prompt_id: mine.id };
    expect(other.filename).not.toBe(mine.filename);
    for (const key of [bob, root]) expect((await download(gateway, crossed, { key })).status).toBe(404);
  });

  test.each([{ filename: '../../data/gateway.db' }, { filename: 'a.png', subfolder: '../..' }, { filename: '/etc/passwd' }, { filename: '..' }])('get nothing for %j', async (query) => {
    for (const key of [alice, root]) expect([400, 404]).toContain((await download(gateway, { ...query }, { key })).status);
  });

  test.each(['filename=%00', 'filename=a%00b.png', 'filename=a.png&subfolder=%00', 'filename=a%00.png&type=input&format=webp'])('are told that no name is like %s', async (query) => {
    for (const key of [alice, root]) {
      for (const path of ['download', 'url']) {
        expect((await gateway.call('GET', `/api/v1/images/${path}?${query}`, { key })).body, path).toMatchObject({ status: 422, code: 'VALIDATION_ERROR', detail: containing('NUL') });
      }
    }
  });
});

describe('a disk that takes nothing', () => {
  test('is a clear error, and the service lives', async () => {
    await using folder = await temporaryFolder();
    const [input, output] = [join(folder.path, 'input'), join(folder.path, 'output')];
    await using one = await startTestGateway({ instances: [engine.url], env: { INPUT_DIR: input, OUTPUT_DIR: output } });
    for (const path of [input, output]) {
      await rm(path, { recursive: true });
      await writeFile(path, 'x');
    }
    const refused = await handOverRefused(one, await png());
    expect(refused).toMatchObject({ status: 500, code: 'FILE_OPERATION_ERROR', detail: containing('ENOTDIR') });
    expect(JSON.stringify(refused)).not.toContain(folder.path);
    const { prompt_id: id } = await one.submit(solidColour());
    await one.ended(id);
    const [file] = await one.images(id);
    expect((await download(one, file?.url ?? '')).status).toBe(200);
    expect(await readdir(folder.path)).toEqual(['input', 'output']);
  });
});
