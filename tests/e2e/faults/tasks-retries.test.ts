/** Failures of an engine that are worth another attempt. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { solidColour } from '../../support/graphs.ts';
import { aNumber } from '../../support/matchers.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { until } from '../../support/until.ts';

let engine: TestSandbox;
let gateway: TestGateway;
let tasks: TasksClient;

beforeEach(async () => {
  engine = await startTestSandbox();
  gateway = await startTestGateway({ instances: [engine.url], env: { RETRY_DELAY_SECONDS: '0.05', MAX_ATTEMPTS: '3' } });
  tasks = new TasksClient(gateway);
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const executions = (): number => Object.values(engine.sandbox.counters.snapshot.executions).reduce((sum, count) => sum + count, 0);
const outcomes = async (id: string) => (await tasks.view(id)).attempts.map(({ outcome, error }) => [outcome, error?.code]);

describe('is tried again, every attempt kept with its reason:', () => {
  test('an answer of 500', async () => {
    engine.sandbox.knobs.set({ failPromptBefore: 2 });
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    using events = await tasks.events(id);
    const told = await events.rest();
    const view = await tasks.view(id);
    expect(view).toMatchObject({ status: 'completed', attempt: 3, outputs: [{ kind: 'image' }] });
    expect(await outcomes(id)).toEqual([['failed', 'UPSTREAM_ERROR'], ['failed', 'UPSTREAM_ERROR'], ['completed', undefined]]);
    expect(view.attempts[0]?.error?.reason).toContain('500');
    expect(events.names().filter((name) => name !== 'output')).toEqual(['queued', 'started', 'retrying', 'started', 'retrying', 'started', 'completed']);
    expect(told.find(({ event }) => event === 'retrying')?.data).toMatchObject({ status: 'pending', attempt: 1, next_attempt_at: aNumber, error: { code: 'UPSTREAM_ERROR' } });
    expect(executions()).toBe(1);
  });

  test('a connection that was lost before anything was queued', async () => {
    engine.sandbox.knobs.set({ cutPromptBefore: 1 });
    const view = await tasks.run({ workflow: solidColour() });
    expect([view.status, executions()]).toEqual(['completed', 1]);
  }, 30_000);

  test('a restart of the engine while the prompt runs', async () => {
    engine.sandbox.knobs.set({ hold: true });
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    await gateway.reaches(await tasks.job(id), 'running');
    await engine.sandbox.restart();
    engine.sandbox.knobs.set({ hold: false });
    expect(await tasks.ended(id)).toMatchObject({ status: 'completed', attempt: 2 });
    expect(await outcomes(id)).toEqual([['failed', 'PROMPT_LOST'], ['completed', undefined]]);
  }, 30_000);

  test('a prompt that somebody took out of the engine’s queue without us', async () => {
    engine.sandbox.knobs.set({ hold: true });
    const { task_id: busy } = await tasks.create({ workflow: solidColour() });
    await gateway.reaches(await tasks.job(busy), 'running');
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    const job = await tasks.job(id);
    await until('it waits there', async () => (await gateway.queue()).pending.some((one) => one.prompt_id === job));
    await fetch(`${engine.url}/queue`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ delete: [job] }) });
    engine.sandbox.knobs.set({ hold: false });
    expect(await tasks.ended(id, 25_000)).toMatchObject({ status: 'completed', attempt: 2 });
    expect((await outcomes(id))[0]).toEqual(['failed', 'PROMPT_LOST']);
  }, 40_000);
});

describe('is one attempt, and runs once:', () => {
  test.each([{ cutPromptAfter: 1 }, { failPromptAfter: 1 }])('a prompt that was queued although its answer was lost by %o', async (knobs) => {
    engine.sandbox.knobs.set(knobs);
    expect(await tasks.run({ workflow: solidColour() })).toMatchObject({ status: 'completed', attempt: 1, outputs: [{ kind: 'image' }] });
    expect(executions()).toBe(1);
  }, 30_000);

  test('a run whose socket breaks, and whose history is late', async () => {
    engine.sandbox.knobs.set({ nodeDelayMs: 300, historyDelayMs: 300 });
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    await gateway.reaches(await tasks.job(id), 'running');
    engine.sandbox.closeSockets();
    expect(await tasks.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(executions()).toBe(1);
  }, 30_000);
});
