/** Surface A: the paths, bodies and words of the service that this one replaces. */
import { z } from 'zod';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringifyJson } from '../../src/atoms/json/json.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { handOver } from '../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { ok, problem } from '../support/gateway-client.ts';
import { freshId, longWork, noise, solidColour } from '../support/graphs.ts';
import { aNumber } from '../support/matchers.ts';
import { png } from '../support/picture.ts';
import { TasksClient } from '../support/tasks-client.ts';
import { until } from '../support/until.ts';

const Created = z.strictObject({ task_id: z.string(), status: z.string(), task_type: z.string(), created_at: z.number() });
const State = z.looseObject({ task_id: z.string(), status: z.string(), results: z.array(z.looseObject({ url: z.string().optional() })), error: z.unknown() });

let engine: Engine;
let gateway: TestGateway;
let image: string;

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url] });
  image = (await handOver(gateway, await png())).name;
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const get = async (path: string): Promise<unknown> => ok(await gateway.call('GET', path));
const create = async (body: unknown): Promise<z.infer<typeof Created>> => Created.parse(ok(await gateway.post('/api/tasks/create', body)));

async function ended(id: string): Promise<z.infer<typeof State>> {
  return until(`task ${id} has ended`, async () => {
    const state = State.parse(await get(`/api/tasks/${id}`));
    return ['COMPLETED', 'FAILED', 'CANCELLED'].includes(state.status) && state;
  });
}

const sizes = () => ({ image, width: 16, height: 16 });

describe('creating', () => {
  test.each([
    ['the first form', () => ({ workflow_name: 'resize', params: { input_data: { wf_json: sizes() } } }), 'TEMPLATE'],
    ['the second form', () => ({ workflow: 'resize', inputs: sizes() }), 'TEMPLATE'],
    ['the first form with a whole graph', () => ({ workflow_name: 'anything', params: { input_data: { wf_json: solidColour() } } }), 'WORKFLOW'],
    ['the second form with a whole graph', () => ({ workflow: solidColour() }), 'WORKFLOW'],
    ['the second form, the first sent as null', () => ({ workflow: 'resize', inputs: sizes(), workflow_name: null, params: null }), 'TEMPLATE'],
  ])('by %s works, with states in upper case', async (_what, body, type) => {
    const accepted = await create(body());
    expect(accepted).toMatchObject({ status: 'PENDING', task_type: type });
    expect(await ended(accepted.task_id)).toMatchObject({ task_id: accepted.task_id, status: 'COMPLETED', error: null, progress: 1, results: [{ kind: 'image' }] });
    expect((await new TasksClient(gateway).view(accepted.task_id)).status).toBe('completed');
  });

  test('takes what the canonical call takes beside', async () => {
    const client_id = freshId();
    const { task_id: id } = await create({ workflow: 'resize', inputs: sizes(), priority: 3, client_id, metadata: { a: 1 } });
    expect(await ended(id)).toMatchObject({ priority: 3, client_id, metadata: { a: 1 } });
    const { task_id: old } = await create({ workflow_name: 'resize', params: { input_data: { wf_json: sizes() } }, priority: -2 });
    expect(await ended(old)).toMatchObject({ priority: -2 });
  });

  test('keeps every digit of a seed, in and out', async () => {
    const seed = '18446744073709551615';
    const { task_id: id } = await create(stringifyJson({ workflow: noise(JSON.rawJSON(seed)), metadata: { seed: JSON.rawJSON(seed) } }));
    const [{ url = '' } = {}] = (await ended(id)).results;
    expect((await gateway.call('GET', `/api/tasks/${id}`)).text).toContain(`"seed":${seed}`);
    expect(Buffer.from(await (await fetch(gateway.url + url)).arrayBuffer()).toString('latin1')).toMatch(new RegExp(`"seed": ?${seed}\\b`));
  });

  test.each([
    ['nothing', {}],
    ['a template that is not there', { workflow: 'no-such', inputs: {} }],
    ['the first form without its inside', { workflow_name: 'resize', params: {} }],
    ['an input that is not there', { workflow: 'resize', inputs: { image: 'a.png', colour: 'red' } }],
  ])('by %s is refused', async (_what, body) => {
    expect(problem(await gateway.post('/api/tasks/create', body))).toMatchObject({ status: 422, code: 'VALIDATION_ERROR' });
  });
});

describe('looking', () => {
  test('at a failed task tells of its error', async () => {
    const { task_id: id } = await create({ workflow: { '1': { class_type: 'NoSuchNode', inputs: {} } } });
    expect(await ended(id)).toMatchObject({ status: 'FAILED', error: { code: 'WORKFLOW_VALIDATION_ERROR' }, results: [] });
    expect(await get('/api/tasks?status=FAILED&limit=1')).toMatchObject({ tasks: [{ task_id: id, status: 'FAILED' }] });
    expect(problem(await gateway.call('GET', '/api/tasks/never-was'))).toMatchObject({ status: 404, code: 'TASK_NOT_FOUND' });
  });

  test('at lists in pages', async () => {
    const [first, second] = [await create({ workflow: solidColour() }), await create({ workflow: solidColour() })];
    const page = z.object({ tasks: z.array(z.looseObject({ task_id: z.string() })), next_cursor: z.string() }).parse(await get('/api/tasks?limit=1'));
    expect(page.tasks.map((task) => task.task_id)).toEqual([second.task_id]);
    expect(await get(`/api/tasks?limit=1&cursor=${page.next_cursor}`)).toMatchObject({ tasks: [{ task_id: first.task_id }] });
    await Promise.all([ended(first.task_id), ended(second.task_id)]);
  });

  test('at figures, queues and the system of ComfyUI', async () => {
    await ended((await create({ workflow: solidColour() })).task_id);
    expect(await get('/api/stats')).toMatchObject({ tasks: { PENDING: aNumber, COMPLETED: aNumber }, queue_length: 0, processing_time_ms: { p50: aNumber }, success_rate: aNumber, failure_rate: aNumber });
    expect(await get('/api/comfyui-queue-status')).toMatchObject({ queue_running: 0, queue_pending: 0, exec_info: { queue_remaining: 0 } });
    const system = await gateway.call('GET', '/api/comfyui-system-stats');
    expect(ok(system)).toMatchObject({ system: { comfyui_version: expect.any(String) as string }, devices: [{}] });
    expect(system.text).not.toContain('argv');
  });

  test('at its health, which needs no key, and at each of its parts', async () => {
    expect(await get('/api/health')).toEqual({ status: 'ok' });
    expect(await get('/api/status')).toMatchObject({ status: 'ok', database: { status: 'ok' }, queue: { status: 'ok' }, comfyui: { status: 'ok' }, engines: [{ name: 'comfyui', status: 'ok' }] });
  });
});

test('interrupting what runs cancels its task, which is not tried again', async () => {
  const { task_id: id } = await create({ workflow: longWork() });
  const tasks = new TasksClient(gateway);
  await gateway.reaches(await tasks.job(id), 'running');
  const { task_id: next } = await create({ workflow: solidColour() });
  expect(ok(await gateway.post('/api/comfyui-interrupt', {}))).toMatchObject({ status: 'ok', results: [{ outcome: 'interrupted' }] });
  expect(await ended(id)).toMatchObject({ status: 'CANCELLED', attempt: 1 });
  expect(await ended(next)).toMatchObject({ status: 'COMPLETED' });
});
