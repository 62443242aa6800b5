import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../tests/support/until.ts';
import { SANDBOX_KEYS } from './accounts.ts';
import { TestClient } from './test-client.ts';
import { startRunningHubSandbox, type RunningRunningHub } from './server.ts';

let sandbox: RunningRunningHub;
let client: TestClient;

beforeEach(async () => {
  sandbox = await startRunningHubSandbox({ knobs: { createMs: 1, queueMs: 1, runMs: 1, hold: 'CREATE' } });
  client = new TestClient(sandbox.url);
});

afterEach(() => sandbox.close());

const code = async (taskId: string): Promise<unknown> => (await client.outputs(taskId)).code;
const gets = (taskId: string, wanted: number): Promise<true> => until(`code ${wanted}`, async () => (await code(taskId)) === wanted);

describe('a task', () => {
  it('goes from CREATE over QUEUED and RUNNING to its end, and stops where it is held', async () => {
    const { taskId, taskStatus, netWssUrl } = await client.create();
    expect([taskStatus, netWssUrl, await code(taskId)]).toEqual(['CREATE', null, 813]);
    sandbox.knobs.set({ hold: 'QUEUED' });
    expect(await code(taskId)).toBe(813);
    sandbox.knobs.set({ hold: 'RUNNING' });
    await gets(taskId, 804);
    expect((await client.post('/task/openapi/status', { taskId })).data).toBe('RUNNING');
    sandbox.knobs.set({ hold: null });
    await gets(taskId, 0);
  });

  it('has an id of 19 digits that a number cannot hold, and answers to it as text and as a number', async () => {
    const { taskId } = await client.create();
    expect(taskId).toMatch(/^\d{19}$/);
    expect(BigInt(Number(taskId))).not.toBe(BigInt(taskId));
    const body = `{"apiKey":"${SANDBOX_KEYS.consumer}","taskId":${taskId}}`;
    expect(await (await fetch(`${sandbox.url}/task/openapi/outputs`, { method: 'POST', body })).json()).toMatchObject({ code: 813 });
  });

  it('can be put anywhere, cancelled until it has ended, and forgotten', async () => {
    sandbox.knobs.set({ hold: 'all' });
    const { taskId } = await client.create();
    sandbox.deeds.move(taskId, 'RUNNING');
    expect(await code(taskId)).toBe(804);
    expect((await client.post('/task/openapi/cancel', { taskId })).code).toBe(0);
    expect(await client.bearer('/openapi/v2/query', { taskId })).toMatchObject({ status: '' });
    expect([await code(taskId), (await client.post('/task/openapi/cancel', { taskId })).code]).toEqual([805, 817]);
    sandbox.deeds.forgetTask(taskId);
    expect(await code(taskId)).toBe(807);
  });

  it('goes on when the service is deaf to its cancel', async () => {
    const { taskId } = await client.create();
    sandbox.knobs.set({ deafToCancel: true });
    expect((await client.post('/task/openapi/cancel', { taskId })).code).toBe(0);
    sandbox.knobs.set({ hold: null });
    await gets(taskId, 0);
  });

  it('is unknown to other accounts', async () => {
    const { taskId } = await client.create();
    expect((await new TestClient(sandbox.url, SANDBOX_KEYS.shared).outputs(taskId)).code).toBe(807);
  });

  it('becomes what the knobs say, one after the other', async () => {
    sandbox.knobs.set({ hold: null, createMs: 0, queueMs: 0, limits: { consumer: 9 }, outcomes: ['failed', 'none', 'several', 'nodeErrors'], nullOutputs: 1 });
    const ids: string[] = [];
    for (let count = 0; count < 4; count += 1) ids.push((await client.create()).taskId);
    const [failed = '', none = '', several = '', broken = ''] = ids;
    await gets(failed, 805);
    await gets(none, 0);
    await until('two answers', async () => Array.isArray((await client.outputs(several)).data));
    expect((await client.outputs(none)).data).toEqual([]);
    expect((await client.files(several)).map(({ fileType }) => fileType)).toEqual(['png', 'mp4', 'txt']);
    expect(await code(broken)).toBe(805);
    expect(sandbox.counters.snapshot.charged).toEqual({ consumer: 3 });
  });
});

