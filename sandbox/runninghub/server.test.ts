import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SANDBOX_KEYS } from './accounts.ts';
import { TestClient } from './test-client.ts';
import { startRunningHubSandbox, type RunningRunningHub } from './server.ts';

const RUN = 'POST /task/openapi/ai-app/run';
const OUTPUTS = 'POST /task/openapi/outputs';

let sandbox: RunningRunningHub;
let client: TestClient;

beforeEach(async () => {
  sandbox = await startRunningHubSandbox({ knobs: { queueMs: 0, hold: 'RUNNING', limits: { consumer: 100 } } });
  client = new TestClient(sandbox.url);
});

afterEach(() => sandbox.close());

const nodeInfoList = [{ nodeId: '6', fieldName: 'text', fieldValue: 'a cat' }];

describe('a lost reply', () => {
  it.each([
    ['cut', { fault: 'cut' }],
    ['half', { fault: 'half' }],
    ['html', { fault: 'html' }],
    ['empty', { fault: 'empty', status: 503 }],
    ['a code', { code: 500 }],
    ['a body', { body: 'null' }],
  ])('(%s) leaves a task when it is lost afterwards, and none when it is lost before', async (_name, step) => {
    sandbox.knobs.set({ next: { [RUN]: [step, { ...step, after: true }] } });
    await expect(client.create({ nodeInfoList })).rejects.toThrow();
    expect(sandbox.counters.snapshot.created).toEqual({});
    await expect(client.create({ nodeInfoList })).rejects.toThrow();
    expect(sandbox.counters.snapshot.created).toEqual({ consumer: 1 });
    await client.create({ nodeInfoList });
    expect(sandbox.counters.snapshot.submissions).toEqual([{ account: 'consumer', target: 'app 1970434031953342465', nodeInfo: JSON.stringify(nodeInfoList), tasks: 2 }]);
  });

  it('never comes when it hangs', async () => {
    sandbox.knobs.set({ next: { [RUN]: [{ fault: 'hang', after: true }] } });
    const gone = new AbortController();
    const lost = fetch(`${sandbox.url}/task/openapi/ai-app/run`, { method: 'POST', body: JSON.stringify({ apiKey: SANDBOX_KEYS.consumer, webappId: '1970434031953342465', nodeInfoList }), signal: gone.signal });
    await expect.poll(() => sandbox.counters.snapshot.created).toEqual({ consumer: 1 });
    gone.abort();
    await expect(lost).rejects.toThrow('aborted');
  });

  it('comes late when it is slow, and the task is there all the while', async () => {
    sandbox.knobs.set({ slow: { [RUN]: 100 } });
    const late = client.create();
    await expect.poll(() => sandbox.counters.snapshot.created).toEqual({ consumer: 1 });
    expect((await late).taskStatus).toBe('RUNNING');
  });
});

