/** Pipelines whose steps run at RunningHub: here, its sandbox. */
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EngineList } from '../../../src/models/catalog.ts';
import { configFolder } from '../../support/config-folder.ts';
import { download, handOver } from '../../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { containing } from '../../support/matchers.ts';
import { png } from '../../support/picture.ts';
import { poseEngine, startTestHub, type TestHub } from '../../support/runninghub-engine.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const nobody = 'http://127.0.0.1:1';
const keys = { ann: 'ann-secret-key', bob: 'bob-secret-key' };
let hub: TestHub;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let gateway: TestGateway;
let ann: TasksClient;
let source: string;
let reference: string;

/** A gateway whose pipeline POSE_CHANGE runs at the sandbox. */
async function started(): Promise<TestGateway> {
  const engines = { rh_pose: poseEngine(hub.hub), rh_header: poseEngine(hub.hub, { key_place: 'header' }), rh_wrong_key: poseEngine(hub.hub, { api_key: '0123456789abcdef0123456789abcdef' }), rh_wrong_id: poseEngine(hub.hub, { workflow_id: '1904136902449209999' }) };
  const pipelines = {
    pose_change: { steps: { pose_transfer: { engine: 'rh_pose', description: 'Puts a person into a pose.' } } },
    twice: { steps: { first: { engine: 'rh_pose' }, second: { engine: 'rh_pose', inputs: { source_image: '${steps.first.outputs[0]}', reference_image: '${input.reference_image}' } } } },
    in_header: { steps: { only: { engine: 'rh_header' } } },
    wrong_key: { steps: { only: { engine: 'rh_wrong_key' } } },
    wrong_id: { steps: { only: { engine: 'rh_wrong_id' } } },
  };
  return startTestGateway({ instances: [nobody], healthy: 0, folder: folder.path, env: { API_KEYS: `ann:${keys.ann},bob:${keys.bob}`, MIRROR_OUTPUTS: 'false', CONFIG_DIR: await configFolder(folder.path, { engines, pipelines }) } });
}

