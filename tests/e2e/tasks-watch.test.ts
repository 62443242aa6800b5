/** What is told of a task while it happens, and to whom comes back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { problem } from '../support/gateway-client.ts';
import { longWork, shortWork, solidColour } from '../support/graphs.ts';
import { TasksClient } from '../support/tasks-client.ts';
import { until } from '../support/until.ts';

let engine: Engine;
let gateway: TestGateway;
let tasks: TasksClient;

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url] });
  tasks = new TasksClient(gateway);
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const counting = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1);

describe('the events of a task', () => {
  test('are numbered from 1 without a gap, end with its ending, and carry its outputs', async () => {
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    using events = await tasks.events(id);
    const all = await events.rest();
    expect(events.names().filter((name) => name !== 'output')).toEqual(['queued', 'started', 'completed']);
    expect(events.numbers()).toEqual(counting(events.numbers().length));
    const view = await tasks.view(id);
    expect(all.at(-1)).toMatchObject({ event: 'completed', id: view.seq, data: { task_id: id, status: 'completed', outputs: view.outputs } });
    expect(all.every(({ data, event }) => data.task_id === id && data.event === event)).toBe(true);
  });

  test('go on after the number that a watcher says, by header or query, and the header wins', async () => {
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    const { seq } = await tasks.ended(id);
    for (const [options, from] of [[{ since: 1 }, 2], [{ query: '?since=2' }, 3], [{ since: 2, query: '?since=1' }, 3]] as const) {
      using events = await tasks.events(id, options);
      await events.rest();
      expect(events.numbers()).toEqual(counting(seq).slice(from - 1));
    }
  });

  test('are 204 when nothing is left to tell, so that a browser does not come back', async () => {
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    const { seq } = await tasks.ended(id);
    expect(await tasks.of(id, `/events?since=${seq}`)).toMatchObject({ status: 204, text: '' });
  });

  test('that were never told are refused while it runs', async () => {
    const { task_id: id } = await tasks.create({ workflow: longWork() });
    expect(problem(await tasks.of(id, '/events?since=999'))).toMatchObject({ status: 422, code: 'VALIDATION_ERROR' });
    await tasks.cancel(id);
  });

  test('tell of progress that never goes back, without a number; the task shows what runs', async () => {
    const { task_id: id } = await tasks.create({ workflow: shortWork() });
    using events = await tasks.events(id);
    const first = await events.next('progress');
    expect(first).toMatchObject({ id: undefined, data: { status: 'processing', seq: 2 } });
    const shares: number[] = [];
    await until('it is completed', async () => {
      const view = await tasks.view(id);
      shares.push(view.progress);
      return view.status === 'completed';
    });
    const told = (await events.rest()).filter(({ event }) => event === 'progress').map(({ data }) => Number(data['progress']));
    expect(told.length).toBeGreaterThan(1);
    expect(told).toEqual(told.toSorted((one, other) => one - other));
    expect(shares).toEqual(shares.toSorted((one, other) => one - other));
    expect(Math.max(...told)).toBeLessThanOrEqual(1);
    expect((await tasks.view(id)).progress).toBe(1);
  });

  test('begin with those before a watcher came, for each of several', async () => {
    const { task_id: id } = await tasks.create({ workflow: shortWork() });
    await tasks.reaches(id, 'processing');
    using one = await tasks.events(id);
    using other = await tasks.events(id, { since: 1 });
    await Promise.all([one.rest(), other.rest()]);
    expect(one.names().slice(0, 2)).toEqual(['queued', 'started']);
    expect(other.numbers()).toEqual(one.numbers().slice(1));
  });

  test('of nobody are not found', async () => {
    for (const rest of ['', '/events', '/outputs', '/deliveries']) expect(problem(await tasks.of('never-was', rest))).toMatchObject({ status: 404, code: 'TASK_NOT_FOUND' });
    for (const rest of ['/cancel', '/retry', '/deliveries/1/redeliver']) expect(problem(await tasks.of('never-was', rest, 'POST'))).toMatchObject({ status: 404, code: 'TASK_NOT_FOUND' });
    expect(problem(await tasks.of('never-was', '', 'DELETE'))).toMatchObject({ status: 404, code: 'TASK_NOT_FOUND' });
  });
});
