/** Prompts of tasks that are stopped by another door, and cancels that meet an engine which does not react. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { ok, problem } from '../../support/gateway-client.ts';
import { solidColour } from '../../support/graphs.ts';
import { aNumber } from '../../support/matchers.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { until } from '../../support/until.ts';

let engine: TestSandbox;
let gateway: TestGateway;
let tasks: TasksClient;

beforeEach(async () => {
  engine = await startTestSandbox();
  gateway = await startTestGateway({ instances: [engine.url], env: { RETRY_DELAY_SECONDS: '0.05' } });
  tasks = new TasksClient(gateway);
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const executions = (): number => Object.values(engine.sandbox.counters.snapshot.executions).reduce((sum, count) => sum + count, 0);

/** One task whose prompt runs, and one whose prompt waits behind it. */
async function two(): Promise<{ running: string; waiting: string; jobs: [string, string] }> {
  engine.sandbox.knobs.set({ hold: true });
  const { task_id: running } = await tasks.create({ workflow: solidColour() });
  const first = await tasks.job(running);
  await gateway.reaches(first, 'running');
  const { task_id: waiting } = await tasks.create({ workflow: solidColour() });
  const second = await tasks.job(waiting);
  await until('it waits there', async () => (await gateway.queue()).pending.some((one) => one.prompt_id === second));
  return { running, waiting, jobs: [first, second] };
}

describe('a task becomes cancelled, and is not tried again, when its prompt', () => {
  test('is cleared from the queue', async () => {
    const { running, waiting } = await two();
    expect(ok(await gateway.post('/api/v1/queue/clear', { clear: true }))).toEqual({ cleared: 1 });
    expect(await tasks.ended(waiting)).toMatchObject({ status: 'cancelled', attempt: 1, attempts: [{ outcome: 'cancelled' }] });
    engine.sandbox.knobs.set({ hold: false });
    expect(await tasks.ended(running)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(executions()).toBe(1);
  });

  test('is deleted from the queue', async () => {
    const { running, waiting, jobs } = await two();
    expect(await gateway.deleteFromQueue([jobs[1]])).toMatchObject({ deleted: 1 });
    expect(await tasks.ended(waiting)).toMatchObject({ status: 'cancelled', attempt: 1 });
    engine.sandbox.knobs.set({ hold: false });
    expect(await tasks.ended(running)).toMatchObject({ status: 'completed' });
    expect(executions()).toBe(1);
  });

  test('is interrupted: by its id, and with whatever runs', async () => {
    const { running, waiting, jobs } = await two();
    expect(await gateway.interrupt(jobs[1])).toMatchObject([{ outcome: 'removed' }]);
    expect(await gateway.interrupt()).toMatchObject([{ prompt_id: jobs[0], outcome: 'interrupted' }]);
    for (const id of [running, waiting]) expect(await tasks.ended(id)).toMatchObject({ status: 'cancelled', attempt: 1 });
  });

  test('is interrupted by the words of surface A', async () => {
    const { running, waiting } = await two();
    expect(ok(await gateway.post('/api/comfyui-interrupt', {}))).toMatchObject({ status: 'ok', results: [{ outcome: 'interrupted' }] });
    expect(await tasks.ended(running)).toMatchObject({ status: 'cancelled', attempt: 1 });
    engine.sandbox.knobs.set({ hold: false });
    expect(await tasks.ended(waiting)).toMatchObject({ status: 'completed', attempt: 1 });
  });
});

test('a prompt that somebody interrupts at the engine itself fails its task, and is not tried again', async () => {
  engine.sandbox.knobs.set({ nodeDelayMs: 60_000 });
  const { task_id: id } = await tasks.create({ workflow: solidColour() });
  await gateway.reaches(await tasks.job(id), 'running');
  await fetch(`${engine.url}/interrupt`, { method: 'POST' });
  expect(await tasks.ended(id)).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'WORKFLOW_EXECUTION_ERROR' } });
});

describe('a cancel', () => {
  test('of a node that does not react says so; the task ends as the engine says', async () => {
    engine.sandbox.knobs.set({ deaf: true, nodeDelayMs: 60_000 });
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    await gateway.reaches(await tasks.job(id), 'running');
    const answer = tasks.of(id, '/cancel', 'POST');
    await until('it is noted', async () => (await tasks.view(id)).cancel_requested_at !== undefined);
    expect(await tasks.view(id)).toMatchObject({ status: 'processing', cancel_requested_at: aNumber });
    engine.sandbox.knobs.reset();
    await engine.sandbox.restart();
    expect((await answer).status).toBe(200);
    expect(await tasks.ended(id)).toMatchObject({ status: 'cancelled', attempt: 1 });
  }, 30_000);

  test('that meets the last moment tells the true ending', async () => {
    engine.sandbox.knobs.set({ historyDelayMs: 700 });
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    await gateway.reaches(await tasks.job(id), 'running');
    await until('its picture is made', async () => (await tasks.outputs(id)).length > 0);
    const view = await tasks.cancel(id);
    expect(view).toMatchObject({ status: 'completed', outputs: [{ kind: 'image' }] });
    expect(problem(await tasks.of(id, '/cancel', 'POST'))).toMatchObject({ code: 'CONFLICT' });
  });

  test('while it is handed over stops it there', async () => {
    engine.sandbox.knobs.set({ holdPrompts: true, nodeDelayMs: 60_000 });
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    await until('the engine was asked', () => (engine.sandbox.counters.snapshot.requests['POST /prompt'] ?? 0) > 0);
    const answer = tasks.cancel(id);
    await until('it is noted', async () => (await tasks.view(id)).cancel_requested_at !== undefined);
    engine.sandbox.knobs.set({ holdPrompts: false });
    expect(await answer).toMatchObject({ status: 'cancelled' });
    await until('nothing is left there', async () => (await gateway.queue()).queue_remaining === 0);
  }, 30_000);

  test('between two attempts makes an end of it', async () => {
    await using slow = await startTestGateway({ instances: [engine.url], env: { RETRY_DELAY_SECONDS: '60' } });
    const its = new TasksClient(slow);
    engine.sandbox.knobs.set({ failPromptBefore: 1 });
    const { task_id: id } = await its.create({ workflow: solidColour() });
    using events = await its.events(id);
    await events.next('retrying');
    expect(await its.view(id)).toMatchObject({ status: 'pending', next_attempt_at: aNumber });
    expect(await its.cancel(id)).toMatchObject({ status: 'cancelled', attempt: 1 });
    expect(executions()).toBe(0);
  });
});
