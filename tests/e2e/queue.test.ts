import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { ok, problem } from '../support/gateway-client.ts';
import { freshId, longWork, solidColour } from '../support/graphs.ts';
import { aNumber } from '../support/matchers.ts';
import { brokenRules } from '../support/run-rules.ts';
import { isEnding, type TestSocket } from '../support/socket.ts';
import { until } from '../support/until.ts';

let engine: Engine;
let gateway: TestGateway;
let socket: TestSocket;
/** Runs and keeps the queue busy. */
let busy: string;

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url] });
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});
beforeEach(async () => {
  socket = await gateway.socket('watcher');
  ({ prompt_id: busy } = await gateway.submit(longWork(), { client_id: 'watcher' }));
  await gateway.reaches(busy, 'running');
});
afterEach(async () => {
  await gateway.post('/api/v1/queue/clear', { clear: true });
  await gateway.interrupt();
  await until('nothing runs', async () => (await gateway.queue()).running.length === 0);
  await socket.close();
});

const waiting = async (): Promise<string> => (await gateway.submit(solidColour(), { client_id: 'watcher' })).prompt_id;

describe('the queue', () => {
  test('tells what runs and what waits, in the order in which it will run', async () => {
    const [first, second] = [await waiting(), await waiting()];
    const { prompt_id: front } = await gateway.submit(solidColour(), { client_id: 'watcher', front: true });
    const status = await gateway.queue();
    expect(status.running.map((item) => item.prompt_id)).toEqual([busy]);
    expect(status.pending.map((item) => item.prompt_id)).toEqual([front, first, second]);
    expect(status).toMatchObject({ queue_remaining: 4, others: { running: 0, pending: 0 }, instances: [{ healthy: true, running: 1, pending: 3 }] });
    expect(status.pending[0]).toMatchObject({ client_id: 'watcher' });
  });

  test('tells a waiting prompt how many are before it', async () => {
    const [first, second] = [await waiting(), await waiting()];
    expect(await gateway.state(first)).toMatchObject({ state: 'queued', position: 0 });
    expect(await gateway.state(second)).toMatchObject({ state: 'queued', position: 1 });
    expect(await gateway.state(busy)).toMatchObject({ state: 'running', progress: { overall: aNumber } });
    expect((await gateway.state(busy)).position).toBeUndefined();
  });

  test('is cleared of what waits; what runs goes on, and each ends with one interruption', async () => {
    const ids = [await waiting(), await waiting(), await waiting()];
    expect(ok(await gateway.post('/api/v1/queue/clear', { clear: true }))).toEqual({ cleared: 3 });
    await Promise.all(ids.map((id) => socket.ending(id)));
    for (const id of ids) {
      expect(await gateway.state(id)).toMatchObject({ state: 'interrupted' });
      expect(socket.of(id).map((message) => message.type)).toEqual(['execution_interrupted']);
    }
    expect((await gateway.state(busy)).state).toBe('running');
  });

  test('says of each prompt that shall be deleted what became of it', async () => {
    const id = await waiting();
    const { deleted, results } = await gateway.deleteFromQueue([id, busy, freshId()]);
    expect(deleted).toBe(1);
    expect(results.map((result) => result.outcome)).toEqual(['removed', 'running', 'not_found']);
    expect((await gateway.deleteFromQueue([id])).results).toMatchObject([{ outcome: 'already_finished' }]);
  });

  test('is not cleared by a request that does not say so', async () => {
    const answer = await gateway.post('/api/v1/queue/clear', { clear: false });
    expect([answer.status, problem(answer).code]).toEqual([422, 'VALIDATION_ERROR']);
  });
});

describe('an interrupt', () => {
  test('takes a waiting prompt out; its socket sees exactly one interruption', async () => {
    const id = await waiting();
    expect(await gateway.interrupt(id)).toEqual([{ prompt_id: id, outcome: 'removed' }]);
    await socket.ending(id);
    expect(await gateway.interrupt(id)).toEqual([{ prompt_id: id, outcome: 'already_finished' }]);
    expect(socket.of(id).filter(isEnding).map((message) => message.type)).toEqual(['execution_interrupted']);
    expect(brokenRules(socket.of(id))).toEqual([]);
    expect((await gateway.state(busy)).state).toBe('running');
  });

  test('stops the prompt that runs and says so when it has stopped', async () => {
    expect(await gateway.interrupt(busy)).toEqual([{ prompt_id: busy, outcome: 'interrupted' }]);
    const ending = await socket.ending(busy);
    expect([ending.type, ending.data['reason']]).toEqual(['execution_interrupted', 'It was interrupted on request.']);
    expect(brokenRules(socket.of(busy))).toEqual([]);
    expect(await gateway.state(busy)).toMatchObject({ state: 'interrupted', seq: ending.data['seq'] });
  });

  test('without an id stops what runs and leaves what waits', async () => {
    const id = await waiting();
    expect(await gateway.interrupt()).toEqual([{ prompt_id: busy, outcome: 'interrupted' }]);
    expect(await gateway.ended(id)).toMatchObject({ state: 'completed' });
  });

  test('of a prompt that has ended changes nothing', async () => {
    const { prompt_id: id } = await gateway.submit(solidColour(), { front: true });
    await gateway.interrupt(busy);
    await gateway.ended(id);
    expect(await gateway.interrupt(id)).toEqual([{ prompt_id: id, outcome: 'already_finished' }]);
    expect(await gateway.state(id)).toMatchObject({ state: 'completed' });
  });

  test('of a prompt that nobody submitted is answered with 404', async () => {
    const answer = await gateway.post('/api/v1/workflows/interrupt', { prompt_id: freshId() });
    expect([answer.status, problem(answer).code]).toEqual([404, 'NOT_FOUND']);
  });

  test('that ten send for the same prompt ends it once', async () => {
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => gateway.interrupt(busy)));
    expect(new Set(outcomes.map(([result]) => result?.outcome))).not.toContain('removed');
    await socket.ending(busy);
    expect(socket.of(busy).filter(isEnding)).toHaveLength(1);
  });
});