describe('answers', () => {
  it('change their style with the knobs', async () => {
    const { taskId } = await client.create();
    sandbox.deeds.move(taskId, 'SUCCESS');
    sandbox.knobs.set({ stringCodes: true, noErrorMessages: true, successMsg: 'empty' });
    expect(await client.post('/task/openapi/status', { taskId })).toEqual({ code: '0', msg: '', data: 'SUCCESS' });
    sandbox.knobs.set({ successMsg: 'alternating' });
    const messages = [];
    for (let count = 0; count < 3; count += 1) messages.push((await client.post('/task/openapi/status', { taskId })).msg);
    expect(messages.toSorted()).toEqual(['', 'SUCCESS', 'success']);
  });

  it('carry bare numbers as ids on demand, also in v2', async () => {
    sandbox.knobs.set({ numericIds: true });
    const answer = await fetch(`${sandbox.url}/openapi/v2/run/ai-app/1970434031953342465`, { method: 'POST', headers: { Authorization: `Bearer ${SANDBOX_KEYS.consumer}` }, body: '{"nodeInfoList":[]}' });
    expect(await answer.text()).toMatch(/^\{"taskId":\d{19},/);
  });

  it('call a cancelled task what the knobs say, and leave out the data of a running one', async () => {
    sandbox.knobs.set({ runningData: 'absent', cancelledStatus: 'CANCELED' });
    const { taskId } = await client.create();
    expect(await client.outputs(taskId)).toEqual({ code: 804, msg: 'APIKEY_TASK_IS_RUNNING', errorMessages: null });
    await client.post('/task/openapi/cancel', { taskId });
    expect(await client.bearer('/openapi/v2/query', { taskId })).toMatchObject({ status: 'CANCELED', results: null });
  });

  it('of a wrong address are 412, and 1001 in v2', async () => {
    expect((await client.post('/task/openapi/nowhere', {})).code).toBe(412);
    expect(await client.bearer('/openapi/v2/nowhere')).toMatchObject({ errorCode: '1001' });
  });

  it.each([['arrays', 'object'], ['text', 'string'], ['strings', 'object']] as const)('give the reason of a failure as %s', async (failedReason, type) => {
    sandbox.knobs.set({ failedReason });
    const { taskId } = await client.create();
    sandbox.deeds.move(taskId, 'FAILED');
    const { data } = (await client.outputs(taskId)) as { data: { failedReason: { traceback: unknown } } };
    expect(typeof data.failedReason).toBe(type);
    if (failedReason !== 'text') expect(Array.isArray(data.failedReason.traceback)).toBe(failedReason === 'arrays');
  });

  it.each([['null', null], ['empty', ''], ['broken', expect.stringContaining('{')]] as const)('have promptTips that are %s', async (promptTips, wanted) => {
    sandbox.knobs.set({ promptTips });
    expect((await client.create()).promptTips).toEqual(wanted);
  });
});

describe('results', () => {
  const finished = async (): Promise<{ taskId: string; url: string }> => {
    const { taskId } = await client.create({ nodeInfoList });
    sandbox.deeds.move(taskId, 'SUCCESS');
    const [file] = await client.files(taskId);
    return { taskId, url: file?.fileUrl ?? '' };
  };

  it('are real pictures on another host, which needs no key and notices one', async () => {
    const { url } = await finished();
    expect(new URL(url).origin).toBe(sandbox.filesUrl);
    expect(new URL(url).origin).not.toBe(sandbox.url);
    const picture = await fetch(url);
    expect(picture.headers.get('content-type')).toBe('image/png');
    expect(await sharp(Buffer.from(await picture.arrayBuffer())).stats().then(({ isOpaque, channels }) => [isOpaque, channels.length])).toEqual([true, 3]);
    expect(sandbox.counters.snapshot.credentialsAtFiles).toBe(0);
    await fetch(url, { headers: { Authorization: 'Bearer x' } });
    expect(sandbox.counters.snapshot.credentialsAtFiles).toBe(1);
  });

  it('run out, all at once or those of one task', async () => {
    const [first, second] = [await finished(), await finished()];
    sandbox.deeds.expireResults(first.taskId);
    expect([(await fetch(first.url)).status, (await fetch(second.url)).status]).toEqual([403, 200]);
    sandbox.knobs.set({ resultLifeMs: 0 });
    expect((await fetch((await finished()).url)).status).toBe(403);
    sandbox.knobs.set({ resultsExpired: true });
    const refused = await fetch(second.url);
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('Request has expired')]);
    expect((await fetch(`${sandbox.filesUrl}/output/nothing.png`)).status).toBe(404);
  });

  it('break off on demand', async () => {
    const { url } = await finished();
    sandbox.knobs.set({ next: { 'GET /output': [{ fault: 'half', after: true }, { code: 0, status: 503 }] } });
    await expect(fetch(url).then((answer) => answer.arrayBuffer())).rejects.toThrow('terminated');
    expect((await fetch(url)).status).toBe(503);
  });
});

describe('uploads', () => {
  const png = { name: 'a.png', bytes: Buffer.from('picture') };

  it('can be fetched where v2 and alt-v1 say', async () => {
    const v2 = (await client.upload('/openapi/v2/media/upload/binary', png)) as { data: { download_url: string } };
    const alt = (await client.upload('/v1/upload', png)) as { url: string };
    for (const url of [v2.data.download_url, alt.url]) expect(await (await fetch(url)).text()).toBe('picture');
  });

  it('are refused over the limit and without a file', async () => {
    sandbox.knobs.set({ uploadLimitBytes: 3 });
    expect(await client.upload('/task/openapi/upload', png)).toMatchObject({ code: 809 });
    expect(await client.upload('/openapi/v2/media/upload/binary', png)).toMatchObject({ code: 1008 });
    expect(await client.post('/task/openapi/upload', {})).toMatchObject({ code: -1 });
  });

  it('put a LoRA only where they were told to', async () => {
    const { data } = (await client.post('/api/openapi/getLoraUploadUrl', { loraName: 'x', md5Hex: 'abc' })) as unknown as { data: { url: string } };
    expect((await fetch(data.url, { method: 'PUT', body: 'weights' })).status).toBe(200);
    expect((await fetch(`${sandbox.filesUrl}/lora/other`, { method: 'PUT', body: 'weights' })).status).toBe(403);
  });
});

describe('knobs over HTTP', () => {
  const turn = (patch: unknown): Promise<Response> => fetch(`${sandbox.url}/sandbox/knobs`, { method: 'PUT', body: JSON.stringify(patch) });

  it('turn knobs, do deeds and tell what is wrong', async () => {
    const { taskId } = await client.create();
    expect(await (await turn({ runMs: 5, move: { taskId, state: 'FAILED' } })).json()).toMatchObject({ runMs: 5 });
    expect((await client.outputs(taskId)).code).toBe(805);
    const refused = await turn({ runMs: -1 });
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('runMs')]);
    expect(await (await turn({ reset: true, forgetTask: taskId })).json()).toMatchObject({ runMs: 400, hold: null });
    expect((await client.outputs(taskId)).code).toBe(807);
    expect(await (await fetch(`${sandbox.url}/sandbox/counters`)).json()).toMatchObject({ created: { consumer: 1 }, requests: { [OUTPUTS]: 2 } });
  });
});
