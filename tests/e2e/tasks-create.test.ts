/** Handing tasks over: the ways of saying what to do, waiting for it, saying it twice, and what is refused. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseJson } from '../../src/atoms/json/json.ts';
import { TaskAccepted, TaskView } from '../../src/models/task.ts';
import { configFolder } from '../support/config-folder.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { handOver } from '../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { freshId, longWork, noise, solidColour } from '../support/graphs.ts';
import { aNumber, containing } from '../support/matchers.ts';
import { png } from '../support/picture.ts';
import { having, TasksClient } from '../support/tasks-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let engine: Engine;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let gateway: TestGateway;
let tasks: TasksClient;

beforeAll(async () => {
  [engine, folder] = await Promise.all([startEngine(), temporaryFolder()]);
  gateway = await startTestGateway({ instances: [engine.url], folder: folder.path, env: { CONFIG_DIR: await configFolder(folder.path) } });
  tasks = new TasksClient(gateway);
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('a task', () => {
  test('of a graph is accepted with its links, and completes with its outputs, times and attempt', async () => {
    const answer = await tasks.hand({ workflow: solidColour() });
    const accepted = TaskAccepted.parse(having(202, answer));
    const self = `/api/v1/tasks/${accepted.task_id}`;
    expect(accepted).toEqual({ task_id: accepted.task_id, status: 'pending', task_type: 'WORKFLOW', created_at: aNumber, links: { self, outputs: `${self}/outputs`, events: `${self}/events`, cancel: `${self}/cancel` } });
    expect(answer.headers.get('location')).toBe(self);
    const view = await tasks.ended(accepted.task_id);
    expect(view).toMatchObject({ status: 'completed', task_type: 'WORKFLOW', engine: 'comfyui', priority: 0, progress: 1, attempt: 1, attempts: [{ attempt: 1, outcome: 'completed', engine: 'comfyui', instance: new URL(engine.url).host }], outputs: [{ node_id: '2', kind: 'image' }] });
    expect(await tasks.outputs(accepted.task_id)).toEqual(view.outputs);
    const { queued_at, started_at = 0, inputs_fetched_at = 0, executed_at = 0, stored_at = 0, finished_at = 0, wait_ms, run_ms, total_ms } = view.timings;
    const moments = [queued_at, started_at, inputs_fetched_at, executed_at, stored_at, finished_at];
    expect(moments).toEqual(moments.toSorted((one, other) => one - other));
    expect([wait_ms, run_ms, total_ms]).toEqual([started_at - queued_at, finished_at - started_at, finished_at - queued_at]);
    const url = view.outputs[0]?.url ?? '';
    const file = await fetch(gateway.url + url);
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'image/png']);
  });

  test('of a template names it, and shows the values in use', async () => {
    const { name } = await handOver(gateway, await png());
    const view = await tasks.run({ template: 'resize', inputs: { image: name, width: 24 } });
    expect(view).toMatchObject({ status: 'completed', task_type: 'TEMPLATE', template: 'resize', inputs: { image: name, width: 24, height: 512, method: 'lanczos' }, outputs: [{ node_id: '3' }] });
  });

  test('of a pipeline is named in upper case, and its inputs stand beside', async () => {
    const { name } = await handOver(gateway, await png());
    const view = await tasks.run({ task_type: 'SHRINK_AND_GROW', image: name, metadata: { mine: 1 } });
    expect(view).toMatchObject({ status: 'completed', task_type: 'SHRINK_AND_GROW', metadata: { mine: 1 }, inputs: { image: name }, outputs: [{ step: 'grow' }], steps: [{ name: 'shrink' }, { name: 'grow' }] });
  });

  test('keeps what the caller said of it', async () => {
    const { task_id: id } = await tasks.create({ workflow: solidColour(), priority: 7, client_id: 'my-page', deadline_seconds: 600, metadata: { order: 'A-17', nested: { list: [1, null] } } });
    const view = await tasks.ended(id);
    expect(view).toMatchObject({ priority: 7, client_id: 'my-page', metadata: { order: 'A-17', nested: { list: [1, null] } } });
    expect((view.deadline_at ?? 0) - view.created_at).toBe(600_000);
  });

  test('takes null for what is left out, as typed clients send it', async () => {
    const rest = { priority: null, deadline_seconds: null, client_id: null, webhook_url: null, webhook_events: null, metadata: null };
    expect(await tasks.run({ workflow: solidColour(), template: null, ...rest })).toMatchObject({ status: 'completed', priority: 0 });
  });
});

describe('Prefer: wait', () => {
  test('answers 200 with the task when it has ended in time', async () => {
    const answer = await tasks.hand({ workflow: solidColour() }, { prefer: 'wait=15' });
    expect(answer.headers.get('preference-applied')).toBe('wait=15');
    expect(TaskView.parse(having(200, answer))).toMatchObject({ status: 'completed', outputs: [{ kind: 'image' }] });
  });

  test('answers 202 when it has not', async () => {
    const answer = await tasks.hand({ workflow: longWork() }, { prefer: 'respond-async, wait=1' });
    const { task_id: id, status } = TaskAccepted.parse(having(202, answer));
    expect(['pending', 'processing']).toContain(status);
    await tasks.cancel(id);
  });
});

describe('Idempotency-Key', () => {
  test('makes the same call the same task, at the same time too', async () => {
    const [body, key] = [{ workflow: solidColour(), metadata: { n: 1 } }, { 'idempotency-key': freshId() }];
    const all = await Promise.all(Array.from({ length: 5 }, () => tasks.hand(body, key)));
    const ids = new Set(all.map((answer) => TaskAccepted.parse(having(202, answer)).task_id));
    expect(ids.size).toBe(1);
    expect(all.filter((answer) => answer.headers.get('idempotency-replayed') === 'true')).toHaveLength(4);
    const [id = ''] = ids;
    await tasks.ended(id);
    expect(await tasks.create(body, key)).toMatchObject({ task_id: id, status: 'completed' });
  });

  test('with another body is refused, and nothing is made', async () => {
    const key = { 'idempotency-key': freshId() };
    const client_id = freshId();
    const { task_id: id } = await tasks.create({ workflow: solidColour(), client_id }, key);
    expect(await tasks.refusal({ workflow: solidColour(), client_id }, key)).toMatchObject({ status: 422, code: 'VALIDATION_ERROR', detail: containing('Idempotency-Key') });
    expect((await tasks.list({ client_id })).tasks.map((task) => task.task_id)).toEqual([id]);
  });

  test('keeps seeds apart that differ in their last digit only', async () => {
    const key = { 'idempotency-key': freshId() };
    const ofSeed = (seed: string) => ({ workflow: noise(JSON.rawJSON(seed)) });
    const { task_id: id } = await tasks.create(ofSeed('18446744073709551615'), key);
    expect(await tasks.create(ofSeed('18446744073709551615'), key)).toMatchObject({ task_id: id });
    expect(await tasks.refusal(ofSeed('18446744073709551614'), key)).toMatchObject({ status: 422 });
  });
});

describe('numbers beyond 2^53', () => {
  test('of metadata come back with every digit', async () => {
    const { task_id: id } = await tasks.create({ workflow: solidColour(), metadata: { ours: JSON.rawJSON('9007199254740993') } });
    for (const rest of ['', '/../?limit=500']) expect((await tasks.of(id, rest)).text).toContain('"ours":9007199254740993');
  });

  test('of a graph reach the engine: the picture says so', async () => {
    const { outputs } = await tasks.run({ workflow: noise(JSON.rawJSON('18446744073709551615')) });
    const file = Buffer.from(await (await fetch(gateway.url + (outputs[0]?.url ?? ''))).arrayBuffer());
    expect(file.toString('latin1')).toMatch(/"seed": ?18446744073709551615\b/);
  });
});

describe('refused, with nothing made, is', () => {
  test.each([
    ['nothing to do', {}, 'VALIDATION_ERROR', 'give one of "template", "workflow" and "task_type"'],
    ['two things to do', { template: 'resize', workflow: solidColour() }, 'VALIDATION_ERROR', 'not template and workflow'],
    ['a template that is not there', { template: 'resise' }, 'VALIDATION_ERROR', 'there are: basic_generation'],
    ['a pipeline that is not there', { task_type: 'SHRINK' }, 'VALIDATION_ERROR', 'SHRINK_AND_GROW'],
    ['an engine that is not there', { workflow: solidColour(), engine: 'kiln' }, 'ENGINE_NOT_REGISTERED', 'registered: comfyui'],
    ['a graph without nodes', { workflow: {} }, 'WORKFLOW_VALIDATION_ERROR', ''],
    ['an input that a template does not have', { template: 'resize', inputs: { image: 'a.png', widht: 3 } }, 'VALIDATION_ERROR', 'widht'],
    ['an input that is missing', { template: 'resize' }, 'VALIDATION_ERROR', 'image'],
    ['a value out of range', { template: 'resize', inputs: { image: 'a.png', width: 3 } }, 'VALIDATION_ERROR', 'width'],
    ['an input that a pipeline does not have', { task_type: 'SHRINK_AND_GROW', image: 'a.png', faktor: 2 }, 'VALIDATION_ERROR', 'faktor'],
    ['an option that does not exist', { workflow: solidColour(), prio: 1 }, 'VALIDATION_ERROR', 'prio'],
    ['a priority out of range', { workflow: solidColour(), priority: 101 }, 'VALIDATION_ERROR', 'priority'],
    ['a deadline of nothing', { workflow: solidColour(), deadline_seconds: 0 }, 'VALIDATION_ERROR', 'deadline_seconds'],
    ['events for no webhook', { workflow: solidColour(), webhook_events: ['completed'] }, 'VALIDATION_ERROR', 'webhook_url'],
    ['an event that does not exist', { workflow: solidColour(), webhook_url: 'https://example.org', webhook_events: ['done'] }, 'VALIDATION_ERROR', 'webhook_events'],
  ])('%s', async (_what, body, code, detail) => {
    const client_id = freshId();
    const problem = await tasks.refusal({ ...body, client_id });
    expect(problem).toMatchObject({ status: 422, code });
    expect(JSON.stringify(problem)).toContain(JSON.stringify(detail).slice(1, -1));
    expect((await tasks.list({ client_id })).tasks).toEqual([]);
  });

  test('a graph that an editor exports, in words that say so', async () => {
    expect(await tasks.refusal({ workflow: parseJson('{"nodes":[],"links":[],"version":0.4}') })).toMatchObject({ status: 422, code: 'WORKFLOW_VALIDATION_ERROR', detail: containing('API') });
  });
});
