/** A gateway that is killed while its tasks are at RunningHub: nothing is lost, and nothing is made twice there. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configFolder } from '../../support/config-folder.ts';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { download, handOver } from '../../support/files-client.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { containing } from '../../support/matchers.ts';
import { png } from '../../support/picture.ts';
import { poseEngine, startTestHub, type TestHub } from '../../support/runninghub-engine.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

let hub: TestHub;
let comfyui: TestSandbox;
let folder: TemporaryFolder;
let config: string;
let image: string;

beforeEach(async () => {
  [hub, comfyui, folder] = await Promise.all([startTestHub(), startTestSandbox(), temporaryFolder()]);
  config = await configFolder(folder.path, { engines: { hub: poseEngine(hub.hub) }, pipelines: { pose: { steps: { only: { engine: 'hub' } } } } });
});
afterEach(async () => {
  await hub[Symbol.asyncDispose]();
  await comfyui[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const start = (configuration = config): Promise<GatewayProcess> => GatewayProcess.start({ instances: [comfyui.url], folder: folder.path, env: { CONFIG_DIR: configuration } });
const requests = (route: string): number => hub.hub.counters.snapshot.requests[route] ?? 0;

/** Tasks that the first process accepted. */
async function accepted(gateway: GatewayProcess, count = 1): Promise<string[]> {
  image = (await handOver(gateway, await png())).name;
  const tasks = new TasksClient(gateway);
  const made = [];
  for (let n = 0; n < count; n += 1) made.push((await tasks.create({ task_type: 'POSE', source_image: image, reference_image: image, seed: n })).task_id);
  return made;
}

/** What became of them in the second process, whose tasks were each made at most once. */
async function afterwards(gateway: GatewayProcess, ids: readonly string[]): Promise<unknown[]> {
  const views = await Promise.all(ids.map((id) => new TasksClient(gateway).ended(id, 30_000)));
  expect(hub.hub.counters.snapshot.submissions.filter(({ tasks }) => tasks > 1)).toEqual([]);
  return views;
}

describe('after SIGKILL a task', () => {
  test('that waited for a slot is run once', async () => {
    hub.hub.knobs.set({ limits: { shared: 1 }, hold: 'RUNNING' });
    const first = await start();
    const ids = await accepted(first, 3);
    await until('one is known there', async () => (await Promise.all(ids.map((id) => new TasksClient(first).view(id)))).some(({ attempts }) => /^\d+$/.test(attempts[0]?.job_id ?? '')));
    await first.kill('SIGKILL');
    hub.hub.knobs.set({ hold: null });
    await using second = await start();
    for (const view of await afterwards(second, ids)) expect(view).toMatchObject({ status: 'completed' });
    expect(hub.created()).toBe(3);
  }, 60_000);

  test('whose file was being uploaded is run once', async () => {
    hub.hub.knobs.set({ slow: { 'POST /task/openapi/upload': 60_000 } });
    const first = await start();
    const ids = await accepted(first);
    await until('an upload came', () => requests('POST /task/openapi/upload') > 0);
    await first.kill('SIGKILL');
    hub.hub.knobs.set({ slow: {} });
    await using second = await start();
    expect(await afterwards(second, ids)).toMatchObject([{ status: 'completed' }]);
    expect(hub.created()).toBe(1);
  }, 60_000);

  test('whose submit had no answer yet fails and says what to do, and is not made again', async () => {
    hub.hub.knobs.set({ slow: { 'POST /task/openapi/create': 60_000 } });
    const first = await start();
    const ids = await accepted(first);
    await until('it is made', () => hub.created() === 1);
    await first.kill('SIGKILL');
    hub.hub.knobs.set({ slow: {} });
    await using second = await start();
    expect(await afterwards(second, ids)).toMatchObject([{ status: 'failed', error: { code: 'ENGINE_OUTCOME_UNKNOWN', reason: containing('not submitted again') } }]);
    expect(hub.created()).toBe(1);
  }, 60_000);

  test('that ran is followed to its end', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const first = await start();
    const ids = await accepted(first);
    await until('it is known there', async () => /^\d+$/.test(await new TasksClient(first).job(ids[0] ?? '')));
    await first.kill('SIGKILL');
    hub.hub.knobs.set({ hold: null });
    await using second = await start();
    expect(await afterwards(second, ids)).toMatchObject([{ status: 'completed', attempt: 1 }]);
    expect(hub.created()).toBe(1);
  }, 60_000);

  test.each(['SIGKILL', 'SIGTERM'] as const)('that ran waits for its engine where that is not configured any more (%s)', async (how) => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const first = await start();
    const ids = await accepted(first, 2);
    const [kept = '', unwanted = ''] = ids;
    for (const id of ids) await until('it is known there', async () => /^\d+$/.test(await new TasksClient(first).job(id)));
    await first.kill(how);
    await using elsewhere = await temporaryFolder();
    const without = await start(await configFolder(elsewhere.path, {}));
    const tasks = new TasksClient(without);
    expect(await tasks.view(kept)).toMatchObject({ status: 'processing', waiting_for: containing('put it back') });
    expect(await tasks.cancel(unwanted)).toMatchObject({ status: 'cancelled', warnings: [containing('was not stopped')] });
    expect(await tasks.view(kept)).toMatchObject({ status: 'processing' });
    await without.kill(how);
    hub.hub.knobs.set({ hold: null });
    await using second = await start();
    expect(await afterwards(second, ids)).toMatchObject([{ status: 'completed', attempt: 1 }, { status: 'cancelled' }]);
    expect(hub.created()).toBe(2);
  }, 60_000);

  test('whose picture was being fetched has it', async () => {
    hub.hub.knobs.set({ slow: { 'GET /output': 60_000 } });
    const first = await start();
    const ids = await accepted(first);
    await until('its picture is asked for', () => requests('GET /output') > 0);
    await first.kill('SIGKILL');
    hub.hub.knobs.set({ slow: {} });
    await using second = await start();
    await afterwards(second, ids);
    const view = await new TasksClient(second).view(ids[0] ?? '');
    expect(view).toMatchObject({ status: 'completed', attempt: 1 });
    expect((await download(second, view.outputs[0]?.url ?? '')).status).toBe(200);
    expect(hub.created()).toBe(1);
  }, 60_000);
});
