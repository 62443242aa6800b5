import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configFolder } from '../../tests/support/config-folder.ts';
import { startTestSandbox, type TestSandbox } from '../../tests/support/engine.ts';
import { settingsBelow } from '../../tests/support/gateway.ts';
import { poseEngine, startTestHub, type TestHub } from '../../tests/support/runninghub-engine.ts';
import { type TemporaryFolder, temporaryFolder } from '../../tests/support/temporary-folder.ts';
import { SANDBOX_KEYS } from '../../sandbox/runninghub/server.ts';
import { loadConfig } from '../core/config.ts';
import { examine } from './doctor.ts';

let folder: TemporaryFolder;
let hub: TestHub;
let comfyui: TestSandbox;
beforeEach(async () => {
  [folder, hub, comfyui] = await Promise.all([temporaryFolder(), startTestHub(), startTestSandbox()]);
});
afterEach(async () => {
  await hub[Symbol.asyncDispose]();
  await comfyui[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function told(over: Readonly<Record<string, unknown>> = {}): Promise<{ readonly text: string; readonly healthy: boolean }> {
  const config = await configFolder(folder.path, { engines: { hub: poseEngine(hub.hub, over) }, pipelines: { pose: { steps: { only: { engine: 'hub' } } } } });
  return examine(loadConfig({ ...settingsBelow(folder.path), COMFYUI_URLS: comfyui.url, CONFIG_DIR: config }));
}

describe('the doctor at RunningHub', () => {
  it('says of a sound engine that its key, its workflow and its room are there, and creates nothing', async () => {
    const { text, healthy } = await told();
    expect(text).toMatch(/^ok {2}engine hub: the key is taken at 127\.0\.0\.1:\d+ \(SHARED, .*\)$/m);
    expect(text).toMatch(/^ok {2}engine hub: workflow 1996080571212349442 is there; whether it was run there once/m);
    expect(text).toMatch(/^ok {2}engine hub: the account runs 50 tasks at once$/m);
    expect(text).toMatch(/^ok {2}pipeline POSE: only on hub$/m);
    expect(healthy).toBe(true);
    expect(hub.created()).toBe(0);
  });

  it('says of a key with blanks that they were left out', async () => {
    expect((await told({ api_key: ` ${SANDBOX_KEYS.shared}\n` })).text).toMatch(/blanks or line breaks/);
  });

  it('says of a refused key what to look at, and does not show it', async () => {
    const key = '0123456789abcdef0123456789abcdef';
    const { text, healthy } = await told({ api_key: key });
    expect(text).toMatch(/^!! {2}engine hub: the key is refused.*\n {5}.*runninghub\.ai/m);
    expect(text).not.toContain(key);
    expect(healthy).toBe(false);
  });

  it('says of an address that is none of RunningHub what to set', async () => {
    const { text } = await told({ api_base_url: `${hub.hub.url}/task/openapi` });
    expect(text).toMatch(/^!! {2}engine hub: .* answers, but not as RunningHub does .*\n {5}Set api_base_url without a path/m);
  });

  it('says of an app that needs a password, and has none, what to set', async () => {
    const app = { workflow_id: undefined, webapp_id: '1970434031953342477', inputs: {} };
    expect((await told(app)).text).toMatch(/it needs a password: set access_password/);
    expect((await told({ ...app, access_password: 'sandbox' })).healthy).toBe(true);
  });

  it('asks of a sandbox that does not answer whether it runs', async () => {
    expect((await told({ api_base_url: 'http://127.0.0.1:9' })).text).toMatch(/does not answer[^\n]*\n {5}Does the sandbox run there/);
  });

  it('remarks on a kind of machine that no document names', async () => {
    expect((await told({ instance_type: 'giga' })).text).toMatch(/instance_type is "giga"; documents name default, plus, ultra alone/);
  });

  it('says of a key that is taken in the header alone where to say so', async () => {
    hub.hub.knobs.set({ bearerOnly: true });
    expect(await told()).toMatchObject({ healthy: false, text: expect.stringMatching(/set key_place: header/) as unknown });
    expect(await told({ key_place: 'header' })).toMatchObject({ healthy: true, text: expect.stringMatching(/taken in the header alone|the key is taken/) as unknown });
  });

  it('says of the alt-v1 dialect what can be known: that the key is taken, or not', async () => {
    const alt = { dialect: 'alt-v1', inputs: {} };
    expect((await told(alt)).text).toMatch(/unproven[\s\S]*^ok {2}engine hub: .* answers and takes the key; whether its workflow is there, the first task will tell$/m);
    expect(await told({ ...alt, api_key: '0123456789abcdef0123456789abcdef' })).toMatchObject({ healthy: false, text: expect.stringMatching(/the key is refused/) as unknown });
    expect(hub.created()).toBe(0);
  });

  it.each([
    [{ workflow_id: '1904136902449209999' }, /^!! {2}engine hub: its workflow cannot be used .*\n {5}Is it the number/m],
    [{ workflow_id: undefined, webapp_id: '1904136902449209999' }, /^!! {2}engine hub: its app cannot be used .*\n {5}Is it the number/m],
    [{ inputs: { one: { node_id: '12', field: 'imag' }, two: { node_id: '99', field: 'image' } } }, /^!! {2}engine hub: workflow \d+ is there, but what the engine says of it does not fit\n {5}inputs\.one: node 12 has no field "imag"; it has: image\n {5}inputs\.two: there is no node 99/m],
    [{ outputs: ['9', '77'] }, /^!! {2}engine hub: workflow .*\n {5}outputs: there is no node 77; nothing would be kept/m],
    [{ inputs: { one: { node_id: '12', field: 'image', kind: 'number' } } }, /inputs\.one: its kind is number, and field "image" of node 12 takes a file: kind must be image/],
    [{ workflow_id: undefined, webapp_id: '1970434031953342465', inputs: { one: { node_id: '37', field: 'aspect_ratio', kind: 'image' }, two: { node_id: '39', field: 'image' } } }, /inputs\.one: its kind is image, and field "aspect_ratio" of node 37 takes no file\n {5}inputs\.two: its kind is text, .* kind must be image/],
    [{ api_base_url: 'https://hub.example.invalid' }, /^!! {2}engine hub: .*does not answer .*\n {5}Can this machine reach/m],
    [{ api_key: '  ' }, /would not start:\n {2}engines\.hub\.config: the API key for RunningHub is empty/],
  ])('finds what is wrong: %j', async (over, words) => {
    const { text, healthy } = await told(over);
    expect(text).toMatch(words);
    expect(healthy).toBe(false);
  });
});
