/** No spelling of a name makes a graph read the file of another key on the ComfyUI server. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSandbox } from '../../../sandbox/comfyui/server.ts';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { handOver, loaded } from '../../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { type Graph, solidColour } from '../../support/graphs.ts';
import { png } from '../../support/picture.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const alice = 'alice-secret-key';
const bob = 'bob-secret-key';
const root = 'root-secret-key';
const keys = { API_KEYS: `alice:${alice},bob:${bob},root:${root}:admin` };

let engine: TestSandbox;
let gateway: TestGateway;
/** Alice's output, with its folder. */
let output: string;
/** Alice's upload, as ComfyUI knows it. */
let upload: string;

beforeAll(async () => {
  engine = await startTestSandbox();
  gateway = await startTestGateway({ instances: [engine.url], env: keys });
  const { prompt_id: id } = await gateway.submit(solidColour(), { key: alice });
  await gateway.ended(id, alice);
  const [file] = await gateway.images(id, alice);
  output = `${file?.subfolder}/${file?.filename}`;
  upload = (await handOver(gateway, await png(), { key: alice })).name;
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const graphs = (): number => engine.sandbox.counters.snapshot.requests['POST /prompt'] ?? 0;
const load = (image: unknown): unknown => ({ ...loaded(''), '1': { class_type: 'LoadImage', inputs: { image } } });
const wrapped = (value: unknown): unknown => ({ __value__: value });

/** Bob is refused, and the server is not even asked. */
async function refused(workflow: unknown): Promise<void> {
  const before = graphs();
  const problem = await gateway.refusal({ workflow }, bob);
  expect([problem.status, problem.code, graphs() - before]).toEqual([422, 'WORKFLOW_VALIDATION_ERROR', 0]);
}

/** What ComfyUI, or a node that is less careful, takes for that output. */
const spellings: readonly (readonly [string, (path: string) => unknown])[] = [
  ['an annotation', (path) => `${path} [output]`],
  ['an annotation without a space', (path) => `${path}[output]`],
  ['any letter before the bracket', (path) => `${path}X[output]`],
  ['a letter of two halves before the bracket', (path) => `${path}😀[output]`],
  ['a tab before the bracket', (path) => `${path}\t[output]`],
  ['a line break before the bracket', (path) => `${path}\n[output]`],
  ['a hard space before the bracket', (path) => `${path}\u00a0[output]`],
  ['the next folder', (path) => `../output/${path}`],
  ['the next folder, annotated', (path) => `../output/${path} [input]`],
  ['a way in and out', (path) => `sub/../../output/${path}`],
  ['a dot', (path) => `./${path} [output]`],
  ['two slashes', (path) => `${path.replace('/', '//')} [output]`],
  ['an absolute path', (path) => `/comfyui/output/${path}`],
  ['a path of Windows', (path) => `..\\output\\${path.replaceAll('/', '\\')}`],
  ['a way too long to be looked at', (path) => `${'./'.repeat(600)}../output/${path}`],
  ['an annotated way too long to be looked at', (path) => `${'./'.repeat(600)}${path} [output]`],
  ['quotes, which some nodes take off', (path) => `"${path} [output]"`],
  ['spaces, which some nodes take off', (path) => ` ${path} [output] `],
  ['a wrapped value', (path) => wrapped(`${path} [output]`)],
  ['a value wrapped twice', (path) => wrapped(wrapped(`${path} [output]`))],
  ['a wrapped list', (path) => wrapped([`${path} [output]`])],
  ['a list of one', (path) => [`${path} [output]`]],
  ['a list of two names', (path) => [`${path} [output]`, `${path} [output]`]],
];

describe('the output of another key', () => {
  test.each(spellings)('is not read by %s', async (_what, spell) => {
    await refused(load(spell(output)));
  });

  test.each(spellings)('is not read by %s in an input that is declared otherwise', async (_what, spell) => {
    await refused({ ...solidColour(), '7': { class_type: 'LoadImageMask', inputs: { image: 'x.png', channel: spell(output) } } });
    await refused({ ...solidColour(), '7': { class_type: 'LoadLatent', inputs: { latent: spell(output) } } });
  });

  test('is not read by a name that another node makes', async () => {
    await refused({ ...loaded(''), '1': { class_type: 'LoadImage', inputs: { image: ['3', 0] } }, '3': { class_type: 'PrimitiveString', inputs: { value: 'anything' } } });
    await refused({ ...loaded(''), '1': { class_type: 'LoadImage', inputs: { image: wrapped(['3', 0]) } }, '3': { class_type: 'PrimitiveString', inputs: { value: 'anything' } } });
  });

  test('is not named by a text, which a node may take for a path', async () => {
    const said = (value: string): Graph => ({ '1': { class_type: 'PrimitiveString', inputs: { value } }, '2': { class_type: 'PreviewAny', inputs: { source: ['1', 0] } } });
    for (const text of [`${output} [output]`, `/comfyui/output/${output}`, `C:\\comfyui\\output\\${output.replaceAll('/', '\\')}`, `first.png\n"${output}"`]) await refused(said(text));
    const { prompt_id: id } = await gateway.submit(said('a picture.png, see /output/other.png [output] and more'), { key: bob });
    expect(await gateway.ended(id, bob)).toMatchObject({ state: 'completed' });
  });

  test('is read by an admin', async () => {
    const { prompt_id: id } = await gateway.submit(loaded(`${output} [output]`), { key: root });
    expect(await gateway.ended(id, root)).toMatchObject({ state: 'completed' });
  });
});

describe('the upload of another key', () => {
  test.each([
    ['its name', (name: string): unknown => name],
    ['its name in capitals', (name) => name.toUpperCase()],
    ['a dot behind it', (name) => `${name}.`],
    ['a stream of Windows', (name) => `${name}::$DATA`],
    ['a wrapped name', wrapped],
    ['a wrapped list', (name) => wrapped([name])],
    ['a dot before it', (name) => `./${name}`],
  ])('is not read by %s', async (_what, spell) => {
    await refused(load(spell(upload)));
    await refused({ ...solidColour(), '7': { class_type: 'LoadLatent', inputs: { latent: spell(upload) } } });
  });
});

describe('the own file', () => {
  test('is read by the name that it was given, wrapped or not', async () => {
    const own = await handOver(gateway, await png(), { key: bob, name: 'my photo' });
    for (const image of ['my photo', own.name, wrapped('my photo'), `${own.name} [input]`]) {
      const answer = await gateway.post('/api/v1/workflows/submit', { workflow: load(image) }, bob);
      expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('prompt_id')]);
    }
  });

  test('is not read any more when the server has given its name to another’s', async () => {
    await using folder = await temporaryFolder();
    const sandbox = await startSandbox({ dataDir: folder.path });
    try {
      await using one = await startTestGateway({ instances: [sandbox.url], env: keys });
      const made = async (key: string): Promise<string> => {
        const { prompt_id: id } = await one.submit(solidColour(), { key });
        await one.ended(id, key);
        const [file] = await one.images(id, key);
        return `${file?.subfolder}/${file?.filename} [output]`;
      };
      const mine = await made(bob);
      await rm(join(folder.path, 'output'), { recursive: true });
      await mkdir(join(folder.path, 'output'));
      expect(await made(alice)).toBe(mine);
      expect((await one.refusal({ workflow: loaded(mine) }, bob)).code).toBe('WORKFLOW_VALIDATION_ERROR');
      expect(await one.submit(loaded(mine), { key: alice })).toHaveProperty('prompt_id');
    } finally {
      await sandbox.close();
    }
  });
});

test('a name far too long is told back in few letters', async () => {
  const { detail, errors } = await gateway.refusal({ workflow: load(`${'./'.repeat(100_000)}${output} [output]`) }, bob);
  expect([detail.length < 1_000, errors?.[0]?.reason.includes('…')]).toEqual([true, true]);
});

test('more names than a graph can need are refused as such', async () => {
  const { errors } = await gateway.refusal({ workflow: load(wrapped(Array.from({ length: 1_001 }, (_, n) => `${n}.png`))) }, bob);
  expect(errors).toMatchObject([{ type: 'too_many_files' }]);
});

test('a workflow whose names nobody can judge waits for an instance', async () => {
  await using none = await startTestGateway({ instances: ['http://127.0.0.1:9'], env: keys, healthy: 0 });
  expect(await none.refusal({ workflow: solidColour() }, bob)).toMatchObject({ status: 503, code: 'CONNECTION_ERROR' });
});
