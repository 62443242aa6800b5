/** Outputs: shown as they come, stored once the run is over, and not lost when an engine stumbles over them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { download } from '../../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { blank, solidColour } from '../../support/graphs.ts';
import { containing } from '../../support/matchers.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { until } from '../../support/until.ts';

let engine: TestSandbox;
let gateway: TestGateway;
let tasks: TasksClient;

beforeEach(async () => {
  engine = await startTestSandbox();
  gateway = await startTestGateway({ instances: [engine.url], env: { RETRY_DELAY_SECONDS: '0.05', COMFYUI_REQUEST_TIMEOUT: '1' } });
  tasks = new TasksClient(gateway);
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const executions = (): number => Object.values(engine.sandbox.counters.snapshot.executions).reduce((sum, count) => sum + count, 0);
const views = (): number => engine.sandbox.counters.snapshot.requests['GET /view'] ?? 0;

test('are shown as they come, each with a URL that works then', async () => {
  engine.sandbox.knobs.set({ nodeDelayMs: 300 });
  const graph = { ...solidColour(), '3': blank(), '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'gateway-test/second' } } };
  const { task_id: id } = await tasks.create({ workflow: graph });
  using events = await tasks.events(id);
  const { data } = await events.next('output');
  expect(data).toMatchObject({ status: 'processing', outputs: [{ kind: 'image' }] });
  engine.sandbox.knobs.set({ hold: true });
  const [output, ...others] = await tasks.outputs(id);
  expect([others, (await tasks.view(id)).status]).toEqual([[], 'processing']);
  expect((await download(gateway, output?.url ?? '')).status).toBe(200);
  engine.sandbox.knobs.reset();
  await events.rest();
  expect((await tasks.view(id)).outputs.map(({ node_id: node }) => node).toSorted()).toEqual(['2', '4']);
});

test('of nodes that a template does not name are left out', async () => {
  const view = await tasks.run({ template: 'text-to-image', inputs: { prompt: 'fog', width: 64, height: 64, steps: 2 } });
  expect(view.outputs.map(({ node_id: node }) => node)).toEqual(['9']);
});

describe('are fetched again, and the prompt is not run again,', () => {
  test.each([{ failView: 2 }, { truncateView: 2 }])('when the engine answers with %o', async (knobs) => {
    engine.sandbox.knobs.set(knobs);
    const view = await tasks.run({ workflow: solidColour() });
    expect(view).toMatchObject({ status: 'completed', attempt: 1, outputs: [{ kind: 'image' }] });
    expect([executions(), view.warnings]).toEqual([1, undefined]);
    expect(views()).toBeGreaterThanOrEqual(3);
    const { bytes } = await download(gateway, view.outputs[0]?.url ?? '');
    expect(bytes.subarray(-8).toString('latin1')).toContain('IEND');
  });
});

test('that are gone with their engine before they were stored are made again', async () => {
  engine.sandbox.knobs.set({ hang: { 'GET /view': 1 } });
  const { task_id: id } = await tasks.create({ workflow: { '1': blank(), '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } } } });
  await until('its file is asked for', () => views() > 0);
  await engine.sandbox.restart();
  const view = await tasks.ended(id);
  expect(view).toMatchObject({ status: 'completed', attempt: 2, attempts: [{ outcome: 'failed', error: { code: 'IMAGE_NOT_FOUND' } }, { outcome: 'completed' }] });
}, 30_000);

test('outlive the engine once the task is completed', async () => {
  const view = await tasks.run({ workflow: { '1': blank(), '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } } } });
  await engine.sandbox.restart();
  expect((await download(gateway, view.outputs[0]?.url ?? '')).status).toBe(200);
});

test('are not copied where MIRROR_OUTPUTS says so', async () => {
  await using bare = await startTestGateway({ instances: [engine.url], env: { MIRROR_OUTPUTS: 'false' } });
  const view = await new TasksClient(bare).run({ workflow: solidColour() });
  expect(view).toMatchObject({ status: 'completed', outputs: [{ url: containing('prompt_id=') }] });
  expect((await download(bare, view.outputs[0]?.url ?? '')).status).toBe(200);
});
