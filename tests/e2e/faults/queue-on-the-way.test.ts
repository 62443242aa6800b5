import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { freshId, type Graph, solidColour } from '../../support/graphs.ts';
import { containing } from '../../support/matchers.ts';
import { brokenRules } from '../../support/run-rules.ts';
import { until } from '../../support/until.ts';

let one: TestSandbox;
let two: TestSandbox;
let gateway: TestGateway;

beforeEach(async () => {
  [one, two] = await Promise.all([startTestSandbox(), startTestSandbox()]);
  gateway = await startTestGateway({ instances: [one.url, two.url], env: { COMFYUI_REQUEST_TIMEOUT: '1' } });
});
afterEach(async () => {
  for (const { sandbox } of [one, two]) sandbox.knobs.reset();
  await gateway.close();
  await Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()]);
});

const both = (knobs: unknown): void => [one, two].forEach(({ sandbox }) => sandbox.knobs.set(knobs));
const sum = (count: (engine: TestSandbox) => number | undefined): number => [one, two].reduce((all, engine) => all + (count(engine) ?? 0), 0);
const posts = (): number => sum(({ sandbox }) => sandbox.counters.snapshot.requests['POST /prompt']);
const executions = (id: string): number => sum(({ sandbox }) => sandbox.counters.snapshot.executions[id]);

/** A submission that an instance has been asked for and has not answered. */
async function onItsWay(graph: Graph = solidColour()): Promise<{ id: string; answer: ReturnType<TestGateway['post']> }> {
  const id = freshId();
  const before = posts();
  const answer = gateway.post('/api/v1/workflows/submit', { workflow: graph, prompt_id: id, client_id: 'watcher' });
  await until('an instance was asked', () => posts() > before);
  return { id, answer };
}

describe('a prompt that is stopped while an instance is asked whether it has it', () => {
  test('is handed to nobody any more: it ends as interrupted, once, and its submitter is told', async () => {
    using socket = await gateway.socket('watcher');
    both({ cutPromptBefore: 1 });
    const { id, answer } = await onItsWay();
    const asked = posts();
    expect(await gateway.interrupt(id)).toEqual([{ prompt_id: id, outcome: 'removed' }]);
    expect(await gateway.state(id)).toMatchObject({ state: 'interrupted', reason: containing('before an instance had it') });
    expect(await answer).toMatchObject({ status: 409, body: { code: 'CONFLICT', prompt_id: id, detail: containing('stopped') } });
    expect([posts(), executions(id)]).toEqual([asked, 0]);
    expect((await socket.ending(id)).type).toBe('execution_interrupted');
    expect(brokenRules(socket.of(id))).toEqual([]);
    expect(await gateway.interrupt(id)).toEqual([{ prompt_id: id, outcome: 'already_finished' }]);
  });

  test('by a deletion from the queue is handed to nobody any more, either', async () => {
    both({ failPromptBefore: 1 });
    const { id, answer } = await onItsWay();
    expect(await gateway.deleteFromQueue([id])).toEqual({ deleted: 1, results: [{ prompt_id: id, outcome: 'removed' }] });
    expect([(await answer).status, (await gateway.state(id)).state, posts(), executions(id)]).toEqual([409, 'interrupted', 1, 0]);
  });

  test('and is there after all is stopped there, and the answer says so', async () => {
    both({ cutPromptAfter: 1, nodeDelayMs: 60_000 });
    const { id, answer } = await onItsWay();
    expect(await gateway.interrupt(id)).toEqual([{ prompt_id: id, outcome: 'interrupted' }]);
    await answer;
    expect(await gateway.ended(id)).toMatchObject({ state: 'interrupted', reason: 'It was interrupted on request.' });
    expect(posts()).toBe(1);
  });

  test('and never gets an answer is not handed on when the time for an answer is over', async () => {
    both({ hang: { 'POST /prompt': 1 } });
    const { id, answer } = await onItsWay();
    expect(await gateway.interrupt(id)).toEqual([{ prompt_id: id, outcome: 'interrupt_requested' }]);
    expect(await answer).toMatchObject({ status: 503, body: { code: 'CONNECTION_ERROR', prompt_id: id, detail: containing('may run twice') } });
    expect([(await gateway.state(id)).state, posts(), executions(id)]).toEqual(['queued', 1, 0]);
  });

  test.each([
    ['before the time for an answer is over', true, 'interrupt'],
    ['after it', false, 'interrupt'],
    ['after it, by a deletion from the queue', false, 'delete'],
  ])('and is taken late, stopped %s, is stopped as soon as it appears', async (_what, before, how) => {
    using socket = await gateway.socket('watcher');
    both({ holdPrompts: true, nodeDelayMs: 60_000 });
    const { id, answer } = await onItsWay();
    if (!before) await answer;
    const outcome = how === 'interrupt' ? await gateway.interrupt(id) : (await gateway.deleteFromQueue([id])).results;
    expect(outcome).toEqual([{ prompt_id: id, outcome: 'interrupt_requested' }]);
    expect((await answer).status).toBe(503);
    both({ holdPrompts: false });
    expect((await socket.ending(id)).type).toBe('execution_interrupted');
    expect(brokenRules(socket.of(id))).toEqual([]);
    expect(await gateway.state(id)).toMatchObject({ state: 'interrupted' });
    expect(await gateway.queue()).toMatchObject({ queue_remaining: 0 });
    expect(posts()).toBe(1);
  });

  test('and is taken late, behind others, is taken out of the queue', async () => {
    const others = await Promise.all([solidColour(), solidColour()].map((graph) => (both({ hold: true }), gateway.submit(graph))));
    both({ holdPrompts: true });
    const { id, answer } = await onItsWay();
    await answer;
    both({ holdPrompts: false });
    await until('it is in the queue', async () => (await gateway.queue()).queue_remaining === 3);
    expect(await gateway.interrupt(id)).toEqual([{ prompt_id: id, outcome: 'removed' }]);
    both({ hold: false });
    for (const other of others) expect((await gateway.ended(other.prompt_id)).state).toBe('completed');
    expect([(await gateway.ended(id)).state, executions(id)]).toEqual(['interrupted', 0]);
  });

  test.each([
    ['runs', { nodeDelayMs: 60_000 }, 200],
    ['waits', { hold: true }, 503],
  ])('and %s where nobody can be asked is stopped when the instance answers again', async (_what, knobs, status) => {
    both(knobs);
    if (status === 503) await Promise.all([gateway.submit(solidColour()), gateway.submit(solidColour())]);
    const before = posts();
    both({ cutPromptAfter: 1, hang: { 'GET /queue': 1_000, 'POST /queue': 1_000, 'POST /interrupt': 1_000 } });
    const { id, answer } = await onItsWay();
    expect((await gateway.post('/api/v1/workflows/interrupt', { prompt_id: id })).status).toBe(503);
    expect((await answer).status).toBe(status);
    both({ hang: {} });
    expect(await gateway.ended(id)).toMatchObject({ state: 'interrupted' });
    expect(posts()).toBe(before + 1);
  });
});

test('ten who stop the same prompt on its way are told the same, and it ends once', async () => {
  using socket = await gateway.socket('watcher');
  both({ cutPromptBefore: 1 });
  const { id, answer } = await onItsWay();
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => gateway.interrupt(id)));
  expect(outcomes.flat().map((result) => result.outcome)).toEqual(Array.from({ length: 10 }, () => 'removed'));
  await answer;
  await socket.ending(id);
  expect(brokenRules(socket.of(id))).toEqual([]);
});
