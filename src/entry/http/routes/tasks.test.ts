import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { jsonHeaders, problemOf, raw, startApp } from '../../../../tests/support/http-app.ts';
import { gone } from '../../../../tests/support/scripted-task-engine.ts';
import { TaskWorld } from '../../../../tests/support/task-world.ts';
import { until } from '../../../../tests/support/until.ts';
import type { TaskOrder } from '../../../coordinator/tasks/task-coordinator.ts';
import type { TaskTold } from '../../../coordinator/tasks/watching.ts';
import { viewOf } from '../../../coordinator/tasks/views.ts';
import type { TaskRecord } from '../../../models/task-store.ts';
import type { TaskView } from '../../../models/task.ts';

const path = '/api/v1/tasks';
const workflow = { '1': { class_type: 'X', inputs: {} } };
const plan = { inputs: {}, steps: [] };

async function record(over: Partial<TaskRecord> = {}): Promise<TaskRecord> {
  await using world = await TaskWorld.open();
  return { ...(await world.accept({ id: 't1' })), ...over };
}
const viewed = (task: TaskRecord): TaskView => viewOf({ task, details: { plan, results: [], outputs: [], warnings: [], webhook: undefined }, attempts: [], position: undefined, etaMs: undefined, retentionDays: 0, now: 0, waitingFor: undefined });

describe('handing a task over', () => {
  it('answers 202 with where it is found', async () => {
    const orders: TaskOrder[] = [];
    const task = await record();
    await using app = await startApp({}, { tasks: { create: (_, order) => Promise.resolve(orders.push(order)).then(() => ({ task, again: false })) } });
    const response = await fetch(app.url + path, { method: 'POST', headers: { ...jsonHeaders, 'idempotency-key': '"k-1"' }, body: JSON.stringify({ workflow, priority: 3 }) });
    expect([response.status, response.headers.get('location'), response.headers.get('idempotency-replayed')]).toEqual([202, `${path}/t1`, null]);
    expect(await response.json()).toMatchObject({ task_id: 't1', status: 'pending', links: { events: `${path}/t1/events` } });
    expect(orders).toEqual([{ order: { kind: 'workflow', request: { workflow, priority: 3 } }, idempotencyKey: 'k-1' }]);
  });

  it('waits where the caller wants to, and says how it ended, or that it has not', async () => {
    const task = await record();
    const [settledTo, waited]: [TaskRecord, boolean[]] = [{ ...task, status: 'completed', endedAt: 5 }, []];
    let ended = true;
    await using app = await startApp({}, { tasks: {
      create: () => Promise.resolve({ task, again: true }),
      find: () => Promise.resolve(task),
      settled: async (_caller, _id, signal) => {
        if (ended) return viewed(settledTo);
        await gone(signal).catch(() => waited.push(true));
        return viewed(task);
      },
    } });
    const post = (prefer: string): Promise<Response> => fetch(app.url + path, { method: 'POST', headers: { ...jsonHeaders, prefer }, body: JSON.stringify({ workflow }) });
    const over = await post('respond-async, wait=30');
    expect([over.status, over.headers.get('preference-applied'), over.headers.get('idempotency-replayed')]).toEqual([200, 'wait=30', 'true']);
    expect(await over.json()).toMatchObject({ status: 'completed' });
    ended = false;
    expect((await post('wait=0')).status).toBe(202);
    expect(waited).toEqual([true]);
  });
});

describe('the list of tasks', () => {
  it('begins at the front for an empty cursor, goes on after an id, and refuses what no list has given', async () => {
    const [asked, id]: [unknown[], string] = [[], '01a2080a-aa26-75c5-90ff-456a80c680d2'];
    await using app = await startApp({}, { tasks: { list: (_, query) => Promise.resolve(asked.push(query.cursor)).then(() => ({ tasks: [], next_cursor: null })) } });
    for (const query of ['', '?cursor=', `?cursor=${id}`]) expect((await fetch(app.url + path + query)).status).toBe(200);
    expect(asked).toEqual([undefined, undefined, id]);
    expect(await problemOf(await fetch(`${app.url}${path}?cursor=2`))).toMatchObject({ status: 422, code: 'VALIDATION_ERROR', detail: 'The request is not valid: query: cursor: is not a next_cursor of this list' });
  });

  it('is refused in plain words for what it is not asked by', async () => {
    await using app = await startApp();
    const problem = await problemOf(await fetch(`${app.url}${path}?limit=0&created_after=yesterday&created_before=1.5&status=complete`));
    expect(problem['errors']).toEqual([
      { input: 'status', type: 'invalid_value', reason: 'must be one of: pending, processing, completed, failed, cancelled', nearest: 'completed' },
      { input: 'created_after', type: 'invalid_type', reason: 'must be milliseconds since 1970' },
      { input: 'created_before', type: 'invalid_type', reason: 'must be whole milliseconds since 1970' },
      { input: 'limit', type: 'too_small', reason: 'must be at least 1' },
    ]);
  });
});

