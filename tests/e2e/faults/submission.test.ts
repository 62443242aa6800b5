import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { freshId, solidColour } from '../../support/graphs.ts';
import { containing } from '../../support/matchers.ts';
import { brokenRules } from '../../support/run-rules.ts';

let engine: TestSandbox;
let gateway: TestGateway;

beforeEach(async () => {
  engine = await startTestSandbox();
  gateway = await startTestGateway({ instances: [engine.url], env: { COMFYUI_REQUEST_TIMEOUT: '1' } });
});
afterEach(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const executions = (id: string): number => engine.sandbox.counters.snapshot.executions[id] ?? 0;

describe.each([
  ['says 500', { failPromptAfter: 1 }],
  ['cuts the connection', { cutPromptAfter: 1 }],
])('an instance that %s after it has queued the prompt', (_what, knobs) => {
  test('has it all the same: the submission is accepted, it runs once, and its run is told whole', async () => {
    using socket = await gateway.socket('watcher');
    engine.sandbox.knobs.set(knobs);
    const id = freshId();
    expect(await gateway.submit(solidColour(), { prompt_id: id, client_id: 'watcher' })).toMatchObject({ prompt_id: id });
    await socket.ending(id);
    expect(brokenRules(socket.of(id))).toEqual([]);
    expect([(await gateway.state(id)).state, executions(id)]).toEqual(['completed', 1]);
  });
});

describe.each([
  ['says 500', { failPromptBefore: 1 }, 'UPSTREAM_ERROR'],
  ['cuts the connection', { cutPromptBefore: 2 }, 'CONNECTION_ERROR'],
])('an instance that %s before it has queued the prompt', (_what, knobs, code) => {
  test('is the only one: the caller is told, and may use the id again', async () => {
    engine.sandbox.knobs.set(knobs);
    const id = freshId();
    expect((await gateway.refusal({ workflow: solidColour(), prompt_id: id })).code).toBe(code);
    engine.sandbox.knobs.reset();
    await gateway.submit(solidColour(), { prompt_id: id });
    expect([(await gateway.ended(id)).state, executions(id)]).toEqual(['completed', 1]);
  });

  test('has a neighbour, which takes it', async () => {
    await using neighbour = await startTestSandbox();
    await using both = await startTestGateway({ instances: [engine.url, neighbour.url] });
    engine.sandbox.knobs.set(knobs);
    const answers = [await both.submit(solidColour()), await both.submit(solidColour())];
    for (const answer of answers) {
      expect((await both.ended(answer.prompt_id)).state).toBe('completed');
      const runs = [executions(answer.prompt_id), neighbour.sandbox.counters.snapshot.executions[answer.prompt_id] ?? 0];
      expect(runs.toSorted()).toEqual([0, 1]);
    }
  });
});

test('an instance that gives no answer at all to a submission does not hold the caller for ever', async () => {
  engine.sandbox.knobs.set({ hang: { 'POST /prompt': 1 } });
  const id = freshId();
  const refusal = await gateway.refusal({ workflow: solidColour(), prompt_id: id });
  expect(refusal).toMatchObject({ code: 'CONNECTION_ERROR', prompt_id: id, detail: containing(`GET /api/v1/workflows/${id}`) });
  const { prompt_id: next } = await gateway.submit(solidColour());
  expect((await gateway.ended(next)).state).toBe('completed');
});

test('a submission whose outcome nobody can tell yet is not forgotten: its state tells later', async () => {
  engine.sandbox.knobs.set({ hold: true });
  await gateway.submit(solidColour());
  engine.sandbox.knobs.set({ cutPromptAfter: 1, hang: { 'GET /queue': 100 } });
  const { code, prompt_id: id = '' } = await gateway.refusal({ workflow: solidColour() });
  expect(code).toBe('CONNECTION_ERROR');
  engine.sandbox.knobs.reset();
  expect([(await gateway.ended(id)).state, executions(id)]).toEqual(['completed', 1]);
});

test('a submission that got no answer is known by its events, and is not handed over again where nothing else tells of it', async () => {
  engine.sandbox.knobs.set({ cutPromptAfter: 1, emptyHistory: true });
  const { prompt_id: id } = await gateway.submit(solidColour());
  await gateway.ended(id);
  expect([executions(id), engine.sandbox.counters.snapshot.requests['POST /prompt']]).toEqual([1, 1]);
});