describe('a task with node errors', () => {
  const reason = { node_id: '39', node_name: 'LoadImage', exception_type: 'custom_validation_failed', exception_message: 'Custom validation failed for node: image - Invalid file: api/gone.png' };

  it.each([
    ['strings', { ...reason, traceback: '[]', current_inputs: '{}', current_outputs: '{}' }],
    ['arrays', { ...reason, traceback: [], current_inputs: {}, current_outputs: {} }],
    ['text', 'LoadImage 39: Custom validation failed for node: image - Invalid file: api/gone.png'],
    ['absent', undefined],
  ] as const)('says why it failed in the shape %s, in v1 and v2', async (failedReason, wanted) => {
    sandbox.knobs.set({ failedReason });
    const { taskId } = await client.create({ nodeInfoList: [{ nodeId: '39', fieldName: 'image', fieldValue: 'api/gone.png' }] });
    expect((await client.outputs(taskId)).data).toEqual(wanted === undefined ? null : { failedReason: wanted });
    expect(await client.bearer('/openapi/v2/query', { taskId })).toMatchObject({ status: 'FAILED', ...(wanted !== undefined && { failedReason: wanted }) });
    expect(sandbox.counters.snapshot.charged).toEqual({});
  });
});

describe('an account', () => {
  it('is refused beyond its limit, with nothing created', async () => {
    const { taskId } = await client.create();
    expect((await client.run()).code).toBe(421);
    expect(sandbox.counters.snapshot.created).toEqual({ consumer: 1 });
    sandbox.deeds.move(taskId, 'SUCCESS');
    expect((await client.run()).code).toBe(0);
  });

  it('with machines of its own gets 415, or waits in its own queue until that is full', async () => {
    const own = new TestClient(sandbox.url, SANDBOX_KEYS.exclusive);
    sandbox.knobs.set({ hold: 'RUNNING', limits: { exclusive: 1 }, personalQueueLimit: 1 });
    const first = await own.create();
    await until('it runs', async () => (await own.outputs(first.taskId)).code === 804);
    expect((await own.run()).code).toBe(415);
    const second = await own.create({ usePersonalQueue: 'true' });
    expect((await own.run({ usePersonalQueue: true })).code).toBe(814);
    expect(await own.bearer('/openapi/v2/queue/status')).toMatchObject({ data: { apiKeyType: 'EXCLUSIVE', concurrentLimit: 1, runningCount: '1', queuedCount: '1', totalCurrentTasks: '2' } });
    expect((await own.outputs(second.taskId)).code).toBe(813);
    sandbox.deeds.move(first.taskId, 'SUCCESS');
    await until('the second runs', async () => (await own.outputs(second.taskId)).code === 804);
    expect((await own.run({ instanceType: 'ultra' })).code).toBe(435);
  });

  it('pays for each run, and is refused when it cannot', async () => {
    sandbox.knobs.set({ hold: 'all' });
    const before = await client.post('/uc/openapi/accountStatus', { apikey: SANDBOX_KEYS.consumer });
    sandbox.deeds.move((await client.create()).taskId, 'RUNNING');
    const after = await client.post('/uc/openapi/accountStatus', { apikey: SANDBOX_KEYS.consumer });
    expect([before.data, after.data]).toMatchObject([{ remainCoins: '177814', currentTaskCounts: '0' }, { remainCoins: '177808', currentTaskCounts: '1' }]);
    sandbox.knobs.set({ emptyWallets: ['consumer', 'shared'] });
    expect([(await client.run()).code, (await new TestClient(sandbox.url, SANDBOX_KEYS.shared).run()).code]).toEqual([416, 812]);
  });
});