beforeAll(async () => {
  [hub, folder] = await Promise.all([startTestHub(), temporaryFolder()]);
  gateway = await started();
  ann = new TasksClient(gateway, keys.ann);
  source = (await handOver(gateway, await png(), { key: keys.ann })).name;
  reference = (await handOver(gateway, await png({ width: 30, height: 20 }), { key: keys.ann, name: 'pose.png' })).name;
});
afterAll(async () => {
  await gateway.close();
  await hub[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('a pipeline at RunningHub', () => {
  test('uploads its files, runs, and keeps the picture, which its owner can fetch', async () => {
    const view = await ann.run({ task_type: 'POSE_CHANGE', source_image: source, reference_image: reference });
    expect(view).toMatchObject({ status: 'completed', task_type: 'POSE_CHANGE', engine: 'rh_pose', outputs: [{ kind: 'image', step: 'pose_transfer' }], attempts: [{ outcome: 'completed', job_id: containing('1') }], usage: { seconds: expect.any(Number) as unknown } });
    const url = view.outputs[0]?.url ?? '';
    expect(url).toMatch(/^\/api\/v1\/images\/download\?/);
    const { width } = await sharp((await download(gateway, url, { key: keys.ann })).bytes).metadata();
    expect(width).toBeGreaterThan(0);
    expect((await download(gateway, url, { key: keys.bob })).status).toBe(404);
    expect(hub.hub.counters.snapshot.credentialsAtFiles).toBe(0);
  });

  test('is told of with its inputs, and its engine with how it is and without its key', async () => {
    const { status, text, body } = await gateway.call('GET', '/api/v1/engines', { key: keys.ann });
    expect(status).toBe(200);
    const list = EngineList.parse(body);
    expect(list.engines).toContainEqual(expect.objectContaining({ name: 'rh_pose', type: 'runninghub', healthy: true, capacity: 50 }));
    expect(list.pipelines.find(({ name }) => name === 'pose_change')?.inputs).toMatchObject([{ name: 'source_image', type: 'image', required: true }, { name: 'reference_image', type: 'image', required: true }, { name: 'seed', type: 'integer', required: false, default: 7 }]);
    expect(text).not.toMatch(/sandbox-key|0123456789abcdef/);
  });

  test('converts its picture on request', async () => {
    const view = await ann.run({ task_type: 'POSE_CHANGE', source_image: source, reference_image: reference });
    const { bytes } = await download(gateway, `${view.outputs[0]?.url ?? ''}&format=webp&width=16`, { key: keys.ann });
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', width: 16 });
  });

  test('sends a file that it sent before no more', async () => {
    const uploads = (): number => hub.hub.counters.snapshot.requests['POST /task/openapi/upload'] ?? 0;
    await ann.run({ task_type: 'POSE_CHANGE', source_image: source, reference_image: reference });
    const before = uploads();
    await ann.run({ task_type: 'POSE_CHANGE', source_image: source, reference_image: reference });
    expect(uploads()).toBe(before);
  });

  test('hands the output of a step on to the next one', async () => {
    const view = await ann.run({ task_type: 'TWICE', source_image: source, reference_image: reference });
    expect(view).toMatchObject({ status: 'completed', outputs: [{ step: 'second' }], steps: [{ name: 'first' }, { name: 'second' }] });
  });

  test.each([
    [{ source_image: 'x.png' }, 'reference_image'],
    [{ source_image: 'x.png', reference_image: 5 }, 'reference_image'],
    [{ source_image: 'x.png', reference_image: 'y.png', pose: 'z.png' }, 'pose'],
    [{ source_image: 'x.png', reference_image: 'y.png', seed: 'many' }, 'seed'],
    [{ source_image: 'ftp://x/y.png', reference_image: 'y.png' }, 'source_image'],
  ])('refuses what its engine does not take: %j', async (inputs, input) => {
    const refusal = await ann.refusal({ task_type: 'POSE_CHANGE', ...inputs });
    expect(refusal).toMatchObject({ status: 422, code: 'VALIDATION_ERROR', errors: [{ input: containing(input) }] });
  });

  test('fails where a file is none of the caller, with the name of the input', async () => {
    const view = await new TasksClient(gateway, keys.bob).run({ task_type: 'POSE_CHANGE', source_image: source, reference_image: reference });
    expect(view).toMatchObject({ status: 'failed', error: { code: 'VALIDATION_ERROR', reason: containing('source_image') } });
  });

  test('runs with a key that is taken in the header alone', async () => {
    hub.hub.knobs.set({ bearerOnly: true });
    const view = await ann.run({ task_type: 'IN_HEADER', source_image: source, reference_image: reference });
    hub.hub.knobs.set({ bearerOnly: false });
    expect(view).toMatchObject({ status: 'completed' });
  });

  test('takes no template and no graph on its engine', async () => {
    expect(await ann.refusal({ template: 'resize', inputs: {}, engine: 'rh_pose' })).toMatchObject({ status: 422, detail: containing('pipeline') });
  });

  test('whose workflow nobody knows fails and says so', async () => {
    const view = await ann.run({ task_type: 'WRONG_ID', source_image: source, reference_image: reference });
    expect(view).toMatchObject({ status: 'failed', error: { code: 'ENGINE_WORKFLOW_NOT_FOUND' } });
  });

  test('whose key is refused waits, and says why', async () => {
    const { task_id: id } = await ann.create({ task_type: 'WRONG_KEY', source_image: source, reference_image: reference });
    const view = await until('it says what it waits for', async () => {
      const seen = await ann.view(id);
      return seen.waiting_for !== undefined && seen;
    });
    expect(view).toMatchObject({ status: 'pending', waiting_for: containing('key') });
    expect(JSON.stringify(view)).not.toContain('0123456789abcdef');
    expect(await ann.cancel(id)).toMatchObject({ status: 'cancelled' });
  });

  test('that fails there tells why, and is not tried again', async () => {
    hub.hub.knobs.set({ outcomes: ['failed'] });
    const view = await ann.run({ task_type: 'POSE_CHANGE', source_image: source, reference_image: reference });
    expect(view).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'WORKFLOW_EXECUTION_ERROR' } });
  });

  test('is stopped there when it is cancelled', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const { task_id: id } = await ann.create({ task_type: 'POSE_CHANGE', source_image: source, reference_image: reference });
    await until('it is there', async () => /^\d+$/.test(await ann.job(id)));
    expect(await ann.cancel(id)).toMatchObject({ status: 'cancelled' });
    hub.hub.knobs.set({ hold: null });
  });

  test('whose submit got no answer fails without being made again, and can be tried again on request', async () => {
    const before = hub.created();
    hub.hub.knobs.set({ next: { 'POST /task/openapi/create': [{ fault: 'cut', after: true }] } });
    const view = await ann.run({ task_type: 'POSE_CHANGE', source_image: source, reference_image: reference });
    expect(view).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'ENGINE_OUTCOME_UNKNOWN', reason: containing('may bill') } });
    expect(hub.created()).toBe(before + 1);
    await ann.retry(view.task_id);
    expect(await ann.ended(view.task_id)).toMatchObject({ status: 'completed' });
  });

  test('that came to a full account waits, and nobody sees a refusal', async () => {
    hub.hub.knobs.set({ next: { 'POST /task/openapi/create': [{ code: 421 }] } });
    const { task_id: id } = await ann.create({ task_type: 'POSE_CHANGE', source_image: source, reference_image: reference });
    await until('it says what it waits for', async () => (await ann.view(id)).waiting_for?.includes('takes no more now') === true);
    const view = await ann.ended(id, 20_000);
    expect(view).toMatchObject({ status: 'completed', attempt: 1, attempts: [{ outcome: 'completed' }] });
  }, 30_000);

  test('has its picture after a restart, and takes it along when it is removed', async () => {
    const view = await ann.run({ task_type: 'POSE_CHANGE', source_image: source, reference_image: reference });
    await gateway.close();
    gateway = await started();
    ann = new TasksClient(gateway, keys.ann);
    const url = view.outputs[0]?.url ?? '';
    expect((await download(gateway, url, { key: keys.ann })).status).toBe(200);
    expect((await ann.of(view.task_id, '', 'DELETE')).status).toBeLessThan(300);
    expect((await download(gateway, url, { key: keys.ann })).status).toBe(404);
  });
});
