/** The ways of saying which file a task works on. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { type FileServer, startFileServer } from '../support/file-server.ts';
import { download, handOver, loaded } from '../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { fresh } from '../support/graphs.ts';
import { containing } from '../support/matchers.ts';
import { png } from '../support/picture.ts';
import { TasksClient } from '../support/tasks-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const keys = { ann: 'ann-secret-key', bob: 'bob-secret-key', root: 'root-secret-key' };
let engine: Engine;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: FileServer;
let gateway: TestGateway;
let ann: TasksClient;

beforeAll(async () => {
  [engine, folder, server] = await Promise.all([startEngine(), temporaryFolder(), startFileServer()]);
  const env = { FETCH_ALLOWED_HOSTS: `${server.host}`, API_KEYS: `ann:${keys.ann},bob:${keys.bob},root:${keys.root}:admin`, DOWNLOAD_ATTEMPTS: '1', MAX_ATTEMPTS: '1' };
  gateway = await startTestGateway({ instances: [engine.url], folder: folder.path, env });
  ann = new TasksClient(gateway, keys.ann);
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([engine, server].map((one) => one[Symbol.asyncDispose]()));
  await folder[Symbol.asyncDispose]();
});

/** The colour of the middle of what came out. */
async function colourOf(url: string | undefined, key = keys.ann): Promise<number> {
  const { bytes, status } = await download(gateway, url ?? '', { key });
  if (status !== 200) throw new TypeError(`${status}`);
  const { data } = await sharp(bytes).removeAlpha().extract({ left: 2, top: 2, width: 1, height: 1 }).raw().toBuffer({ resolveWithObject: true });
  return data.readUIntBE(0, 3);
}

/** Runs it through the template and through a graph: both must bring out that colour. */
async function bringsOut(colour: number, source: string, client = ann): Promise<void> {
  const [ofTemplate, ofGraph] = await Promise.all([client.run({ template: 'resize', inputs: { image: source, width: 16, height: 16 } }), client.run({ workflow: loaded(source) })]);
  for (const view of [ofTemplate, ofGraph]) {
    expect(view).toMatchObject({ status: 'completed', outputs: [{ kind: 'image' }] });
    expect(await colourOf(view.outputs[0]?.url, client.key)).toBe(colour);
  }
}

