/** Ways to learn of an ending before the next look: RunningHub tells of it, or a caller asks. Looks are a minute apart here. */
import { createHmac } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SANDBOX_KEYS } from '../../../sandbox/runninghub/server.ts';
import { HubRecord, HubSubmitted } from '../../../src/models/runninghub-surfaces.ts';
import { configFolder } from '../../support/config-folder.ts';
import { startTestSandbox } from '../../support/engine.ts';
import { type GatewayClient, ok } from '../../support/gateway-client.ts';
import { GatewayProcess, WorkerProcess } from '../../support/gateway-process.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { poseEngine, startTestHub, type TestHub } from '../../support/runninghub-engine.ts';
import { type SmallServer, startSmallServer } from '../../support/small-server.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const nobody = 'http://127.0.0.1:1';
const app = '1970434031953342473';
const query = 'POST /openapi/v2/query';
const dot = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAAAAAAALAAAAAABAAEAAAIBRAA7';
let hub: TestHub;
/** What RunningHub reaches the gateway through. */
let proxy: SmallServer;
let folder: TemporaryFolder;
let told: { readonly path: string; readonly body: string; readonly status: number }[];
let behind: GatewayClient | undefined;

beforeAll(async () => {
  hub = await startTestHub({ knobs: { checkFiles: false } });
  proxy = await startSmallServer((request, response) => {
    void (async () => {
      const body = Buffer.concat(await Array.fromAsync(request)).toString();
      const path = (request.url ?? '').replace(/^\/outside/, '');
      const answer = await fetch(`${behind?.url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
      told.push({ path, body, status: answer.status });
      response.writeHead(answer.status).end();
    })();
  });
});
beforeEach(async () => {
  [told, behind, folder] = [[], undefined, await temporaryFolder()];
  hub.hub.knobs.set({ hold: 'RUNNING', webhookShape: 'string', webhookCopies: 1 });
});
afterEach(() => folder[Symbol.asyncDispose]());
afterAll(async () => {
  await proxy.close();
  await hub[Symbol.asyncDispose]();
});

const env = (): Record<string, string> => ({ RUNNINGHUB_API_KEY: SANDBOX_KEYS.shared, RUNNINGHUB_HOST: hub.hub.url, POLL_INTERVAL_SECONDS: '60', RUNNINGHUB_WEBHOOK_BASE: `${proxy.url}/outside/` });

async function started(over: Readonly<Record<string, string>> = {}): Promise<TestGateway> {
  const gateway = await startTestGateway({ instances: [nobody], healthy: 0, folder: folder.path, env: { ...env(), ...over } });
  behind = gateway;
  return gateway;
}

const submitted = async (gateway: GatewayClient): Promise<HubSubmitted> => HubSubmitted.parse(data(ok(await gateway.post('/submit_task', { webappId: app, nodeInfoList: [] }))));
const data = (answer: unknown): unknown => (typeof answer === 'object' && answer !== null && 'data' in answer ? answer.data : undefined);
const asked = (): number => hub.hub.counters.snapshot.requests[query] ?? 0;
/** Taken, looked at once, and running. */
async function running(gateway: GatewayClient): Promise<HubSubmitted> {
  const before = asked();
  const task = await submitted(gateway);
  await until('it was looked at', () => asked() > before);
  return task;
}

/** What only RunningHub is told, and whoever has the key can make. */
const addressOf = (gateway: GatewayClient, id: string): string => `${gateway.url}/hooks/runninghub/${id}/${createHmac('sha256', SANDBOX_KEYS.shared).update(`told of ${id}`).digest('base64url')}`;

describe('RunningHub telling of an ending', () => {
  test.each(['string', 'v1', 'v2', 'bare', 'broken', 'empty'] as const)('has the run looked at at once, whatever it says: %s', async (webhookShape) => {
    hub.hub.knobs.set({ webhookShape, webhookCopies: 2 });
    await using gateway = await started();
    const { gateway_task_id: id } = await running(gateway);
    hub.hub.knobs.set({ hold: null });
    expect(await new TasksClient(gateway).ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
    await until('both deliveries were answered', () => told.length === 2);
    expect(told.map(({ status }) => status)).toEqual([204, 204]);
  });

  test('is believed nothing: a run that goes on is looked at, and goes on', async () => {
    await using gateway = await started();
    const [{ gateway_task_id: id }, { gateway_task_id: other }] = [await running(gateway), await running(gateway)];
    const before = asked();
    const lie = JSON.stringify({ event: 'TASK_END', taskId: '1', eventData: '{"code":0,"msg":"success","data":[{"fileUrl":"http://127.0.0.1:1/x.png","fileType":"png"}]}' });
    expect((await fetch(addressOf(gateway, id), { method: 'POST', body: lie })).status).toBe(204);
    expect((await fetch(addressOf(gateway, id).replace(id, other), { method: 'POST', body: lie })).status).toBe(404);
    await until('it was looked at', () => asked() > before);
    const tasks = new TasksClient(gateway);
    expect([await tasks.view(id), await tasks.view(other)]).toMatchObject([{ status: 'processing' }, { status: 'processing' }]);
    hub.hub.knobs.set({ hold: null });
    expect([await tasks.ended(id), await tasks.ended(other)]).toMatchObject([{ status: 'completed' }, { status: 'completed' }]);
  });

  test('has addresses that nobody can guess, and that no log holds', async () => {
    const gateway = await started();
    const { gateway_task_id: id } = await running(gateway);
    hub.hub.knobs.set({ hold: null });
    await new TasksClient(gateway).ended(id);
    await until('it was told', () => told.length === 1);
    const [, token = ''] = /\/hooks\/runninghub\/[^/]+\/([\w-]{43})$/.exec(told[0]?.path ?? '') ?? [];
    expect(token).toHaveLength(43);
    for (const path of [`/hooks/runninghub/${id}/${token.slice(1)}A`, `/hooks/runninghub/${id}/x`, `/hooks/runninghub/nothing/${token}`]) expect((await fetch(gateway.url + path, { method: 'POST' })).status).toBe(404);
    expect((await fetch(`${gateway.url}/hooks/runninghub/${id}/${token}`)).status).toBe(405);
    await gateway.close();
    const logs = await readdir(join(folder.path, 'logs'), { recursive: true, withFileTypes: true });
    const lines = (await Promise.all(logs.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')))).join('\n');
    expect(lines).toContain('/hooks/runninghub/');
    expect(lines).not.toContain(token);
  });

  test('reaches the process that has the run in work, where doors and work are apart', async () => {
    const config = await configFolder(folder.path, {});
    await using comfyui = await startTestSandbox();
    const options = { instances: [comfyui.url], folder: folder.path, env: { ...env(), CONFIG_DIR: config } };
    await using api = await GatewayProcess.start({ ...options, command: [process.execPath, 'src/entry/main.ts', 'api'] });
    await using _worker = await WorkerProcess.start(options);
    behind = api;
    const { gateway_task_id: id } = await running(api);
    hub.hub.knobs.set({ hold: null });
    expect(await new TasksClient(api).ended(id)).toMatchObject({ status: 'completed' });
  }, 30_000);
});

describe('a caller asking', () => {
  test('/task/query_task_status has RunningHub asked, once a second at most, and answers with the ending', async () => {
    await using gateway = await started({ RUNNINGHUB_WEBHOOK_BASE: '' });
    const { taskId } = await running(gateway);
    const record = async (): Promise<HubRecord> => HubRecord.parse(data(ok(await gateway.post('/task/query_task_status', { taskId }))));
    const before = asked();
    expect(await record()).toMatchObject({ status: 'RUNNING', result_data: null });
    await Promise.all(Array.from({ length: 20 }, record));
    expect(asked() - before).toBeLessThanOrEqual(2);
    hub.hub.knobs.set({ hold: null });
    const ended = await until('it has ended', async () => {
      const seen = await record();
      return seen.status === 'SUCCESS' && seen;
    });
    expect(ended.result_data).not.toBeNull();
  });

  test('gets what is known where RunningHub cannot be asked', async () => {
    await using gateway = await started({ RUNNINGHUB_WEBHOOK_BASE: '' });
    const { taskId } = await running(gateway);
    hub.hub.knobs.set({ next: { [query]: [{ fault: 'html' }] } });
    expect(HubRecord.parse(data(ok(await gateway.post('/task/query_task_status', { taskId }))))).toMatchObject({ status: 'RUNNING' });
  });
});

describe('the progress socket', () => {
  test('tells of nodes and of the share of the graph between looks, where that is wanted', async () => {
    hub.hub.knobs.set({ runMs: 1_000 });
    const engines = { hub: poseEngine(hub.hub, { progress_socket: true }) };
    const inputs = { source_image: dot, reference_image: dot };
    const config = await configFolder(folder.path, { engines, pipelines: { pose: { steps: { only: { engine: 'hub', inputs } } } } });
    await using gateway = await started({ CONFIG_DIR: config });
    hub.hub.knobs.set({ hold: null });
    const tasks = new TasksClient(gateway);
    const { task_id: id } = await tasks.create({ task_type: 'POSE' });
    using events = await tasks.events(id);
    const all = await events.rest();
    hub.hub.knobs.set({ runMs: 50 });
    const progress = all.filter(({ event }) => event === 'progress').map(({ data }) => data);
    expect(progress).toContainEqual(expect.objectContaining({ current: expect.objectContaining({ node: '3', max: 20 }) as unknown }));
    const shares = progress.map(({ progress: share }) => Number(share));
    expect(Math.max(...shares)).toBeGreaterThan(0.2);
    expect(Math.max(...shares)).toBeLessThanOrEqual(1);
    expect(JSON.stringify(all)).not.toMatch(/wss?:|Auth/i);
  });
});
