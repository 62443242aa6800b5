/** Webhooks that do not arrive at once, that may not be sent, and those of gateways that end. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { solidColour } from '../../support/graphs.ts';
import { aNumber, containing } from '../../support/matchers.ts';
import { startSmallServer } from '../../support/small-server.ts';
import { World } from '../../support/task-states.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { until } from '../../support/until.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../support/webhook-receiver.ts';

const secret = `whsec_${Buffer.from('a key of thirty-two bytes, a key').toString('base64')}`;
let world: World;
let receiver: WebhookReceiver;

beforeEach(async () => {
  [world, receiver] = await Promise.all([World.make(), startWebhookReceiver()]);
});
afterEach(async () => {
  await receiver[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const hooks = { WEBHOOK_SECRET: secret, WEBHOOK_ALLOWED_HOSTS: '127.0.0.1', WEBHOOK_TIMEOUT_SECONDS: '1' };
const start = (env: Readonly<Record<string, string>> = {}) => startTestGateway({ instances: [world.engine.url], folder: world.folder.path, env: { ...world.env, ...hooks, ...env } });

/** The delivery once it has been tried so often. */
const tried = (tasks: TasksClient, id: string, attempts: number) => until(`it was tried ${attempts} times`, async () => (await tasks.deliveries(id)).find((one) => one.attempts >= attempts));

describe('a receiver that', () => {
  test('refuses is told again after some seconds, by the next gateway when this one was killed: the same message, signed anew', async () => {
    const first = await GatewayProcess.start({ instances: [world.engine.url], folder: world.folder.path, env: { ...world.env, ...hooks } });
    const tasks = new TasksClient(first);
    receiver.answers.push(503);
    const { task_id: id } = await tasks.run({ workflow: solidColour(), webhook_url: receiver.url });
    expect(await tried(tasks, id, 1)).toMatchObject({ status: 'pending', attempts: 1, next_attempt_at: aNumber, last_status: 503, last_error: containing('503') });
    await first.kill('SIGKILL');
    await using second = await start();
    const hooked = await receiver.has(2);
    for (const { body, headers } of hooked) new Webhook(secret).verify(body, { ...headers });
    const told = hooked.map(({ body, headers }) => ({ body, id: headers['webhook-id'], at: Number(headers['webhook-timestamp']) }));
    expect(told[1]).toMatchObject({ body: told[0]?.body, id: told[0]?.id });
    expect(told[1]?.at).toBeGreaterThan(told[0]?.at ?? Infinity);
    expect(await tried(new TasksClient(second), id, 2)).toMatchObject({ status: 'delivered', attempts: 2, last_status: 204 });
  }, 40_000);

  test('is gone for good is left alone; told again on demand', async () => {
    await using gateway = await start();
    const tasks = new TasksClient(gateway);
    receiver.answers.push(410);
    const { task_id: id } = await tasks.run({ workflow: solidColour(), webhook_url: receiver.url });
    const given = await tried(tasks, id, 1);
    expect(given).toMatchObject({ status: 'failed', last_status: 410 });
    expect(given.next_attempt_at).toBeUndefined();
    await tasks.redeliver(id, 1);
    await receiver.has(2);
    expect(await tried(tasks, id, 2)).toMatchObject({ status: 'delivered' });
  });

  test('does not answer, or leads elsewhere, is not believed, and nobody else is told', async () => {
    await using gateway = await start();
    const tasks = new TasksClient(gateway);
    const silent = await startSmallServer(() => undefined);
    const elsewhere = await startSmallServer((_request, response) => void response.writeHead(307, { location: receiver.url }).end());
    const [one, other] = [await tasks.run({ workflow: solidColour(), webhook_url: silent.url }), await tasks.run({ workflow: solidColour(), webhook_url: elsewhere.url })];
    expect(await tried(tasks, one.task_id, 1)).toMatchObject({ status: 'pending', last_error: containing('1000 ms') });
    expect(await tried(tasks, other.task_id, 1)).toMatchObject({ status: 'pending', last_status: 307 });
    expect(receiver.received).toEqual([]);
    await Promise.all([silent.close(), elsewhere.close()]);
  });

  test('is slow holds neither its task nor other receivers up', async () => {
    await using gateway = await start({ WEBHOOK_TIMEOUT_SECONDS: '10' });
    const tasks = new TasksClient(gateway);
    const silent = await startSmallServer(() => undefined);
    for (let n = 0; n < 3; n += 1) expect(await tasks.run({ workflow: solidColour(), webhook_url: silent.url })).toMatchObject({ status: 'completed' });
    await tasks.run({ workflow: solidColour(), webhook_url: receiver.url });
    await receiver.has(1, 5_000);
    await silent.close();
  });
});

/** A task that has not ended when its gateway is closed. */
async function left(): Promise<string> {
  world.engine.sandbox.knobs.set({ hold: true });
  await using first = await start();
  const { task_id: id } = await new TasksClient(first).create({ workflow: solidColour(), webhook_url: receiver.url });
  await new TasksClient(first).job(id);
  return id;
}

describe('the next gateway', () => {
  test('tells of the ending of a task that the first one began, once', async () => {
    const id = await left();
    expect(receiver.received).toEqual([]);
    world.release();
    await using second = await start();
    const [hook] = await receiver.has(1);
    expect(hook?.message).toMatchObject({ type: 'task.completed', data: { task_id: id } });
    expect(await tried(new TasksClient(second), id, 1)).toMatchObject({ status: 'delivered' });
    expect(receiver.received).toHaveLength(1);
  });

  test('that may not tell that address any more gives it up at once', async () => {
    const id = await left();
    world.release();
    await using second = await start({ WEBHOOK_ALLOWED_HOSTS: '*' });
    const tasks = new TasksClient(second);
    expect(await tasks.refusal({ workflow: solidColour(), webhook_url: receiver.url })).toMatchObject({ status: 422, code: 'VALIDATION_ERROR' });
    const given = await tried(tasks, id, 1);
    expect(given).toMatchObject({ status: 'failed', attempts: 1, last_error: containing('127.0.0.1') });
    expect(given.next_attempt_at).toBeUndefined();
    expect(receiver.received).toEqual([]);
  });
});