describe('a file is taken', () => {
  test('by the name of an upload: that of the engine, and the caller’s own', async () => {
    const colour = fresh();
    const { name } = await handOver(gateway, await png({ colour }), { key: keys.ann, name: `mine-${colour}.png` });
    await bringsOut(colour, name);
    await bringsOut(colour, `mine-${colour}.png`);
  });

  test('as a data URI', async () => {
    const colour = fresh();
    await bringsOut(colour, `data:image/png;base64,${(await png({ colour })).toString('base64')}`);
  });

  test('by a URL', async () => {
    const colour = fresh();
    server.files.set('/there.png?q=1', await png({ colour }));
    await bringsOut(colour, `${server.url}/there.png?q=1`);
  });

  test('by a URL of ours: of an output, and of an upload', async () => {
    const colour = fresh();
    const upload = await handOver(gateway, await png({ colour }), { key: keys.ann });
    await bringsOut(colour, upload.url);
    const { outputs } = await ann.run({ workflow: loaded(upload.name) });
    await bringsOut(colour, outputs[0]?.url ?? '');
  });

  test('below the input folder by an admin', async () => {
    const colour = fresh();
    await mkdir(join(folder.path, 'input', 'shared'), { recursive: true });
    await writeFile(join(folder.path, 'input', 'shared', 'a.png'), await png({ colour }));
    const root = new TasksClient(gateway, keys.root);
    const view = await root.run({ template: 'resize', inputs: { image: 'input/shared/a.png', width: 16, height: 16 } });
    expect(await colourOf(view.outputs[0]?.url, keys.root)).toBe(colour);
    const whole = await root.run({ template: 'resize', inputs: { image: join(folder.path, 'input', 'shared', 'a.png'), width: 16, height: 16 } });
    expect(await colourOf(whole.outputs[0]?.url, keys.root)).toBe(colour);
  });

  test('by the whole URL that was handed out, wherever that leads', async () => {
    await using own = await startTestGateway({ instances: [engine.url], env: { PUBLIC_URL: 'http://127.0.0.1:9' } });
    const client = new TasksClient(own);
    const made = await client.run({ template: 'text-to-image', inputs: { prompt: `a lighthouse ${fresh()}`, steps: 1, width: 64, height: 64 } });
    const [image] = made.outputs;
    expect(image?.url).toMatch(/^http:\/\/127\.0\.0\.1:9\//);
    expect(await client.run({ template: 'resize', inputs: { image: image?.url, width: 16, height: 16 } })).toMatchObject({ status: 'completed', outputs: [{ kind: 'image' }] });
  });

  test('of two kinds in one task', async () => {
    server.files.set('/two.png', await png({ width: 24, height: 24 }));
    const [first, second] = [`data:image/png;base64,${(await png({ width: 24, height: 24 })).toString('base64')}`, `${server.url}/two.png`];
    expect(await ann.run({ template: 'blend', inputs: { image1: first, image2: second } })).toMatchObject({ status: 'completed', outputs: [{ kind: 'image' }] });
  });
});

describe('a task fails, naming its input, over', () => {
  test.each([
    ['a path below the folder with nothing there', 'input/no-such.png', 'VALIDATION_ERROR'],
    ['another key’s folder', 'input/shared/a.png', 'VALIDATION_ERROR'],
    ['a way out of the folder', 'input/../../etc/passwd', 'VALIDATION_ERROR'],
    ['a file of the machine', '/etc/passwd', 'VALIDATION_ERROR'],
    ['a data URI that is no picture', `data:image/png;base64,${Buffer.from('hello').toString('base64')}`, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a data URI that is damaged', 'data:image/png;base64,@@@', 'VALIDATION_ERROR'],
  ])('%s', async (_what, source, code) => {
    const view = await ann.run({ template: 'resize', inputs: { image: source } });
    expect(view).toMatchObject({ status: 'failed', attempt: 1, error: { code, reason: containing('input "image"') } });
    expect(view.attempts[0]?.job_id).toBeUndefined();
  });

  test.each([
    ['an address that may not be fetched', 'http://127.0.0.1:9/a.png'],
    ['an address of a cloud’s secrets', 'http://169.254.169.254/latest/meta-data/'],
    ['a number for an address', 'http://2130706433/a.png'],
    ['another way than those of the web', 'ftp://example.org/a.png'],
  ])('%s, at once', async (_what, source) => {
    expect(await ann.refusal({ template: 'resize', inputs: { image: source } })).toMatchObject({ status: 422, code: 'VALIDATION_ERROR', errors: [{ input: 'inputs.image' }] });
  });

  test('a name that nobody uploaded and the engine does not know: it is told', async () => {
    const view = await ann.run({ template: 'resize', inputs: { image: 'no-such.png' } });
    expect(view).toMatchObject({ status: 'failed', attempt: 1, error: { reason: containing('no-such.png') } });
  });

  test('a URL that leads nowhere, or on to where nobody may go', async () => {
    server.files.set('/on.png', 'http://127.0.0.1:9/secret');
    for (const path of ['/missing.png', '/on.png']) {
      const view = await ann.run({ template: 'resize', inputs: { image: server.url + path } });
      expect(view).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'VALIDATION_ERROR', reason: containing('input "image"') } });
    }
  });

  test('another key’s upload and output, in the words for what was never there', async () => {
    const bob = new TasksClient(gateway, keys.bob);
    const upload = await handOver(gateway, await png(), { key: keys.ann });
    const { outputs } = await ann.run({ workflow: loaded(upload.name) });
    for (const source of [upload.name, upload.url, outputs[0]?.url ?? '']) {
      const view = await bob.run({ template: 'resize', inputs: { image: source } });
      expect(view).toMatchObject({ status: 'failed', error: { reason: containing('input "image"') } });
    }
  });

  test('a URL in a graph: the node and its input are named', async () => {
    const view = await ann.run({ workflow: loaded(`${server.url}/missing.png`) });
    expect(view).toMatchObject({ status: 'failed', error: { reason: containing('input "1.image"') } });
  });
});
