/** Lists, pages and figures, and that a key never meets what another one's tasks are. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TaskAccepted } from '../../src/models/task.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { download, handOver } from '../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { problem } from '../support/gateway-client.ts';
import { freshId, shortWork, solidColour } from '../support/graphs.ts';
import { png } from '../support/picture.ts';
import { TasksClient } from '../support/tasks-client.ts';

let engine: Engine;
let gateway: TestGateway;
let [alice, bob, root]: TasksClient[] = [];
const keys = { alice: 'alice-secret-key', bob: 'bob-secret-key', root: 'root-secret-key' };
const of = (client: TasksClient | undefined): TasksClient => client ?? new TasksClient(gateway);

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url], env: { API_KEYS: `alice:${keys.alice},bob:${keys.bob},root:${keys.root}:admin` } });
  [alice, bob, root] = [keys.alice, keys.bob, keys.root].map((key) => new TasksClient(gateway, key));
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

/** Handed over one after the other, and all ended. */
async function several(count: number, body: Readonly<Record<string, unknown>> = {}): Promise<TaskAccepted[]> {
  const made: TaskAccepted[] = [];
  for (let n = 0; n < count; n += 1) made.push(await of(alice).create({ workflow: solidColour(), ...body }));
  for (const { task_id: id } of made) await of(alice).ended(id);
  return made;
}

describe('a list', () => {
  test('is newest first, in pages that neither miss nor repeat one although more come', async () => {
    const client_id = freshId();
    const made = await several(5, { client_id });
    const pages: string[][] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await of(alice).list({ client_id, limit: '2', ...(cursor === '' ? {} : { cursor }) });
      pages.push(page.tasks.map((task) => task.task_id));
      cursor = page.next_cursor;
      if (pages.length === 1) await several(1, { client_id });
    }
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat()).toEqual(made.map((task) => task.task_id).toReversed());
  });

  test('is filtered by each word, and by all together', async () => {
    const [client_id, { name }] = [freshId(), await handOver(gateway, await png(), { key: keys.alice })];
    const [graph] = await several(1, { client_id });
    const template = await of(alice).run({ template: 'resize', inputs: { image: name, width: 16, height: 16 }, client_id });
    const refused = await of(alice).run({ workflow: { '1': { class_type: 'NoSuchNode', inputs: {} } }, client_id });
    const found = async (query: Record<string, string>) => (await of(alice).list({ client_id, ...query })).tasks.map((task) => task.task_id);
    expect(await found({})).toEqual([refused.task_id, template.task_id, graph?.task_id]);
    expect(await found({ status: 'failed' })).toEqual([refused.task_id]);
    expect(await found({ status: 'completed', task_type: 'WORKFLOW' })).toEqual([graph?.task_id]);
    expect(await found({ template: 'resize' })).toEqual([template.task_id]);
    expect(await found({ engine: 'comfyui', created_after: String(template.created_at + 1) })).toEqual([refused.task_id]);
    expect(await found({ created_before: String(graph?.created_at ?? 0) })).toEqual([]);
    expect(await found({ engine: 'kiln' })).toEqual([]);
  });

  test.each(['limit=0', 'limit=501', 'status=done', 'created_after=yesterday', 'colour=red'])('refuses ?%s', async (query) => {
    expect(problem(await gateway.call('GET', `/api/v1/tasks?${query}`, { key: keys.alice }))).toMatchObject({ status: 422, code: 'VALIDATION_ERROR' });
  });
});

describe('figures', () => {
  test('count the caller’s tasks by status, with times and the share that succeeded; an admin’s are everybody’s', async () => {
    const before = await of(bob).stats();
    expect(before).toMatchObject({ counts: { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 }, queue_length: 0, success_rate: null, wait_ms: { p50: null, p95: null } });
    await of(bob).run({ workflow: solidColour() });
    await of(bob).run({ workflow: { '1': { class_type: 'NoSuchNode', inputs: {} } } });
    const after = await of(bob).stats();
    expect(after).toMatchObject({ counts: { completed: 1, failed: 1 }, success_rate: 0.5, engines: [{ engine: 'comfyui', counts: { completed: 1, failed: 1 } }] });
    expect(after.run_ms.p50).toBeGreaterThan(0);
    expect(after.run_ms.p95).toBeGreaterThanOrEqual(after.run_ms.p50 ?? Infinity);
    expect((await of(root).stats()).counts.completed).toBeGreaterThan(1);
  });
});

describe('another key', () => {
  test('does not find a task by any door, and cannot tell it from one that never was', async () => {
    const { task_id: id } = await of(alice).create({ workflow: solidColour() });
    await of(alice).ended(id);
    const strip = (text: string, name: string): string => text.replaceAll(name, 'ID').replace(/"request_id":"[^"]*"/, '');
    const doors = [['', 'GET'], ['/outputs', 'GET'], ['/events', 'GET'], ['/deliveries', 'GET'], ['/cancel', 'POST'], ['/retry', 'POST'], ['/deliveries/1/redeliver', 'POST'], ['', 'DELETE']] as const;
    for (const [rest, method] of doors) {
      const [theirs, nobody] = [await of(bob).of(id, rest, method), await of(bob).of('never-was', rest, method)];
      expect([theirs.status, problem(theirs).code]).toEqual([404, 'TASK_NOT_FOUND']);
      expect(strip(theirs.text, id)).toBe(strip(nobody.text, 'never-was'));
    }
    expect((await gateway.call('GET', `/api/tasks/${id}`, { key: keys.bob })).status).toBe(404);
    expect((await of(alice).view(id)).status).toBe('completed');
    expect((await of(root).view(id)).status).toBe('completed');
  });

  test('does not see it in lists, nor its files; an admin does', async () => {
    const client_id = freshId();
    const { task_id: id, outputs } = await of(alice).run({ workflow: solidColour(), client_id });
    const ids = async (client: TasksClient | undefined) => (await of(client).list({ client_id })).tasks.map((task) => task.task_id);
    expect([await ids(bob), await ids(root), await ids(alice)]).toEqual([[], [id], [id]]);
    expect((await of(bob).list()).tasks.map((task) => task.task_id)).not.toContain(id);
    const url = outputs[0]?.url ?? '';
    expect([(await download(gateway, url, { key: keys.bob })).status, (await download(gateway, url, { key: keys.alice })).status, (await download(gateway, url, { key: keys.root })).status]).toEqual([404, 200, 200]);
  });

  test('has Idempotency-Keys of its own', async () => {
    const [key, body] = [{ 'idempotency-key': freshId() }, { workflow: solidColour() }];
    const [mine, theirs] = [await of(alice).create(body, key), await of(bob).create(body, key)];
    expect(mine.task_id).not.toBe(theirs.task_id);
  });

  test('cannot stop it, neither as a task nor as a prompt; it runs on', async () => {
    const { task_id: id } = await of(alice).create({ workflow: shortWork() });
    await of(alice).reaches(id, 'processing');
    expect((await of(bob).of(id, '/cancel', 'POST')).status).toBe(404);
    expect(await gateway.interrupt(undefined, keys.bob)).toEqual([]);
    await gateway.call('POST', '/api/comfyui-interrupt', { key: keys.bob, body: {} });
    expect((await gateway.post('/api/v1/workflows/interrupt', { prompt_id: await of(alice).job(id) }, keys.bob)).status).toBe(404);
    expect((await of(alice).ended(id)).status).toBe('completed');
  });
});
