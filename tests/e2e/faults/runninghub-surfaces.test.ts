/** The paths of the two older RunningHub services, against the sandbox of RunningHub. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { SANDBOX_KEYS } from '../../../sandbox/runninghub/server.ts';
import { HubAppAnswer, HubGenerated, HubRecord, HubSubmitted, HubTaskState, HubUploaded } from '../../../src/models/runninghub-surfaces.ts';
import { download } from '../../support/files-client.ts';
import { ok, problem } from '../../support/gateway-client.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { containing } from '../../support/matchers.ts';
import { png } from '../../support/picture.ts';
import { poseWorkflow, startTestHub, type TestHub } from '../../support/runninghub-engine.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { until } from '../../support/until.ts';

const nobody = 'http://127.0.0.1:1';
const pose = '1970434031953342471';
const everything = '1970434031953342465';
const keys = { ann: 'ann-secret-key', bob: 'bob-secret-key' };
const query = 'POST /openapi/v2/query';
let hub: TestHub;
let gateway: TestGateway;
let person: string;
const picture = await png();

const started = (env: Readonly<Record<string, string>>): Promise<TestGateway> => startTestGateway({ instances: [nobody], healthy: 0, env: { API_KEYS: `ann:${keys.ann},bob:${keys.bob}`, POLL_INTERVAL_SECONDS: '0.05', RUNNINGHUB_HOST: hub.hub.url, ...env } });

async function uploaded(path: string, fields: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', new Blob([new Uint8Array(picture)]), 'person.png');
  const response = await fetch(gateway.url + path, { method: 'POST', body: form, headers: { authorization: `Bearer ${keys.ann}` } });
  expect(response.status).toBe(200);
  return response.json();
}

const nodes = (): object[] => [{ nodeId: '12', fieldName: 'image', fieldValue: person, description: 'source' }, { nodeId: 13, fieldName: 'image', fieldType: 'IMAGE', fieldValue: person }];
const generate = async (body: unknown): Promise<HubGenerated> => HubGenerated.parse(ok(await gateway.post('/v1/generate', body, keys.ann)));
const refused = async (path: string, body: unknown, key = keys.ann) => problem(await gateway.post(path, body, key));
const inside = <T extends z.ZodType>(schema: T, answer: unknown): z.output<T> => schema.parse(z.object({ code: z.literal(0), msg: z.literal('success'), data: z.unknown() }).parse(answer).data);
const submit = async (body: unknown): Promise<HubSubmitted> => inside(HubSubmitted, ok(await gateway.post('/submit_task', body, keys.ann)));
const record = async (id: string): Promise<HubRecord> => inside(HubRecord, ok(await gateway.call('GET', `/tasks/${id}`, { key: keys.ann })));
const asked = async (taskId: string): Promise<HubRecord> => inside(HubRecord, ok(await gateway.post('/task/query_task_status', { taskId }, keys.ann)));

beforeAll(async () => {
  hub = await startTestHub();
  gateway = await started({ RUNNINGHUB_API_KEY: SANDBOX_KEYS.shared, MAX_POLL_SECONDS: '8' });
  person = HubUploaded.parse(await uploaded('/v1/upload', { file_type: 'image' })).fileName;
});
afterEach(() => hub.hub.knobs.set({ hold: null, outcome: 'picture', next: {}, emptyWallets: [] }));
afterAll(async () => {
  await gateway.close();
  await hub[Symbol.asyncDispose]();
});

describe('POST /v1/generate', () => {
  test('runs an app on uploaded files to its end and answers with URLs that can be fetched', async () => {
    const before = hub.created();
    const done = await generate({ webappId: pose, nodeInfoList: nodes() });
    expect(done).toMatchObject({ status: 'SUCCESS', error: null, task_id: expect.stringMatching(/^\d{19}$/) as unknown });
    expect(hub.created()).toBe(before + 1);
    const response = await fetch(done.outputs[0] ?? '', { headers: { authorization: `Bearer ${keys.ann}` } });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png']);
    expect(ok(await gateway.call('GET', `/v1/tasks/${done.task_id}/outputs`, { key: keys.ann }))).toEqual(done.outputs);
    for (const id of [done.task_id, done.gateway_task_id]) expect(HubTaskState.parse(ok(await gateway.call('GET', `/v1/tasks/${id}`, { key: keys.ann })))).toMatchObject({ status: 'SUCCESS', task_id: done.task_id });
  });

  test('takes what came out of one run as what goes into the next', async () => {
    const { outputs: [url] } = await generate({ webappId: pose, nodeInfoList: nodes() });
    const uploads = hub.hub.counters.snapshot.requests['POST /task/openapi/upload'] ?? 0;
    expect(await generate({ webappId: pose, nodeInfoList: [{ nodeId: '12', fieldName: 'image', fieldValue: url }, { nodeId: '13', fieldName: 'image', fieldValue: person }] })).toMatchObject({ status: 'SUCCESS' });
    expect(hub.hub.counters.snapshot.requests['POST /task/openapi/upload']).toBe(uploads + 1);
  });

  test('takes ids as numbers with all their digits, and a workflow in place of an app', async () => {
    expect(await generate(`{"webappId": ${pose}, "nodeInfoList": ${JSON.stringify(nodes())}}`)).toMatchObject({ status: 'SUCCESS' });
    expect(await generate({ workflowId: poseWorkflow, nodeInfoList: nodes() })).toMatchObject({ status: 'SUCCESS' });
  });

  test('answers FAILED with the reason where the run fails', async () => {
    hub.hub.knobs.set({ outcome: 'failed' });
    expect(await generate({ webappId: pose, nodeInfoList: nodes() })).toMatchObject({ status: 'FAILED', outputs: [], error: { code: 'WORKFLOW_EXECUTION_ERROR' } });
  });

  test('goes on when its caller hangs up', async () => {
    hub.hub.knobs.set({ hold: 'RUNNING' });
    const before = hub.created();
    const hanging = new AbortController();
    const call = fetch(`${gateway.url}/v1/generate`, { method: 'POST', body: JSON.stringify({ webappId: pose, nodeInfoList: nodes() }), headers: { 'content-type': 'application/json', authorization: `Bearer ${keys.ann}` }, signal: hanging.signal });
    await until('it is there', () => hub.created() > before);
    hanging.abort();
    await expect(call).rejects.toThrow();
    hub.hub.knobs.set({ hold: null });
    const ann = new TasksClient(gateway, keys.ann);
    const newest = z.object({ tasks: z.array(z.object({ task_id: z.string(), task_type: z.string() })) }).parse(ok(await gateway.call('GET', '/api/v1/tasks?limit=1', { key: keys.ann }))).tasks[0];
    expect(newest?.task_type).toBe('RUNNINGHUB');
    expect(await ann.ended(newest?.task_id ?? '')).toMatchObject({ status: 'completed' });
  });

  test('is refused with what RunningHub says of it: an unknown app or workflow, an input that there is not, a list that is none', async () => {
    const before = hub.created();
    expect(await refused('/v1/generate', { webappId: '1970434031953349999' })).toMatchObject({ status: 422, code: 'ENGINE_WORKFLOW_NOT_FOUND' });
    expect(await refused('/v1/generate', { workflowId: '1970434031953349999' })).toMatchObject({ status: 422, code: 'ENGINE_WORKFLOW_NOT_FOUND' });
    expect(await refused('/v1/generate', { webappId: pose, nodeInfoList: [{ nodeId: '99', fieldName: 'image', fieldValue: 'x' }] })).toMatchObject({ status: 422, code: 'VALIDATION_ERROR' });
    expect(await refused('/v1/generate', { webappId: pose, nodeInfoList: [{ nodeId: '12', fieldName: 'image', fieldType: 'IMAGE', fieldValue: 'http://10.0.0.1/a.png' }] })).toMatchObject({ status: 422, code: 'VALIDATION_ERROR', detail: containing('nodeInfoList.0') });
    expect(await refused('/v1/generate', { webappId: pose, workflowId: poseWorkflow })).toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(await refused('/v1/generate', { nodeInfoList: [] })).toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(hub.created()).toBe(before);
  });
});

test('what waits longer than callers do answers TIMEOUT and goes on', async () => {
  await using impatient = await started({ RUNNINGHUB_API_KEY: SANDBOX_KEYS.shared, MAX_POLL_SECONDS: '1' });
  hub.hub.knobs.set({ hold: 'RUNNING' });
  const late = HubGenerated.parse(ok(await impatient.post('/v1/generate', { webappId: everything }, keys.ann)));
  expect(late).toMatchObject({ status: 'TIMEOUT', outputs: [], task_id: expect.stringMatching(/^\d+$/) as unknown });
  const state = async () => HubTaskState.parse(ok(await impatient.call('GET', `/v1/tasks/${late.task_id}`, { key: keys.ann })));
  expect(await state()).toMatchObject({ status: 'RUNNING' });
  hub.hub.knobs.set({ hold: null });
  await until('it has ended', async () => (await state()).status === 'SUCCESS');
});

describe('the proxy with records', () => {
  test('tells what an app takes, typed, in plain text, and without a key', async () => {
    const answer = await gateway.post('/get_node_info', { webappId: everything, apiKey: 'a-key-of-the-caller' }, keys.ann);
    const app = inside(HubAppAnswer, ok(answer));
    expect(app).toMatchObject({ webappId: everything, cover: expect.stringMatching(/^http/) as unknown, description: expect.not.stringMatching(/[<>]/) as unknown });
    expect(app.nodeInfoList).toContainEqual(expect.objectContaining({ nodeId: '37', fieldName: 'aspect_ratio', fieldType: 'LIST', fieldValue: 'match_input_image', options: expect.arrayContaining([{ value: '1:1' }]) as unknown }));
    expect(app.nodeInfoList).toContainEqual(expect.objectContaining({ nodeId: '39', upload: 'image' }));
    for (const secret of [SANDBOX_KEYS.shared, 'a-key-of-the-caller', 'curl', '<script']) expect(answer.text).not.toContain(secret);
    expect(await refused('/get_node_info', { webappId: '1970434031953349999' })).toMatchObject({ code: 'ENGINE_WORKFLOW_NOT_FOUND' });
  });

  test('takes files and tasks, and keeps a record of each', async () => {
    const { fileName, fileType } = inside(HubUploaded, await uploaded('/upload'));
    expect([fileName, fileType]).toEqual([person, 'input']);
    const { taskId, taskStatus, gateway_task_id: ours } = await submit({ webappId: pose, apiKey: 'a-key-of-the-caller', nodeInfoList: nodes() });
    expect([taskId, ['RUNNING', 'SUCCESS'].includes(taskStatus)]).toEqual([expect.stringMatching(/^\d{19}$/), true]);
    await until('it has ended', async () => (await asked(taskId)).status === 'SUCCESS');
    const kept = await record(taskId);
    expect(kept).toMatchObject({ id: taskId, result_data: [{ fileUrl: expect.stringMatching(/^http/) as unknown, fileType: 'png' }], node_info: [{ nodeId: '12', fieldName: 'image', fieldValue: person }, { nodeId: '13', fieldName: 'image', fieldValue: person }] });
    expect(kept.updated_at).toBeGreaterThan(kept.created_at);
    expect(await record(ours)).toEqual(kept);
    const url = Array.isArray(kept.result_data) ? new URL(kept.result_data[0]?.fileUrl ?? '') : undefined;
    expect((await download(gateway, `${url?.pathname}${url?.search}`, { key: keys.ann })).status).toBe(200);
  });

  test('keeps why a task failed', async () => {
    hub.hub.knobs.set({ outcome: 'failed' });
    const { taskId } = await submit({ webappId: pose, nodeInfoList: nodes() });
    await until('it has ended', async () => (await asked(taskId)).status === 'FAILED');
    expect((await record(taskId)).result_data).toMatchObject({ code: 'WORKFLOW_EXECUTION_ERROR' });
  });
});

describe('what callers say beside', () => {
  const run = { webappId: everything, nodeInfoList: [] };
  let calls = 0;
  const key = () => ({ 'idempotency-key': `k${(calls += 1)}` });

  test('an Idempotency-Key makes the same call again safe, on either path', async () => {
    for (const path of ['/v1/generate', '/submit_task']) {
      const [headers, before] = [key(), hub.created()];
      const call = () => gateway.call('POST', path, { body: run, key: keys.ann, headers });
      const ids = z.looseObject({ gateway_task_id: z.string() });
      const idIn = (body: unknown): string => (path === '/v1/generate' ? ids.parse(body) : inside(ids, body)).gateway_task_id;
      expect(idIn(ok(await call()))).toBe(idIn(ok(await call())));
      expect(hub.created()).toBe(before + 1);
    }
  });

  test('an Idempotency-Key counts for what the caller said, whatever RunningHub says of it now', async () => {
    const [headers, before] = [key(), hub.created()];
    const body = { webappId: pose, nodeInfoList: [{ nodeId: '12', fieldName: 'image', fieldValue: 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAAAAAAALAAAAAABAAEAAAIBRAA7' }, ...nodes().slice(1)] };
    const first = HubGenerated.parse(ok(await gateway.call('POST', '/v1/generate', { body, key: keys.ann, headers })));
    hub.hub.knobs.set({ next: { 'GET /api/webapp/apiCallDemo': [{ fault: 'html', times: 5 }] } });
    expect(ok(await gateway.call('POST', '/v1/generate', { body, key: keys.ann, headers }))).toMatchObject({ gateway_task_id: first.gateway_task_id });
    expect(problem(await gateway.call('POST', '/v1/generate', { body: { ...body, nodeInfoList: [] }, key: keys.ann, headers }))).toMatchObject({ status: 422, detail: containing('Idempotency-Key') });
    expect(hub.created()).toBe(before + 1);
  });

  test('a password of an app, and a kind of machine, go there; null counts as left out', async () => {
    expect(await refused('/submit_task', { webappId: '1970434031953342477', nodeInfoList: null })).toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(await generate({ webappId: '1970434031953342477', workflowId: null, nodeInfoList: null, accessPassword: 'sandbox' })).toMatchObject({ status: 'SUCCESS' });
    expect(await refused('/v1/generate', { ...run, instanceType: 'giga' })).toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  test('a URL that an upload answered with is that file, also where nobody says that a file is wanted', async () => {
    const { url } = HubUploaded.parse(await uploaded('/v1/upload'));
    const node = (nodeId: string): object => ({ nodeId, fieldName: 'image', fieldValue: url });
    expect(await generate({ workflowId: poseWorkflow, nodeInfoList: [node('12'), node('13')] })).toMatchObject({ status: 'SUCCESS' });
  });

  test.each([['', 'is empty'], [`${'0'.repeat(32)}.png`, 'you have no upload of this name']])('a file that is "%s" is refused before anything is billed', async (fieldValue, words) => {
    const before = hub.created();
    const problem = await refused('/v1/generate', { webappId: pose, nodeInfoList: [{ nodeId: '12', fieldName: 'image', fieldValue }] });
    expect(problem).toMatchObject({ status: 422, code: 'VALIDATION_ERROR', errors: [{ input: 'nodeInfoList.0', reason: containing(words) }] });
    expect(hub.created()).toBe(before);
  });

  test('a file that RunningHub does not take is told at the upload', async () => {
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(picture), new Uint8Array(31 * 1024 * 1024)]), 'large.png');
    const response = await fetch(`${gateway.url}/v1/upload`, { method: 'POST', body: form, headers: { authorization: `Bearer ${keys.ann}` } });
    expect([response.status, await response.text()]).toEqual([413, containing('RunningHub')]);
  });
});

describe('a run that cannot go well', () => {
  test('whose values RunningHub finds wrong is told with what it found', async () => {
    const done = await generate({ webappId: pose, nodeInfoList: [{ nodeId: '12', fieldName: 'image', fieldValue: 'nosuch.png' }] });
    expect(done).toMatchObject({ status: 'FAILED', error: { reason: containing('Invalid file: nosuch.png') }, warnings: [containing('nosuch.png')] });
  });

  test('whose beginning nobody knows names its task, and is not told to be repeated', async () => {
    hub.hub.knobs.set({ next: { 'POST /task/openapi/ai-app/run': [{ fault: 'cut', after: true }] } });
    const problem = await refused('/submit_task', { webappId: everything });
    expect(problem).toMatchObject({ code: 'ENGINE_OUTCOME_UNKNOWN', retryable: false, msg: problem.detail });
    expect(ok(await gateway.call('GET', `/api/v1/tasks/${problem.task_id}`, { key: keys.ann }))).toMatchObject({ status: 'failed' });
  });

  test('for want of money is not told to be repeated', async () => {
    hub.hub.knobs.set({ emptyWallets: ['shared'] });
    expect(await refused('/v1/generate', { webappId: everything })).toMatchObject({ code: 'UPSTREAM_ERROR', retryable: false });
  });

  test('whose result is refused at first is fetched again', async () => {
    hub.hub.knobs.set({ next: { 'GET /output': [{ body: 'no', status: 404 }, { body: '', status: 200 }] } });
    const before = hub.created();
    expect(await generate({ webappId: everything })).toMatchObject({ status: 'SUCCESS' });
    expect(hub.created()).toBe(before + 1);
  });
});

test('a caller who waits is told where its task is when the gateway ends', async () => {
  const ending = await started({ RUNNINGHUB_API_KEY: SANDBOX_KEYS.shared, MAX_POLL_SECONDS: '60' });
  hub.hub.knobs.set({ hold: 'RUNNING' });
  const before = hub.created();
  const call = ending.post('/v1/generate', { webappId: everything }, keys.ann);
  await until('it is there', () => hub.created() > before);
  await ending.close();
  expect(HubGenerated.parse(ok(await call))).toMatchObject({ status: 'TIMEOUT' });
});

test.each(['/v1/generate', '/submit_task'])('%s answers in time where RunningHub does not say what an app takes, and the task goes on', async (path) => {
  await using impatient = await started({ RUNNINGHUB_API_KEY: SANDBOX_KEYS.shared, MAX_POLL_SECONDS: '1', REQUEST_TIMEOUT_SECONDS: '3600' });
  hub.hub.knobs.set({ next: { 'GET /api/webapp/apiCallDemo': [{ fault: 'hang' }] } });
  const { body } = await impatient.post(path, { webappId: everything }, keys.ann);
  expect(JSON.stringify(body)).toContain('gateway_task_id');
});

describe('whose it is', () => {
  test('decides: to others a task is not there, by either id, and their files go nowhere', async () => {
    const { taskId, gateway_task_id: ours } = await submit({ webappId: pose, nodeInfoList: nodes() });
    for (const id of [taskId, ours, '1999999999999999999']) {
      for (const path of [`/v1/tasks/${id}`, `/v1/tasks/${id}/outputs`, `/tasks/${id}`]) expect(problem(await gateway.call('GET', path, { key: keys.bob }))).toMatchObject({ status: 404, code: 'TASK_NOT_FOUND', detail: containing(`"${id}"`) });
      expect(await refused('/task/query_task_status', { taskId: id }, keys.bob)).toMatchObject({ status: 404, code: 'TASK_NOT_FOUND' });
    }
    const uploads = hub.hub.counters.snapshot.requests['POST /task/openapi/upload'];
    await gateway.post('/submit_task', { webappId: pose, nodeInfoList: nodes() }, keys.bob);
    expect(hub.hub.counters.snapshot.requests['POST /task/openapi/upload']).toBe(uploads);
    expect(problem(await gateway.call('GET', `/tasks/${taskId}`))).toMatchObject({ status: 401 });
  });
});

describe('the engine runninghub', () => {
  test('is not there without a key', async () => {
    await using without = await started({});
    for (const path of ['/v1/generate', '/submit_task', '/get_node_info']) expect(problem(await without.post(path, { webappId: pose }, keys.ann))).toMatchObject({ status: 422, code: 'ENGINE_NOT_REGISTERED', detail: containing('RUNNINGHUB_API_KEY') });
  });

  test('whose key is refused says so at once, and makes no task', async () => {
    await using wrong = await started({ RUNNINGHUB_API_KEY: '0123456789abcdef0123456789abcdef' });
    for (const path of ['/v1/generate', '/submit_task', '/get_node_info']) expect(problem(await wrong.post(path, { webappId: pose }, keys.ann))).toMatchObject({ status: 502, code: 'ENGINE_UNAUTHORIZED' });
    expect(ok(await wrong.call('GET', '/api/v1/tasks', { key: keys.ann }))).toMatchObject({ tasks: [] });
  });

  test('is for these paths alone', async () => {
    expect(ok(await gateway.call('GET', '/api/v1/engines', { key: keys.ann }))).toMatchObject({ engines: [{ name: 'comfyui' }, { name: 'runninghub', type: 'runninghub', healthy: true }] });
    expect(await refused('/api/v1/tasks', { template: 'resize', inputs: {}, engine: 'runninghub' })).toMatchObject({ status: 422, code: 'VALIDATION_ERROR' });
  });

  test('asks again where a look at a task fails', async () => {
    hub.hub.knobs.set({ next: { [query]: [{ fault: 'cut' }, { code: 1011 }] } });
    expect(await generate({ webappId: pose, nodeInfoList: nodes() })).toMatchObject({ status: 'SUCCESS' });
  });
});
