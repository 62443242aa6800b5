/** Webhooks: who is told what, how it is signed, and what the log of deliveries says. */
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { longWork, solidColour } from '../support/graphs.ts';
import { aNumber, matching } from '../support/matchers.ts';
import { TasksClient } from '../support/tasks-client.ts';
import { until } from '../support/until.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const secret = `whsec_${Buffer.from('a key of thirty-two bytes, a key').toString('base64')}`;
let engine: Engine;
let gateway: TestGateway;
let tasks: TasksClient;

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url], env: { WEBHOOK_SECRET: secret, WEBHOOK_ALLOWED_HOSTS: '*,127.0.0.1' } });
  tasks = new TasksClient(gateway);
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

async function all(receiver: WebhookReceiver, id: string): Promise<string[]> {
  const count = (await tasks.deliveries(id)).length;
  await until('all are delivered', async () => (await tasks.deliveries(id)).every(({ status }) => status === 'delivered'));
  return (await receiver.has(count)).map(({ message }) => message.type);
}

describe('a webhook', () => {
  test('is told of the ending, signed so that the library of the standard believes it, and no other', async () => {
    await using receiver = await startWebhookReceiver();
    const { task_id: id } = await tasks.create({ workflow: solidColour(), webhook_url: `${receiver.url}/hook?token=t`, metadata: { order: 7 } });
    const [hook] = await receiver.has(1);
    if (!hook) throw new TypeError('nothing came');
    const message = new Webhook(secret).verify(hook.body, { ...hook.headers });
    const view = await tasks.ended(id);
    expect(message).toMatchObject({ type: 'task.completed', timestamp: matching(/^\d{4}-\d\d-\d\dT/), data: { task_id: id, status: 'completed', seq: view.seq, metadata: { order: 7 }, outputs: view.outputs } });
    expect([hook.path, hook.headers['content-type']]).toEqual(['/hook?token=t', 'application/json']);
    expect(() => new Webhook(`whsec_${Buffer.from('another key of thirty-two bytes.').toString('base64')}`).verify(hook.body, { ...hook.headers })).toThrow('No matching signature');
    expect(() => new Webhook(secret).verify(hook.body.replace('completed', 'cancelled'), { ...hook.headers })).toThrow('No matching signature');
  });

  test('is told of the events it asks for alone, each once', async () => {
    await using receiver = await startWebhookReceiver();
    const { task_id: id } = await tasks.create({ workflow: solidColour(), webhook_url: receiver.url, webhook_events: ['queued', 'started', 'completed'] });
    await tasks.ended(id);
    expect((await all(receiver, id)).toSorted()).toEqual(['task.completed', 'task.queued', 'task.started']);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
    expect((await tasks.deliveries(id)).map(({ event, n, seq }) => [event, n, seq])).toEqual([['queued', 1, 1], ['started', 2, 2], ['completed', 3, aNumber]]);
  });

  test('is told of a failure and of a cancellation', async () => {
    await using receiver = await startWebhookReceiver();
    const failing = await tasks.run({ workflow: { '1': { class_type: 'NoSuchNode', inputs: {} } }, webhook_url: receiver.url });
    const [failed] = await receiver.has(1);
    expect(failed?.message).toMatchObject({ type: 'task.failed', data: { task_id: failing.task_id, error: { code: 'WORKFLOW_VALIDATION_ERROR' } } });
    const { task_id: id } = await tasks.create({ workflow: longWork(), webhook_url: receiver.url });
    await tasks.reaches(id, 'processing');
    await tasks.cancel(id);
    expect((await receiver.has(2))[1]?.message).toMatchObject({ type: 'task.cancelled', data: { task_id: id, status: 'cancelled' } });
  });

  test('has a log that does not tell the query of its URL, which may be a secret', async () => {
    await using receiver = await startWebhookReceiver();
    const { task_id: id } = await tasks.run({ workflow: solidColour(), webhook_url: `${receiver.url}/hook?token=secret` });
    const [delivery] = await until('it is delivered', async () => {
      const log = await tasks.deliveries(id);
      return log[0]?.status === 'delivered' && log;
    });
    expect(delivery).toEqual({ n: 1, event: 'completed', seq: aNumber, url: `${receiver.url}/hook`, status: 'delivered', attempts: 1, created_at: aNumber, delivered_at: aNumber, last_status: 204 });
  });

  test('is told again on demand: the same message under the same id', async () => {
    await using receiver = await startWebhookReceiver();
    const { task_id: id } = await tasks.run({ workflow: solidColour(), webhook_url: receiver.url });
    await all(receiver, id);
    expect(await tasks.redeliver(id, 1)).toMatchObject({ n: 1, status: 'pending' });
    const [first, second] = await receiver.has(2);
    expect([second?.body, second?.headers['webhook-id']]).toEqual([first?.body, first?.headers['webhook-id']]);
    expect((await tasks.of(id, '/deliveries/9/redeliver', 'POST')).status).toBe(404);
  });

  test.each([
    ['to a private address', 'http://10.0.0.1/hook'],
    ['to the addresses of a cloud’s secrets', 'http://169.254.169.254/latest'],
    ['by another protocol', 'ftp://example.org/hook'],
    ['with a password', 'https://user:pass@example.org/hook'],
    ['that is no URL', 'example'],
  ])('%s is refused when the task is handed over', async (_what, webhook_url) => {
    expect(await tasks.refusal({ workflow: solidColour(), webhook_url })).toMatchObject({ status: 422, code: 'VALIDATION_ERROR' });
  });
});
