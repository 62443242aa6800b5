/** What a socket hears of durable tasks. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { longWork, solidColour } from '../support/graphs.ts';
import type { Message, TestSocket } from '../support/socket.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let engine: Engine;
let gateway: TestGateway;
const keys = { API_KEYS: 'ann:ann-key-12345,bob:bob-key-12345' };
const ann = 'ann-key-12345';

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url], env: keys });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

const Accepted = z.object({ task_id: z.string() });

async function create(on: TestGateway, body: Readonly<Record<string, unknown>>, key?: string): Promise<string> {
  const answer = await on.post('/api/v1/tasks', body, key);
  expect(answer.status, answer.text).toBe(202);
  return Accepted.parse(answer.body).task_id;
}

const isTask = (id: string) => (message: Message): boolean => message.type === 'task' && message.data['task_id'] === id;
const isOver = (id: string) => (message: Message): boolean => isTask(id)(message) && ['completed', 'failed', 'cancelled'].includes(String(message.data['event']));
const events = (socket: TestSocket, id: string): string[] => socket.messages.filter(isTask(id)).filter(({ data }) => data['event'] !== 'progress').map(({ data }) => `${String(data['event'])} ${String(data['seq'])}`);

describe('a socket under the client id of a task', () => {
  test('is told each event once and in order, and the messages of its prompt, which name both', async () => {
    using socket = await gateway.socket('page', ann);
    const id = await create(gateway, { workflow: solidColour(), client_id: 'page' }, ann);
    await socket.waitFor(isOver(id));
    const told = events(socket, id);
    expect(told).toEqual(['queued 1', 'started 2', ...told.slice(2)]);
    expect(told.map((one) => Number(one.split(' ')[1]))).toEqual(told.map((_, n) => n + 1));
    expect(told.at(-1)).toMatch(/^completed /);
    const result = await socket.waitFor((message) => message.type === 'result' && message.data['task_id'] === id);
    expect(result.data['prompt_id']).not.toBe(id);
  });

  test('of another key is told nothing', async () => {
    using mine = await gateway.socket('shared', ann);
    using theirs = await gateway.socket('shared', 'bob-key-12345');
    const id = await create(gateway, { workflow: solidColour(), client_id: 'shared' }, ann);
    const answer = await theirs.ask('subscribe', { items: [{ task_id: id, since: 0 }] });
    await mine.waitFor(isOver(id));
    await theirs.ask('ping');
    expect(answer.data['unknown']).toEqual([id]);
    expect(theirs.messages.filter(({ data }) => data['task_id'] === id)).toEqual([]);
  });
});

describe('whoever subscribes to a task', () => {
  test('is told the past from the store, then what happens, with the messages of its prompt', async () => {
    using socket = await gateway.socket('elsewhere', ann);
    const id = await create(gateway, { workflow: longWork() }, ann);
    const answer = await socket.ask('subscribe', { items: [{ task_id: id, since: 0 }] });
    expect(answer.data['items']).toMatchObject([{ task_id: id }]);
    await socket.waitFor((message) => message.data['task_id'] === id && message.type === 'executing');
    await gateway.post(`/api/v1/tasks/${id}/cancel`, undefined, ann);
    await socket.waitFor(isOver(id));
    expect(events(socket, id)).toEqual(['queued 1', 'started 2', 'cancelling 3', 'cancelled 4']);
  });

  test('of one that has ended is told how, and all of it from the number that it says', async () => {
    const id = await create(gateway, { workflow: solidColour() }, ann);
    await gateway.call('GET', `/api/v1/tasks/${id}/events`, { key: ann });
    using socket = await gateway.socket('late', ann);
    await socket.ask('subscribe', { items: [{ task_id: id }] });
    await socket.waitFor(isOver(id));
    expect(events(socket, id)).toHaveLength(1);
    await socket.ask('subscribe', { items: [{ task_id: id, since: 1 }] });
    await socket.ask('ping');
    expect(events(socket, id).slice(1)[0]).toBe('started 2');
  });

  test('with a number that nothing had is told where the task stands', async () => {
    const id = await create(gateway, { workflow: solidColour() }, ann);
    using socket = await gateway.socket('confused', ann);
    await socket.ask('subscribe', { items: [{ task_id: id, since: 99 }] });
    const reset = await socket.waitFor(({ data }) => data['event'] === 'reset');
    expect(reset.data).toMatchObject({ code: 'STREAM_RESET', task_id: id, state: { task_id: id } });
  });

  test('and stops is told nothing more', async () => {
    using socket = await gateway.socket('short', ann);
    const id = await create(gateway, { workflow: longWork() }, ann);
    await socket.ask('subscribe', { items: [{ task_id: id, since: 0 }] });
    await socket.waitFor((message) => message.type === 'executing' && message.data['task_id'] === id);
    await socket.ask('unsubscribe', { items: [{ task_id: id }] });
    const before = socket.messages.length;
    await gateway.post(`/api/v1/tasks/${id}/cancel`, undefined, ann);
    await socket.ask('ping');
    expect(socket.messages.slice(before).filter(({ data }) => data['task_id'] === id)).toEqual([]);
  });
});

test('events are told across a restart of the gateway', async () => {
  await using folder = await temporaryFolder();
  const first = await startTestGateway({ instances: [engine.url], folder: folder.path });
  const id = await create(first, { workflow: solidColour(), client_id: 'page' });
  await first.call('GET', `/api/v1/tasks/${id}/events`);
  await first.close();
  await using second = await startTestGateway({ instances: [engine.url], folder: folder.path });
  using socket = await second.socket('page');
  await socket.ask('subscribe', { items: [{ task_id: id, since: 0 }] });
  await socket.waitFor(isOver(id));
  expect(events(socket, id).slice(0, 2)).toEqual(['queued 1', 'started 2']);
});
