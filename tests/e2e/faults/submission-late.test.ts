/** A proxy may hold a submission back for longer than the gateway waits: ComfyUI takes it after all, when nobody listens any more. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { freshId, solidColour } from '../../support/graphs.ts';
import { containing } from '../../support/matchers.ts';
import { brokenRules } from '../../support/run-rules.ts';

let engines: TestSandbox[];
let gateway: TestGateway;

beforeEach(async () => {
  engines = await Promise.all([startTestSandbox(), startTestSandbox()]);
});
afterEach(async () => {
  all({ holdPrompts: false, hold: false });
  await gateway.close();
  await Promise.all(engines.map((engine) => engine[Symbol.asyncDispose]()));
});

const all = (knobs: unknown): void => engines.forEach(({ sandbox }) => sandbox.knobs.set(knobs));
const sum = (count: (engine: TestSandbox) => number | undefined): number => engines.reduce((whole, engine) => whole + (count(engine) ?? 0), 0);
const posts = (): number => sum(({ sandbox }) => sandbox.counters.snapshot.requests['POST /prompt']);
const executions = (id: string): number => sum(({ sandbox }) => sandbox.counters.snapshot.executions[id]);

async function start(instances: number): Promise<void> {
  gateway = await startTestGateway({ instances: engines.slice(0, instances).map((engine) => engine.url), env: { COMFYUI_REQUEST_TIMEOUT: '1' } });
}

/** A submission that no instance has answered in time. */
async function unanswered(): Promise<string> {
  const id = freshId();
  expect(await gateway.refusal({ workflow: solidColour(), prompt_id: id, client_id: 'watcher' })).toMatchObject({ status: 503, code: 'CONNECTION_ERROR', retryable: false, prompt_id: id, detail: containing('may run twice') });
  return id;
}

describe.each([1, 2])('a submission to one of %i that is taken late', (instances) => {
  beforeEach(async () => start(instances));

  test('is given to nobody else, followed when it appears, and runs once', async () => {
    using socket = await gateway.socket('watcher');
    all({ holdPrompts: true });
    const id = await unanswered();
    expect((await gateway.state(id)).state).toBe('queued');
    all({ holdPrompts: false });
    expect((await socket.ending(id)).type).toBe('result');
    expect(brokenRules(socket.of(id))).toEqual([]);
    expect(await gateway.state(id)).toMatchObject({ state: 'completed', outputs: [{ kind: 'image' }] });
    expect([executions(id), posts()]).toEqual([1, 1]);
  });

  test('keeps its id meanwhile', async () => {
    all({ holdPrompts: true });
    const id = await unanswered();
    expect((await gateway.refusal({ workflow: solidColour(), prompt_id: id })).code).toBe('CONFLICT');
    expect(posts()).toBe(1);
  });
});

test('a submission that is taken late and ends while its messages do not come is known by the history', async () => {
  await start(1);
  all({ holdPrompts: true });
  const id = await unanswered();
  all({ frameDelayMs: 20_000, holdPrompts: false });
  expect((await gateway.ended(id)).state).toBe('completed');
  expect(executions(id)).toBe(1);
});

test('many that are taken late all run once', async () => {
  await start(2);
  all({ holdPrompts: true });
  const ids = await Promise.all(Array.from({ length: 20 }, unanswered));
  all({ holdPrompts: false });
  for (const id of ids) expect([(await gateway.ended(id)).state, executions(id)]).toEqual(['completed', 1]);
  expect(posts()).toBe(20);
});
