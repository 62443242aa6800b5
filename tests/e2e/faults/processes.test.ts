/** Several gateways on one database, and gateways that die while they hand a prompt over. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { freshId, solidColour } from '../../support/graphs.ts';
import { matching } from '../../support/matchers.ts';
import { brokenRules, brokenRulesSinceRestart } from '../../support/run-rules.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let engine: TestSandbox;

beforeEach(async () => {
  folder = await temporaryFolder();
  engine = await startTestSandbox();
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  await engine[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const start = (logs = 'logs'): Promise<GatewayProcess> => GatewayProcess.start({ instances: [engine.url], folder: folder.path, env: { LOG_DIR: join(folder.path, logs) } });
const posts = (): number => engine.sandbox.counters.snapshot.requests['POST /prompt'] ?? 0;
const executions = (id: string): number => engine.sandbox.counters.snapshot.executions[id] ?? 0;

const Row = z.object({ process: z.string(), accepted_at: z.number().nullable(), unanswered_at: z.number().nullable() });

function recordOf(id: string): z.infer<typeof Row> {
  using database = new DatabaseSync(join(folder.path, 'data', 'gateway.db'), { readOnly: true, timeout: 5_000 });
  return Row.parse(database.prepare('select process, accepted_at, unanswered_at from prompts where prompt_id = ?').get(id));
}

/** Asks the gateway to submit, and resolves when the instance was asked. The answer may never come. */
async function onItsWay(gateway: GatewayProcess): Promise<string> {
  const [id, before] = [freshId(), posts()];
  gateway.post('/api/v1/workflows/submit', { workflow: solidColour(), prompt_id: id, client_id: 'loyal' }).catch(() => undefined);
  await until('the instance was asked', () => posts() > before);
  return id;
}

describe('a gateway killed while it hands a prompt over is started again, and the prompt', () => {
  test('that arrives then is followed to its ending, and runs once', async () => {
    engine.sandbox.knobs.set({ holdPrompts: true });
    const before = await start();
    const id = await onItsWay(before);
    expect(recordOf(id)).toMatchObject({ accepted_at: null, unanswered_at: null });
    await before.kill('SIGKILL');
    await using after = await start();
    using socket = await after.socket('loyal');
    expect(await after.state(id)).toMatchObject({ state: 'queued', client_id: 'loyal' });
    engine.sandbox.knobs.set({ holdPrompts: false });
    expect((await socket.ending(id)).type).toBe('result');
    expect(brokenRulesSinceRestart(socket.of(id))).toEqual([]);
    expect(await after.state(id)).toMatchObject({ state: 'completed', outputs: [{ kind: 'image' }] });
    expect([executions(id), posts(), recordOf(id).accepted_at]).toEqual([1, 1, expect.any(Number)]);
  });

  test('that never arrives is told to be lost, not at once but some ten seconds later', async () => {
    engine.sandbox.knobs.set({ hang: { 'POST /prompt': 1 } });
    const before = await start();
    const id = await onItsWay(before);
    await before.kill('SIGKILL');
    const began = Date.now();
    await using after = await start();
    const adopted = Date.now();
    expect(await until('it is lost', async () => (await after.state(id)).state !== 'queued' && after.state(id), 25_000)).toMatchObject({ state: 'failed', error: { code: 'PROMPT_LOST' } });
    expect(Date.now() - began).toBeGreaterThan(9_500);
    expect(Date.now() - adopted).toBeLessThan(14_000);
    expect(executions(id)).toBe(0);
  }, 40_000);

  test('that somebody wants to stop meanwhile is stopped when it arrives', async () => {
    engine.sandbox.knobs.set({ holdPrompts: true, nodeDelayMs: 60_000 });
    const before = await start();
    const id = await onItsWay(before);
    await before.kill('SIGKILL');
    await using after = await start();
    expect(await after.interrupt(id)).toEqual([{ prompt_id: id, outcome: 'interrupt_requested' }]);
    engine.sandbox.knobs.set({ holdPrompts: false });
    expect(await after.ended(id)).toMatchObject({ state: 'interrupted' });
  });
});

test('a prompt whose hand-over got no answer is waited for by the next process, too', async () => {
  const options = { instances: [engine.url], folder: folder.path, env: { COMFYUI_REQUEST_TIMEOUT: '1' } };
  engine.sandbox.knobs.set({ holdPrompts: true });
  const before = await startTestGateway(options);
  const id = freshId();
  expect((await before.refusal({ workflow: solidColour(), prompt_id: id })).code).toBe('CONNECTION_ERROR');
  expect(recordOf(id)).toMatchObject({ accepted_at: null, unanswered_at: expect.any(Number) });
  await before.close();
  await using after = await startTestGateway(options);
  expect((await after.state(id)).state).toBe('queued');
  engine.sandbox.knobs.set({ holdPrompts: false });
  expect((await after.ended(id)).state).toBe('completed');
  expect([executions(id), posts()]).toEqual([1, 1]);
});

