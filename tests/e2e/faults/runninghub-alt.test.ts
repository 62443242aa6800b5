/** Pipelines at RunningHub in the alt-v1 dialect, which nobody has proven: what it does against the stand-in, which guesses as we do. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { configFolder } from '../../support/config-folder.ts';
import { download, handOver } from '../../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { containing } from '../../support/matchers.ts';
import { png } from '../../support/picture.ts';
import { poseEngine, startTestHub, type TestHub } from '../../support/runninghub-engine.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const run = 'POST /v1/workflows/:id/run';
const alt = { dialect: 'alt-v1', inputs: { source_image: { field: 'raw_image', kind: 'image' }, reference_image: { field: 'pose_image', kind: 'image' } } };
let hub: TestHub;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let gateway: TestGateway;
let tasks: TasksClient;
let person: string;

async function started(): Promise<void> {
  const engines = { alt: poseEngine(hub.hub, alt), alt_stranger: poseEngine(hub.hub, { ...alt, workflow_id: '1904136902449209999' }), alt_brief: poseEngine(hub.hub, { ...alt, timeout: 1 }) };
  const pipelines = Object.fromEntries(Object.keys(engines).map((engine) => [engine, { steps: { only: { engine } } }]));
  gateway = await startTestGateway({ instances: ['http://127.0.0.1:1'], healthy: 0, folder: folder.path, env: { CONFIG_DIR: await configFolder(folder.path, { engines, pipelines }) } });
  tasks = new TasksClient(gateway);
}

beforeAll(async () => {
  [hub, folder] = await Promise.all([startTestHub(), temporaryFolder()]);
  await started();
  person = (await handOver(gateway, await png())).name;
});
afterEach(() => hub.hub.knobs.set({ hold: null, next: {} }));
afterAll(async () => {
  await gateway.close();
  await hub[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const inputs = (): object => ({ source_image: person, reference_image: person });

describe('a pipeline in the alt-v1 dialect', () => {
  test('uploads to addresses, runs, and keeps the picture', async () => {
    const view = await tasks.run({ task_type: 'ALT', ...inputs() });
    expect(view).toMatchObject({ status: 'completed', engine: 'alt', outputs: [{ kind: 'image' }] });
    expect((await download(gateway, view.outputs[0]?.url ?? '')).status).toBe(200);
    expect(hub.hub.counters.snapshot.requests['POST /task/openapi/create'] ?? 0).toBe(0);
    expect(hub.hub.counters.snapshot.credentialsAtFiles).toBe(0);
  });

  test('runs one at a time where nothing else is said, since it has no call that tells the room', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const before = hub.created();
    const [one, other] = await Promise.all([tasks.create({ task_type: 'ALT', ...inputs() }), tasks.create({ task_type: 'ALT', ...inputs() })]);
    await until('one is there', () => hub.created() > before);
    await until('one works, one waits', async () => (await Promise.all([one, other].map(({ task_id: id }) => tasks.view(id)))).map(({ status }) => status).toSorted().join() === 'pending,processing');
    expect(hub.created()).toBe(before + 1);
    hub.hub.knobs.set({ hold: null });
    for (const { task_id: id } of [one, other]) expect(await tasks.ended(id)).toMatchObject({ status: 'completed' });
  });

  test('whose answer is lost is not run again, and after a restart its job is found', async () => {
    const before = hub.created();
    hub.hub.knobs.set({ next: { [run]: [{ fault: 'cut', after: true }] } });
    expect(await tasks.run({ task_type: 'ALT', ...inputs() })).toMatchObject({ status: 'failed', error: { code: 'ENGINE_OUTCOME_UNKNOWN' } });
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const { task_id: id } = await tasks.create({ task_type: 'ALT', ...inputs() });
    await until('it runs there', () => hub.created() === before + 2);
    await until('its id is known', async () => /^\d+$/.test(await tasks.job(id)));
    await gateway.close();
    await started();
    hub.hub.knobs.set({ hold: null });
    expect(await tasks.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(hub.created()).toBe(before + 2);
  });

  test('cannot be stopped there: one whose time is over says that it may go on', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const view = await tasks.run({ task_type: 'ALT_BRIEF', ...inputs() });
    expect(view).toMatchObject({ status: 'failed', error: { code: 'TASK_TIMEOUT', reason: containing('did not stop it; it may still run there') } });
  });

  test('that is cancelled, or whose deadline passes, ends at once and says that its job goes on', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const { task_id: id } = await tasks.create({ task_type: 'ALT', ...inputs() });
    await until('its id is known', async () => /^\d+$/.test(await tasks.job(id)));
    expect(await tasks.cancel(id)).toMatchObject({ status: 'cancelled', warnings: [containing('may go on there, and be billed')] });
    const late = await tasks.run({ task_type: 'ALT', deadline_seconds: 1, ...inputs() });
    expect(late).toMatchObject({ status: 'failed', error: { code: 'TASK_TIMEOUT', reason: containing('deadline_seconds') }, warnings: [containing('may go on there')] });
  });

  test('with a workflow that nobody knows says so', async () => {
    expect(await tasks.run({ task_type: 'ALT_STRANGER', ...inputs() })).toMatchObject({ status: 'failed', error: { code: 'ENGINE_WORKFLOW_NOT_FOUND' } });
  });
});
