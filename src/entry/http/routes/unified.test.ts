import { describe, expect, it } from 'vitest';
import { jsonHeaders, problemOf, startApp } from '../../../../tests/support/http-app.ts';
import { TaskWorld } from '../../../../tests/support/task-world.ts';
import type { TaskRecord } from '../../../models/task-store.ts';
import type { TaskRequest } from '../../../models/task.ts';
import { summaryOf, viewOf } from '../../../coordinator/tasks/views.ts';
import { unifiedOrder } from './unified.ts';

const graph = { '1': { class_type: 'X', inputs: {} } };

async function record(over: Partial<TaskRecord> = {}): Promise<TaskRecord> {
  await using world = await TaskWorld.open();
  return { ...(await world.accept({ id: 't1' })), ...over };
}

describe('a body of the service that this one replaces', () => {
  const old = (wf_json: unknown) => ({ workflow_name: 'draw', params: { input_data: { wf_json } } });

  it('may have either form', () => {
    const order: TaskRequest = { kind: 'template', request: { template: 'draw', inputs: { prompt: 'x', seed: 5 } } };
    expect(unifiedOrder(old({ prompt: 'x', seed: 5 }))).toEqual(order);
    expect(unifiedOrder({ workflow: 'draw', inputs: { prompt: 'x', seed: 5 } })).toEqual(order);
    expect(unifiedOrder({ workflow: 'draw' })).toEqual({ kind: 'template', request: { template: 'draw', inputs: {} } });
  });

  it('may have a whole graph in the place of values, or of a name', () => {
    expect(unifiedOrder(old(graph))).toEqual({ kind: 'workflow', request: { workflow: graph } });
    expect(unifiedOrder({ workflow: graph })).toEqual({ kind: 'workflow', request: { workflow: graph } });
    expect(unifiedOrder(old({ ...graph, seed: 5 }))).toMatchObject({ kind: 'template' });
  });

  it('may have what the canonical call takes beside, and what nobody knows is left out', () => {
    expect(unifiedOrder({ ...old({ prompt: 'x' }), priority: 5, webhook_url: 'https://hook', user: 'somebody' })).toEqual({ kind: 'template', request: { template: 'draw', inputs: { prompt: 'x' }, priority: 5, webhook_url: 'https://hook' } });
    expect(unifiedOrder({ workflow: graph, workflow_name: null, priority: null, metadata: { a: 1 } })).toEqual({ kind: 'workflow', request: { workflow: graph, metadata: { a: 1 } } });
  });

  it.each([{}, { workflow_name: 'draw' }, { workflow_name: 7, params: {} }, old('text'), old(null), old([]), { workflow: 7 }, { workflow: 'draw', inputs: 'x' }, { workflow: null }, { workflow: 'draw', priority: 'high' }])('is refused for rubbish: %j', (body) => {
    expect(() => unifiedOrder(body)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }));
  });
});

describe('the surface that this one replaces', () => {
  it('tells states in capitals, and results', async () => {
    const task = await record({ status: 'failed', error: { code: 'PROMPT_LOST', reason: 'gone' } });
    const view = viewOf({ task, details: { plan: { inputs: {}, steps: [] }, results: [], outputs: [], warnings: [], webhook: undefined }, attempts: [], position: undefined, etaMs: undefined, retentionDays: 0, now: 0, waitingFor: undefined });
    await using app = await startApp({}, { tasks: { view: () => Promise.resolve(view), create: () => Promise.resolve({ task, again: false }), list: () => Promise.resolve({ tasks: [summaryOf(task)], next_cursor: null }) } });
    expect(await (await fetch(`${app.url}/api/tasks/t1`)).json()).toMatchObject({ task_id: 't1', status: 'FAILED', results: [], error: { code: 'PROMPT_LOST' }, progress: 0 });
    expect(await (await fetch(`${app.url}/api/tasks`)).json()).toMatchObject({ tasks: [{ task_id: 't1', status: 'FAILED' }], next_cursor: null });
    const made = await fetch(`${app.url}/api/tasks/create`, { method: 'POST', headers: jsonHeaders, body: JSON.stringify({ workflow: 'draw' }) });
    expect([made.status, await made.json()]).toEqual([200, { task_id: 't1', status: 'FAILED', task_type: 'WORKFLOW', created_at: 1_000 }]);
  });

  it('takes states in capitals, and other parameters of old clients', async () => {
    const [asked, cursor]: [unknown[], string] = [[], '01a2080a-aa26-75c5-90ff-456a80c680d2'];
    await using app = await startApp({}, { tasks: { list: (_, query) => Promise.resolve(asked.push(query)).then(() => ({ tasks: [], next_cursor: null })) } });
    await fetch(`${app.url}/api/tasks?status=PENDING&limit=5&cursor=${cursor}&whatever=1`);
    expect(asked).toEqual([{ status: 'pending', limit: 5, cursor }]);
    expect((await problemOf(await fetch(`${app.url}/api/tasks?status=STRANGE`)))['code']).toBe('VALIDATION_ERROR');
  });

  it('tells figures by state, and what share failed', async () => {
    const figures = { queue_length: 1, wait_ms: { p50: 1, p95: 2 }, run_ms: { p50: 3, p95: 4 }, counts: { pending: 1, processing: 0, completed: 3, failed: 1, cancelled: 0 } };
    let rate: number | null = 0.75;
    await using app = await startApp({}, { tasks: { stats: () => Promise.resolve({ ...figures, success_rate: rate, engines: [], templates: [] }) } });
    const stats = async (): Promise<unknown> => (await fetch(`${app.url}/api/stats`)).json();
    expect(await stats()).toMatchObject({ tasks: { PENDING: 1, COMPLETED: 3, FAILED: 1 }, success_rate: 0.75, failure_rate: 0.25, processing_time_ms: { p50: 3 }, waiting_time_ms: { p50: 1 } });
    rate = null;
    expect(await stats()).toMatchObject({ success_rate: null, failure_rate: null });
  });

  it('tells how each part is', async () => {
    const engine = { name: 'comfyui', type: 'comfyui', healthy: false, reason: 'nobody is there', running: 1, pending: 2, capacity: 0 };
    const figures = { queue_length: 2, wait_ms: { p50: null, p95: null }, run_ms: { p50: null, p95: null }, counts: { pending: 2, processing: 1, completed: 0, failed: 0, cancelled: 0 } };
    await using app = await startApp({}, { tasks: { stats: () => Promise.resolve({ ...figures, success_rate: null, engines: [], templates: [] }) }, catalog: { engines: () => Promise.resolve({ engines: [engine], pipelines: [] }) }, instances: { readiness: () => ({ ready: false, instances: [] }) } });
    expect(await (await fetch(`${app.url}/api/status`)).json()).toMatchObject({ status: 'degraded', database: { status: 'ok' }, queue: { length: 2, processing: 1 }, comfyui: { status: 'unreachable' }, engines: [{ status: 'unreachable', reason: 'nobody is there' }] });
    expect(await (await fetch(`${app.url}/api/health`)).json()).toEqual({ status: 'ok' });
  });
});