describe('of two gateways on one database, the second', () => {
  test('leaves the prompts of the first alone while that lives, and takes them up when it is killed', async () => {
    engine.sandbox.knobs.set({ hold: true });
    const first = await start();
    const { prompt_id: id } = await first.submit(solidColour(), { client_id: 'loyal' });
    const { prompt_id: next } = await first.submit(solidColour(), { client_id: 'loyal' });
    await until('it is written down', () => recordOf(id).accepted_at !== null);
    const owner = recordOf(id).process;
    await using second = await start('logs-of-second');
    using socket = await second.socket('loyal');
    expect(recordOf(id).process).toBe(owner);
    expect([await second.state(id), await second.state(next)]).toMatchObject([{ state: 'running', client_id: 'loyal' }, { state: 'queued', position: 0 }]);
    await first.kill('SIGKILL');
    await until('it is taken up', () => recordOf(id).process !== owner);
    engine.sandbox.knobs.set({ hold: false });
    expect((await socket.ending(id)).type).toBe('result');
    expect(brokenRulesSinceRestart(socket.of(id))).toEqual([]);
    expect([(await second.ended(id)).state, (await second.ended(next)).state, executions(id), executions(next)]).toEqual(['completed', 'completed', 1, 1]);
  });

  test('takes them up when the first ends in order, too', async () => {
    engine.sandbox.knobs.set({ hold: true });
    const first = await start();
    const { prompt_id: id } = await first.submit(solidColour());
    await using second = await start('logs-of-second');
    expect((await first.kill('SIGTERM')).code).toBe(0);
    engine.sandbox.knobs.set({ hold: false });
    expect((await second.ended(id)).state).toBe('completed');
    expect([await second.history(id), (await second.images(id)).length, executions(id)]).toEqual([expect.objectContaining({ state: 'completed' }), 1, 1]);
  });

  test('interrupts what the first follows: it ends so in both, on request', async () => {
    engine.sandbox.knobs.set({ nodeDelayMs: 60_000 });
    await using first = await start();
    await using second = await start('logs-of-second');
    using socket = await first.socket('watcher');
    const [{ prompt_id: running }, { prompt_id: waiting }, { prompt_id: deleted }] = [await first.submit(solidColour(), { client_id: 'watcher' }), await first.submit(solidColour(), { client_id: 'watcher' }), await first.submit(solidColour(), { client_id: 'watcher' })];
    await first.reaches(running, 'running');
    expect(await second.deleteFromQueue([deleted])).toMatchObject({ deleted: 1 });
    expect(await second.interrupt(waiting)).toEqual([{ prompt_id: waiting, outcome: 'removed' }]);
    expect(await second.interrupt(running)).toEqual([{ prompt_id: running, outcome: 'interrupted' }]);
    for (const [id, reason] of [[running, 'It was interrupted on request.'], [waiting, 'It was removed from the queue before it began.'], [deleted, 'It was removed from the queue before it began.']] as const) {
      expect(await socket.ending(id)).toMatchObject({ type: 'execution_interrupted', data: { reason } });
      expect(brokenRules(socket.of(id))).toEqual([]);
      expect([await first.state(id), await second.state(id)]).toEqual([expect.objectContaining({ state: 'interrupted', reason }), expect.objectContaining({ state: 'interrupted', reason })]);
    }
  });

  test('knows a prompt that the first hands over just then, and a stop that it is asked for reaches it', async () => {
    engine.sandbox.knobs.set({ holdPrompts: true, nodeDelayMs: 60_000 });
    await using first = await start();
    await using second = await start('logs-of-second');
    const [one, two] = [await onItsWay(first), await onItsWay(first)];
    expect(await second.state(one)).toMatchObject({ state: 'queued', client_id: 'loyal' });
    expect(await second.interrupt(one)).toEqual([{ prompt_id: one, outcome: 'interrupt_requested' }]);
    expect(await second.deleteFromQueue([two])).toEqual({ deleted: 0, results: [{ prompt_id: two, outcome: 'interrupt_requested' }] });
    engine.sandbox.knobs.set({ holdPrompts: false });
    for (const id of [one, two]) expect([await first.ended(id), (await second.ended(id)).state]).toEqual([expect.objectContaining({ state: 'interrupted', reason: matching(/on request|removed from the queue/) }), 'interrupted']);
  });

  test('does not make a prompt a stopped one by a deletion that leaves it alone', async () => {
    engine.sandbox.knobs.set({ hold: true });
    await using first = await start();
    await using second = await start('logs-of-second');
    const { prompt_id: id } = await first.submit(solidColour());
    await first.reaches(id, 'running');
    expect(await second.deleteFromQueue([id])).toMatchObject({ deleted: 0, results: [{ outcome: 'running' }] });
    await engine.sandbox.restart();
    expect(await first.ended(id)).toMatchObject({ state: 'failed', error: { code: 'PROMPT_LOST' } });
  });
});
