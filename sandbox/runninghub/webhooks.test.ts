import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../tests/support/until.ts';
import { TestClient } from './test-client.ts';
import type { KnobPatch } from './knobs.ts';
import { startRunningHubSandbox, type RunningRunningHub } from './server.ts';

let sandbox: RunningRunningHub;
let client: TestClient;
let server: Server;
let hook: string;
let arrived: unknown[];
/** What the receiver answers, in order; 200 when it is empty. */
let statuses: number[];

beforeEach(async () => {
  sandbox = await startRunningHubSandbox({ knobs: { hold: 'QUEUED', webhookRetryMs: 0 } });
  client = new TestClient(sandbox.url);
  arrived = [];
  statuses = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      arrived.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(statuses.shift() ?? 200).end('seen');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  hook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});

afterEach(async () => {
  server.close();
  await sandbox.close();
});

async function ended(knobs: KnobPatch = {}): Promise<string> {
  sandbox.knobs.set(knobs);
  const { taskId } = await client.create({ webhookUrl: hook });
  sandbox.deeds.move(taskId, 'SUCCESS');
  return taskId;
}

const tried = (count: number): Promise<true> => until(`${count} deliveries`, () => sandbox.counters.snapshot.webhooks === count && arrived.length === count);
const detail = (taskId: string): Promise<{ data?: unknown }> => client.post('/task/openapi/getWebhookDetail', { taskId });
/** The record says so once the answer has been read. */
const settled = (taskId: string, wanted: string): Promise<unknown> =>
  until('the record is written', async () => {
    const { data } = (await detail(taskId)) as { data: { callbackResponse: string; callbackStatus: string } };
    return data.callbackStatus === wanted && data.callbackResponse !== '' && data;
  });

describe('a webhook', () => {
  it('comes as often as the knobs say', async () => {
    const taskId = await ended({ webhookCopies: 2 });
    await tried(2);
    expect(arrived).toMatchObject([{ event: 'TASK_END', taskId }, { event: 'TASK_END', taskId }]);
    await ended({ webhookCopies: 0 });
    await ended({ webhookCopies: 1 });
    await tried(3);
  });

  it('comes late, not before its delay is over', async () => {
    const before = performance.now();
    await ended({ webhookDelayMs: 50 });
    await tried(1);
    expect(performance.now() - before).toBeGreaterThan(45);
  });

  it('is tried again until it is accepted, and the record says how that went', async () => {
    statuses = [500, 500];
    const taskId = await ended();
    await tried(3);
    expect(await settled(taskId, 'SUCCESS')).toMatchObject({ taskId, userApiKey: 'sand****001', callbackResponse: 'seen', retryCount: 2, webhookUrl: hook });
  });

  it('can be sent again to another address', async () => {
    statuses = [500];
    const taskId = await ended({ webhookRetries: 0 });
    const { id } = (await settled(taskId, 'FAILED')) as { id: string };
    expect(await client.post('/task/openapi/retryWebhook', { webhookId: id, webhookUrl: `${hook}2` })).toMatchObject({ code: 0, msg: '', data: null });
    await tried(2);
    expect(await settled(taskId, 'SUCCESS')).toMatchObject({ webhookUrl: `${hook}2` });
    expect(await client.post('/task/openapi/retryWebhook', { webhookId: '7' })).toMatchObject({ code: 1 });
  });

  it.each([
    ['v1', { code: 0, data: [{ fileType: 'png' }] }],
    ['v2', { status: 'SUCCESS', results: [{ outputType: 'png' }] }],
    ['empty', ''],
    ['broken', '{"code":0,"msg":"suc'],
  ] as const)('has eventData of the shape %s', async (webhookShape, eventData) => {
    await ended({ webhookShape });
    await tried(1);
    expect(arrived).toMatchObject([{ eventData }]);
  });
});
