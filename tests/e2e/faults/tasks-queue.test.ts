/** The queue: how long it may be, who is next, when things are expected, and what a deadline does. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { problem } from '../../support/gateway-client.ts';
import { freshId, solidColour } from '../../support/graphs.ts';
import { aNumber, containing, matching } from '../../support/matchers.ts';
import { TasksClient } from '../../support/tasks-client.ts';

const keys = { ann: 'ann-secret-key', bob: 'bob-secret-key' };
let engine: TestSandbox;
let gateway: TestGateway;
let [ann, bob]: TasksClient[] = [];
const of = (client: TasksClient | undefined): TasksClient => client ?? new TasksClient(gateway);

beforeEach(async () => {
  engine = await startTestSandbox({ knobs: { hold: true } });
  gateway = await startTestGateway({ instances: [engine.url], env: { API_KEYS: `ann:${keys.ann},bob:${keys.bob}`, MAX_QUEUE_DEPTH: '4', TASKS_PER_INSTANCE: '1', RETRY_DELAY_SECONDS: '0.05' } });
  [ann, bob] = [keys.ann, keys.bob].map((key) => new TasksClient(gateway, key));
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

/** A task that keeps the engine busy. */
async function busy(): Promise<string> {
  const { task_id: id } = await of(ann).create({ workflow: solidColour() });
  await of(ann).reaches(id, 'processing');
  return id;
}

const waiting = async (client: TasksClient | undefined, body: Readonly<Record<string, unknown>> = {}): Promise<string> => (await of(client).create({ workflow: solidColour(), ...body })).task_id;
const release = (): void => engine.sandbox.knobs.set({ hold: false });

/** Ids in the order in which they were begun. */
async function order(ids: readonly string[]): Promise<string[]> {
  const begun = await Promise.all(ids.map(async (id) => {
    const owner = (await of(ann).of(id)).status === 200 ? ann : bob;
    return { id, at: (await of(owner).ended(id)).started_at ?? 0 };
  }));
  return begun.toSorted((one, other) => one.at - other.at).map(({ id }) => id);
}

describe('a full queue', () => {
  test('refuses more, says when to come again, and keeps nothing of them; a known Idempotency-Key is still answered', async () => {
    await busy();
    const [client_id, key] = [freshId(), { 'idempotency-key': freshId() }];
    const body = { workflow: solidColour(), client_id };
    const { task_id: id } = await of(ann).create(body, key);
    for (let n = 0; n < 3; n += 1) await waiting(ann);
    const answer = await of(ann).hand({ workflow: solidColour(), client_id });
    expect(problem(answer)).toMatchObject({ status: 429, code: 'QUEUE_FULL', retryable: true, detail: containing('MAX_QUEUE_DEPTH') });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await of(bob).hand({ workflow: solidColour() })).status).toBe(429);
    expect(await of(ann).create(body, key)).toMatchObject({ task_id: id });
    expect((await of(ann).list({ client_id })).tasks.map((task) => task.task_id)).toEqual([id]);
    release();
    await of(ann).ended(id);
    expect((await of(ann).hand({ workflow: solidColour() })).status).toBe(202);
  });
});

describe('next is', () => {
  test('the highest priority, then the oldest; positions say so', async () => {
    const first = await busy();
    const [usual, low, high, usualToo] = [await waiting(ann), await waiting(ann, { priority: -5 }), await waiting(ann, { priority: 5 }), await waiting(ann)];
    const positions = await Promise.all([high, usual, usualToo, low].map(async (id) => (await of(ann).view(id)).position));
    expect(positions).toEqual([0, 1, 2, 3]);
    release();
    expect(await order([low, usual, high, usualToo, first])).toEqual([first, high, usual, usualToo, low]);
    expect((await of(ann).view(low)).position).toBeUndefined();
  });

  test('in turn among keys: one who hands many over does not keep the other waiting', async () => {
    const first = await busy();
    const [one, two, three, other] = [await waiting(ann), await waiting(ann), await waiting(ann), await waiting(bob)];
    release();
    expect((await order([first, one, two, three, other])).slice(0, 3)).toEqual([first, other, one]);
  });
});

test('how long it will take is told once tasks of its kind have run, for those that wait and those that run', async () => {
  const [tasks, first] = [of(ann), await busy()];
  expect((await tasks.view(first)).eta_seconds).toBeUndefined();
  engine.sandbox.knobs.set({ hold: false, nodeDelayMs: 200 });
  await tasks.ended(first);
  engine.sandbox.knobs.set({ hold: true });
  const [running, next] = [await busy(), await waiting(ann)];
  expect(await tasks.view(running)).toMatchObject({ eta_seconds: aNumber });
  const { eta_seconds: eta = 0, position } = await tasks.view(next);
  expect([eta > 0, position]).toEqual([true, 0]);
  expect((await tasks.view(await waiting(ann))).eta_seconds).toBeGreaterThan(eta * 1.5);
});

describe('a deadline', () => {
  test('that passes while the task waits ends it, naming the limit; its engine never hears of it', async () => {
    await busy();
    const id = await waiting(ann, { deadline_seconds: 1 });
    const view = await of(ann).ended(id);
    expect(view).toMatchObject({ status: 'failed', attempt: 0, error: { code: 'TASK_TIMEOUT', reason: matching(/deadline.*\d{4}-\d\d-\d\dT/) } });
    expect((view.finished_at ?? 0) - view.created_at).toBeLessThan(4_000);
  });

  test('that passes while it runs stops it at its engine; it is not tried again', async () => {
    engine.sandbox.knobs.set({ hold: false, nodeDelayMs: 60_000 });
    const id = await waiting(ann, { deadline_seconds: 1 });
    expect(await of(ann).ended(id)).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'TASK_TIMEOUT', reason: containing('deadline_seconds') }, attempts: [{ outcome: 'failed', error: { code: 'TASK_TIMEOUT' } }] });
    expect((await gateway.queue(keys.ann)).queue_remaining).toBe(0);
  });

  test('that is not reached does nothing; one far away neither', async () => {
    release();
    expect(await of(ann).run({ workflow: solidColour(), deadline_seconds: 30 })).toMatchObject({ status: 'completed' });
    expect(await of(ann).run({ workflow: solidColour(), deadline_seconds: 30 * 86_400 })).toMatchObject({ status: 'completed' });
  });

  test('of the prompt itself, COMFYUI_TIMEOUT, is named, and the task is not tried again', async () => {
    engine.sandbox.knobs.set({ hold: false, nodeDelayMs: 60_000 });
    await using short = await startTestGateway({ instances: [engine.url], env: { COMFYUI_TIMEOUT: '1' } });
    expect(await new TasksClient(short).run({ workflow: solidColour() })).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'TASK_TIMEOUT', reason: containing('COMFYUI_TIMEOUT') } });
  });
});
