import { describe, expect, test } from 'vitest';
import { enginesThere, startEngine } from '../support/engine.ts';
import { startTestGateway } from '../support/gateway.ts';
import { longWork, solidColour } from '../support/graphs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** An address where nobody listens. */
const nobody = 'http://127.0.0.1:9';

describe.skipIf(enginesThere < 2)('a gateway with two instances', () => {
  test('spreads work over both', async () => {
    await using one = await startEngine(0);
    await using two = await startEngine(1);
    await using gateway = await startTestGateway({ instances: [one.url, two.url] });
    const answers = await Promise.all(Array.from({ length: 8 }, () => gateway.submit(longWork({ pieces: 3, size: 64 }))));
    const counts = Map.groupBy(answers, (answer) => answer.instance);
    expect([...counts.values()].map((all) => all.length)).toEqual([4, 4]);
    const states = await Promise.all(answers.map((answer) => gateway.ended(answer.prompt_id)));
    expect(new Set(states.map((state) => state.state))).toEqual(new Set(['completed']));
  });

  test('shows both queues as one, and deletes and interrupts on the right one', async () => {
    await using one = await startEngine(0);
    await using two = await startEngine(1);
    await using gateway = await startTestGateway({ instances: [one.url, two.url] });
    const running = await Promise.all([gateway.submit(longWork()), gateway.submit(longWork())]);
    await Promise.all(running.map((answer) => gateway.reaches(answer.prompt_id, 'running')));
    const waiting = await Promise.all([gateway.submit(solidColour()), gateway.submit(solidColour())]);
    const status = await gateway.queue();
    expect(new Set(status.running.map((item) => item.instance)).size).toBe(2);
    expect([status.pending.length, status.queue_remaining]).toEqual([2, 4]);
    expect((await gateway.deleteFromQueue(waiting.map((answer) => answer.prompt_id))).deleted).toBe(2);
    const [first, second] = running;
    expect(await gateway.interrupt(first?.prompt_id)).toMatchObject([{ outcome: 'interrupted' }]);
    expect((await gateway.state(second?.prompt_id ?? '')).state).toBe('running');
    expect((await gateway.interrupt()).map((result) => [result.prompt_id, result.outcome])).toEqual([[second?.prompt_id, 'interrupted']]);
  });

  test('finds a prompt on its instance after a restart, and knows whose it is', async () => {
    await using folder = await temporaryFolder();
    await using one = await startEngine(0);
    await using two = await startEngine(1);
    const options = { instances: [one.url, two.url], folder: folder.path, env: { API_KEYS: 'alice:alice-secret,bob:bob-secret-key' } };
    const before = await startTestGateway(options);
    const ended = await before.submit(solidColour(), { key: 'alice-secret' });
    await before.ended(ended.prompt_id, 'alice-secret');
    const going = await Promise.all([before.submit(longWork(), { key: 'alice-secret' }), before.submit(longWork(), { key: 'alice-secret' })]);
    await Promise.all(going.map((answer) => before.reaches(answer.prompt_id, 'running', 'alice-secret')));
    await before.close();
    await using after = await startTestGateway(options);
    expect(await after.state(ended.prompt_id, 'alice-secret')).toMatchObject({ state: 'completed', instance: ended.instance, outputs: [{ kind: 'image' }] });
    expect(await after.history(ended.prompt_id, 'alice-secret')).toMatchObject({ state: 'completed' });
    expect((await after.call('GET', `/api/v1/workflows/${ended.prompt_id}`, { key: 'bob-secret-key' })).status).toBe(404);
    for (const answer of going) {
      expect(await after.state(answer.prompt_id, 'alice-secret')).toMatchObject({ instance: answer.instance });
      expect((await after.post('/api/v1/workflows/interrupt', { prompt_id: answer.prompt_id }, 'bob-secret-key')).status).toBe(404);
      expect(await after.interrupt(answer.prompt_id, 'alice-secret')).toMatchObject([{ outcome: 'interrupted' }]);
      expect(await after.ended(answer.prompt_id, 'alice-secret')).toMatchObject({ state: 'interrupted', reason: 'It was interrupted on request.' });
    }
  });
});

describe('a gateway of whose instances one is dead', () => {
  test('works on with the others and says which one is not well', async () => {
    await using engine = await startEngine();
    await using gateway = await startTestGateway({ instances: [nobody, engine.url], healthy: 1 });
    const answers = await Promise.all(Array.from({ length: 4 }, () => gateway.submit(solidColour())));
    const states = await Promise.all(answers.map((answer) => gateway.ended(answer.prompt_id)));
    expect(states.map((state) => state.state)).toEqual(['completed', 'completed', 'completed', 'completed']);
    expect((await gateway.queue()).instances).toMatchObject([{ instance: '127.0.0.1:9', healthy: false }, { healthy: true }]);
    const ready = await gateway.call('GET', '/readyz');
    expect([ready.status, ready.body]).toMatchObject([200, { ready: true, healthy: 1, total: 2 }]);
  });

  test('refuses work while no instance is there, and says when to come again', async () => {
    await using gateway = await startTestGateway({ instances: [nobody], healthy: 0 });
    const answer = await gateway.post('/api/v1/workflows/submit', { workflow: solidColour() });
    expect([answer.status, answer.headers.get('retry-after'), answer.body]).toMatchObject([503, '5', { code: 'CONNECTION_ERROR', retryable: true }]);
    expect((await gateway.call('GET', '/readyz')).status).toBe(503);
    expect((await gateway.call('GET', '/api/v1/queue/status')).status).toBe(503);
  });
});