describe('the events of a task', () => {
  const told = (seq: number, event: TaskTold['event'], over: object = {}): TaskTold => ({ seq, event, numbered: event !== 'progress', data: { task_id: 't1', seq, event, ...over } });
  const watching = async (events: (signal: AbortSignal) => AsyncGenerator<TaskTold, void>, task: Partial<TaskRecord> = {}) => {
    const since: number[] = [];
    const one = await record({ seq: 9, ...task });
    const app = await startApp({}, { tasks: { find: () => Promise.resolve(one), watch: (_caller, _id, options) => Promise.resolve(since.push(options.since)).then(() => events(options.signal)) } });
    return { app, since, url: `${app.url}${path}/t1/events`, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
  };

  it('are what a browser reads: numbered where they have a number, digits kept, ended at the end', async () => {
    await using stand = await watching(async function* () {
      yield told(1, 'queued');
      yield told(1, 'progress', { progress: 0.5 });
      yield told(2, 'completed', { seed: JSON.rawJSON('18446744073709551615') });
    });
    const response = await fetch(stand.url);
    expect([response.headers.get('content-type'), response.headers.get('cache-control'), response.headers.get('x-accel-buffering')]).toEqual(['text/event-stream; charset=utf-8', 'no-store', 'no']);
    expect((await response.text()).split('\n\n')).toEqual([
      'retry: 1000',
      'id: 1\nevent: queued\ndata: {"task_id":"t1","seq":1,"event":"queued"}',
      'event: progress\ndata: {"task_id":"t1","seq":1,"event":"progress","progress":0.5}',
      'id: 2\nevent: completed\ndata: {"task_id":"t1","seq":2,"event":"completed","seed":18446744073709551615}',
      '',
    ]);
  });

  it('begin after the number that the browser has seen, or that is asked for', async () => {
    await using stand = await watching(async function* () { /* nothing more */ });
    await (await fetch(stand.url)).text();
    await (await fetch(`${stand.url}?since=3`)).text();
    await (await fetch(`${stand.url}?since=3`, { headers: { 'last-event-id': '5' } })).text();
    await (await fetch(stand.url, { headers: { 'last-event-id': 'rubbish' } })).text();
    expect(stand.since).toEqual([0, 3, 5, 0]);
    expect((await problemOf(await fetch(`${stand.url}?since=-1`)))['code']).toBe('VALIDATION_ERROR');
  });

  it('are 204 where nothing is left to be told, so that a browser does not come back', async () => {
    await using stand = await watching(async function* () { /* nothing more */ }, { status: 'failed' });
    const at = (seq: string): Promise<Response> => fetch(stand.url, { headers: { 'last-event-id': seq } });
    expect([(await at('9')).status, (await at('8')).status]).toEqual([204, 200]);
  });

  it('stop when the reader goes away, and wait for one who is slow', async () => {
    let [made, left] = [0, false];
    await using stand = await watching(async function* () {
      try {
        for (;;) yield told((made += 1), 'output', { text: 'x'.repeat(100_000) });
      } finally {
        left = true;
      }
    });
    const request = httpRequest(stand.url).end();
    const [response] = await once(request, 'response') as [NodeJS.ReadableStream];
    response.pause();
    const before = await until('the stream stands still', async () => {
      const then = made;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return then > 0 && made === then ? made : undefined;
    });
    expect(before).toBeLessThan(1_000);
    request.destroy();
    await until('the events are left', () => left);
  });

  it('do not keep those waiting who ask for the headers alone', async () => {
    await using stand = await watching(async function* (signal) {
      await gone(signal);
    });
    expect(await raw(stand.app.port, { method: 'HEAD', path: `${path}/t1/events` })).toMatchObject({ status: 200, text: '' });
  });

  it('that break off cut the answer, so that nobody takes it for whole, and the log tells why', async () => {
    await using stand = await watching(async function* () {
      yield told(1, 'queued');
      throw new TypeError('mistake');
    });
    await expect(fetch(stand.url).then((response) => response.text())).rejects.toThrow();
    const line = await until('the log tells of it', () => stand.app.lines.find(({ level }) => level === 'error'));
    expect(line.fields['error']).toMatchObject({ code: 'INTERNAL_ERROR', cause: { message: 'mistake' } });
  });
});
