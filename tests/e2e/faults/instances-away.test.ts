import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { freshId, solidColour } from '../../support/graphs.ts';
import { brokenRules } from '../../support/run-rules.ts';
import { until } from '../../support/until.ts';

let engine: TestSandbox;
let gateway: TestGateway;

beforeEach(async () => {
  engine = await startTestSandbox();
  gateway = await startTestGateway({ instances: [engine.url] });
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const executions = (id: string): number => engine.sandbox.counters.snapshot.executions[id] ?? 0;
const posts = (): number => engine.sandbox.counters.snapshot.requests['POST /prompt'] ?? 0;

async function away(): Promise<void> {
  engine.sandbox.knobs.set({ refuseSockets: true });
  engine.sandbox.closeSockets();
  await until('the gateway has noticed', async () => (await gateway.healthy()) === 0);
}

describe('while the only instance is away', () => {
  test('a submission waits a moment for it, and is handed over once when it is back', async () => {
    using socket = await gateway.socket('watcher');
    await away();
    const ids = Array.from({ length: 20 }, freshId);
    const answers = ids.map((prompt_id) => gateway.submit(solidColour(), { prompt_id, client_id: 'watcher' }));
    const asked = socket.ask('submit', { workflow: solidColour() });
    engine.sandbox.knobs.set({ refuseSockets: false });
    await Promise.all(answers);
    const { data } = await asked;
    expect(data['event']).toBe('submitted');
    for (const id of [...ids, String(data['prompt_id'])]) {
      expect((await socket.ending(id)).type).toBe('result');
      expect(brokenRules(socket.of(id).filter((message) => message.data['event'] !== 'submitted'))).toEqual([]);
      expect(executions(id)).toBe(1);
    }
    expect(posts()).toBe(21);
  });

  test('a submission is refused after that moment, and none was made', async () => {
    await away();
    const began = performance.now();
    const id = freshId();
    const answer = await gateway.post('/api/v1/workflows/submit', { workflow: solidColour(), prompt_id: id });
    const waited = performance.now() - began;
    expect([answer.status, answer.headers.get('retry-after'), answer.body]).toMatchObject([503, '5', { code: 'CONNECTION_ERROR', retryable: true }]);
    expect(waited).toBeGreaterThan(1_000);
    expect(waited).toBeLessThan(4_000);
    engine.sandbox.knobs.set({ refuseSockets: false });
    await until('the instance is back', async () => (await gateway.healthy()) === 1);
    await gateway.submit(solidColour(), { prompt_id: id });
    expect([(await gateway.ended(id)).state, executions(id), posts()]).toEqual(['completed', 1, 1]);
  });

  test('a workflow that is not valid is refused at once', async () => {
    await away();
    expect((await gateway.refusal({ workflow: {} })).code).toBe('WORKFLOW_VALIDATION_ERROR');
  });

  test('a submission whose caller hangs up is not made when the instance is back', async () => {
    await away();
    const gone = new AbortController();
    const body = JSON.stringify({ workflow: solidColour(), prompt_id: freshId() });
    const sent = fetch(`${gateway.url}/api/v1/workflows/submit`, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: gone.signal });
    await until('the submission has arrived', () => gateway.queue().then(() => true));
    gone.abort();
    await expect(sent).rejects.toThrow();
    engine.sandbox.knobs.set({ refuseSockets: false });
    await until('the instance is back', async () => (await gateway.healthy()) === 1);
    await gateway.submit(solidColour());
    expect(posts()).toBe(1);
  });
});
