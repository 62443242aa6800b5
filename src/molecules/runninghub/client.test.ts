import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { json, type Reply, replyOf, ScriptedHub } from '../../../tests/support/runninghub-replies.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { HttpText } from '../../atoms/http/http.ts';
import { stringifyJson } from '../../atoms/json/json.ts';
import type { HubAccount } from '../../models/runninghub.ts';
import { RunningHub } from './client.ts';

const never = new AbortController().signal;
const key = '0123456789abcdef0123456789abcdef';
const task = '1994070439827980290';
const parts = { http: new HttpText(), stream: new HttpStream() };
const server = new ScriptedHub();
beforeAll(() => server.start());
afterAll(async () => {
  parts.http.close();
  parts.stream.close();
  await server.close();
});

const hubWith = (over: Partial<HubAccount> = {}): RunningHub => new RunningHub(parts, { baseUrl: server.url, apiKey: key, keyPlace: 'both', timeoutMs: 5_000, ...over });
const html: Reply = { status: 200, text: '<html>Sorry</html>' };
const asked = () => server.seen[0] ?? { method: '', path: '', query: new URLSearchParams(), headers: {}, body: '' };
const sent = (): Record<string, unknown> => JSON.parse(asked().body) as Record<string, unknown>;

describe('the key', () => {
  test.each([
    ['body', key, undefined],
    ['header', undefined, `Bearer ${key}`],
    ['both', key, `Bearer ${key}`],
  ] as const)('goes into the %s of a call of the first generation', async (keyPlace, body, header) => {
    server.says('status.running');
    await hubWith({ keyPlace }).status(task, never);
    expect([sent()['apiKey'], asked().headers.authorization]).toEqual([body, header]);
    server.says('app-call-demo.success');
    await hubWith({ keyPlace }).appInfo('1', never);
    expect([asked().query.get('apiKey') ?? undefined, asked().headers.authorization]).toEqual([body, header]);
  });

  it('goes into the header alone in a call of the second generation, wherever else it goes', async () => {
    server.says('v2-query.running');
    await hubWith({ keyPlace: 'body' }).query(task, never);
    expect([sent(), asked().headers.authorization]).toEqual([{ taskId: task }, `Bearer ${key}`]);
  });

  it('is spelt in lower case where the account is asked for', async () => {
    server.says('account-status.success');
    await hubWith({ keyPlace: 'body' }).accountStatus(never);
    expect([sent(), asked().path]).toEqual([{ apikey: key }, '/uc/openapi/accountStatus']);
  });

  it('that came with a line break is sent without, and that is told', async () => {
    server.says('status.running');
    const hub = hubWith({ apiKey: `${key}\n` });
    await hub.status(task, never);
    expect(sent()['apiKey']).toBe(key);
    expect(hub.facts).toMatchObject({ url: server.url, keyHadWhitespace: true, warnings: [expect.stringContaining('line breaks')] });
  });

  it('that is in order causes no warning; an odd one and an odd address do', () => {
    expect(hubWith().facts).toEqual({ url: server.url, keyHadWhitespace: false, warnings: [] });
    expect(hubWith({ apiKey: 'short', baseUrl: 'http://api.runninghub.ai', dialect: 'alt-v1' }).facts.warnings).toHaveLength(3);
  });

  it('never follows a redirect', async () => {
    const elsewhere = new ScriptedHub();
    await elsewhere.start();
    elsewhere.says('status.running');
    const moved = { status: 301, text: '', headers: { location: `${elsewhere.url}/task/openapi/status` } };
    server.says(moved);
    await expect(hubWith().status(task, never)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', retryable: false, detail: expect.stringContaining('set the base URL') as string });
    expect(await hubWith().runApp('1', { nodeInfoList: [] }, never)).toMatchObject({ kind: 'refused', again: undefined });
    expect(elsewhere.seen).toEqual([]);
    await elsewhere.close();
  });
});

describe('the state of a task', () => {
  const costs = { seconds: '27', coins: '6', money: undefined, thirdPartyMoney: undefined };
  const png = { url: 'https://result-host.example.invalid/fake-owner/output/ComfyUI__00001_fake_1764258439.png', text: undefined, fileType: 'png', nodeId: '9' };

  test.each([
    ['outputs.queued-813', 'queued', false],
    ['outputs.running-804', 'running', false],
    ['outputs.running-804-null-data', 'running', false],
    ['outputs.code-0-null-data', 'running', false],
    ['outputs.success', 'succeeded', false],
    ['outputs.success-empty-list', 'succeeded', false],
    ['outputs.failed-805', 'failed', false],
    ['outputs.failed-805-null-data', 'failed', false],
    ['outputs.not-found-807', 'unknown', true],
    ['cancel.not-found-423-variant', 'unknown', true],
  ])('by outputs: %s is %s', async (fixture, state, gone) => {
    server.says(fixture);
    expect(await hubWith().outputs(task, never)).toMatchObject({ state, gone });
    expect([asked().path, sent()['taskId']]).toEqual(['/task/openapi/outputs', task]);
  });

  test.each([
    ['status.queued', 'queued', false], ['status.running', 'running', false], ['status.success', 'succeeded', false], ['status.failed', 'failed', false],
    ['status.object-data-variant', 'running', false], ['status.not-found-807', 'unknown', true],
  ])('by status: %s is %s', async (fixture, state, gone) => {
    server.says(fixture);
    expect(await hubWith().status(task, never)).toMatchObject({ state, gone, outputs: [], failure: undefined });
  });

  test.each([
    ['v2-query.queued', 'queued', false], ['v2-query.running', 'running', false], ['v2-query.success', 'succeeded', false], ['v2-query.failed', 'failed', false],
    ['v2-query.cancelled-empty-status', 'unknown', false], ['v2-query.not-found-1004', 'unknown', true],
  ])('by query: %s is %s', async (fixture, state, gone) => {
    server.says(fixture);
    expect(await hubWith().query(task, never)).toMatchObject({ state, gone });
  });

  test.each([
    [{ status: 'CANCELED', taskId: task, errorCode: '' }, { state: 'cancelled' }],
    [{ status: 'CREATE', taskId: 1 }, { state: 'queued' }],
    [{ status: 'DREAMING', taskId: task, errorCode: null }, { state: 'unknown', gone: false }],
    [{ errorCode: '1007', errorMessage: 'params' }, { state: 'unknown', gone: true }],
    [{ errorCode: '804' }, { state: 'running' }],
    [{ status: 'FAILED', taskId: task, errorCode: '1504' }, { state: 'failed', failure: { code: 'TASK_TIMEOUT' } }],
    [{ status: 'FAILED', taskId: task, errorCode: '1501', errorMessage: 'no' }, { state: 'failed', failure: { code: 'VALIDATION_ERROR', reason: 'RunningHub says "no" (code 1501).' } }],
    [{ status: 'SUCCESS', taskId: task, results: null }, { state: 'succeeded', outputs: [] }],
  ])('by query, as %j', async (body, found) => {
    server.says(json(body));
    expect(await hubWith().query(task, never)).toMatchObject(found);
  });

  it('comes with its outputs and what it cost, once for the whole', async () => {
    server.says('outputs.success');
    expect(await hubWith().outputs(task, never)).toEqual({ state: 'succeeded', gone: false, outputs: [png], costs, failure: undefined });
    server.says('outputs.success-multi');
    const several = await hubWith().outputs(task, never);
    expect([several.outputs.map((one) => one.fileType), several.costs]).toEqual([['png', 'mp4', 'txt'], costs]);
    server.says('outputs.success-enterprise-money');
    expect((await hubWith().outputs(task, never)).costs).toEqual({ seconds: '27', coins: undefined, money: '0.083', thirdPartyMoney: '0.02' });
    server.says('outputs.success-numeric-cost-time');
    expect((await hubWith().outputs(task, never)).costs.seconds).toBe('78');
  });

  it('comes with texts and with the costs of the whole, by query', async () => {
    server.says('v2-query.success-text');
    expect(await hubWith().query(task, never)).toMatchObject({ outputs: [{ url: undefined, text: '一只橘猫坐在窗台上', fileType: 'txt', nodeId: '31' }], costs: { coins: '1', seconds: '3' } });
  });

  it('is read from entries of any dress', async () => {
    server.says(json({ code: '0', data: [{ fileUrl: 'https://x/a.WEBP?sign=1', nodeId: 9, extra: {} }, { fileUrl: 'file:///etc/passwd' }, { text: 'hello', fileType: 'TXT' }, {}] }));
    expect((await hubWith().outputs(task, never)).outputs).toEqual([
      { url: 'https://x/a.WEBP?sign=1', text: undefined, fileType: 'webp', nodeId: '9' },
      { url: undefined, text: 'hello', fileType: 'txt', nodeId: undefined },
    ]);
  });

  test.each([[['a', 1]], [[{ fileUrl: 'javascript:alert(1)' }]], [[null]]])('is not taken for a success without files when none can be read: %j', async (data) => {
    server.says(json({ code: 0, data }));
    await expect(hubWith().outputs(task, never)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
  });

  it('that failed comes with the node and the exception, in both generations', async () => {
    const failure = { code: 'WORKFLOW_EXECUTION_ERROR', reason: 'Node 3 (KSampler) raised torch.OutOfMemoryError: Allocation on device 显存不足', node_id: '3', class_type: 'KSampler', exception_type: 'torch.OutOfMemoryError', exception_message: 'Allocation on device 显存不足', traceback: ['  File "/app/execution.py", line 327, in execute\n'] };
    server.says('outputs.failed-805');
    expect((await hubWith().outputs(task, never)).failure).toEqual(failure);
    server.says('v2-query.failed');
    expect((await hubWith().query(task, never)).failure).toEqual(failure);
  });

  test.each([
    [null, { reason: 'The task failed, and RunningHub does not say why (code 805).' }],
    [{ failedReason: 'disk full' }, { reason: 'RunningHub says "disk full".', exception_message: 'disk full' }],
    [{ failedReason: '{"node_id": 7, "exception_message": "boom", "traceback": "one\\ntwo"}' }, { node_id: '7', reason: 'Node 7 raised an exception: boom', traceback: ['one', 'two'] }],
    [{ failedReason: { node_id: '1', exception_type: 'E', traceback: ['a', 5, {}] } }, { reason: 'Node 1 raised E.', traceback: ['a', '5'] }],
  ])('that failed tells as much as there is: %j', async (data, failure) => {
    server.says(json({ code: 805, msg: 'APIKEY_TASK_STATUS_ERROR', data }));
    expect(await hubWith().outputs(task, never)).toMatchObject({ state: 'failed', failure: { code: 'WORKFLOW_EXECUTION_ERROR', ...failure } });
  });

  it('is not that of a call that was refused, although the second generation tells both alike', async () => {
    for (const reply of [replyOf('v2-query.invalid-key-806'), json({ status: 'FAILED', taskId: null, errorCode: '806' }), json({ status: 'FAILED', taskId: task, errorCode: '1003' })]) {
      server.says(reply);
      await expect(hubWith().query(task, never)).rejects.toMatchObject({ name: 'GatewayError' });
    }
    server.says('v2-run.insufficient-812');
    await expect(hubWith().query(task, never)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', retryable: false });
  });
});

describe('cancelling', () => {
  test.each([['cancel.success', 'requested'], ['cancel.not-allowed-817', 'already_ended'], ['cancel.not-found-807', 'not_found'], ['cancel.not-found-423-variant', 'not_found']])('%s is %s', async (fixture, outcome) => {
    server.says(fixture);
    expect(await hubWith().cancel(task, never)).toBe(outcome);
    expect([asked().path, sent()['taskId']]).toEqual(['/task/openapi/cancel', task]);
  });

  it('throws for everything else', async () => {
    server.says('ai-app-run.error-500');
    await expect(hubWith().cancel(task, never)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
  });
});

describe('the account', () => {
  it('tells what is left', async () => {
    server.says('account-status.success');
    expect(await hubWith().accountStatus(never)).toEqual({ coins: '177814', money: undefined, currency: undefined, keyType: 'NORMAL', running: 0 });
    server.says('account-status.success-enterprise');
    expect(await hubWith().accountStatus(never)).toEqual({ coins: '0', money: '999', currency: 'CNY', keyType: 'SHARED', running: 3 });
  });

  it('tells how many tasks it may have', async () => {
    server.says('v2-queue-status.success');
    expect(await hubWith().queueStatus(never)).toEqual({ concurrentLimit: 1, running: 1, queued: 0, keyType: 'NORMAL' });
    expect([asked().method, asked().path]).toEqual(['GET', '/openapi/v2/queue/status']);
    server.says(json({ code: 0, data: { concurrentLimit: '50', runningCount: null, queuedCount: 'many' } }));
    expect(await hubWith().queueStatus(never)).toEqual({ concurrentLimit: 50, running: undefined, queued: undefined, keyType: undefined });
  });

  test.each(['account-status.bad-key-806', 'account-status.camel-case-field-1601'])('that refuses the key says so: %s', async (fixture) => {
    server.says(fixture);
    await expect(hubWith().accountStatus(never)).rejects.toMatchObject({ code: 'ENGINE_UNAUTHORIZED', retryable: false });
  });
});

describe('an app', () => {
  it('is told with its inputs and without its sample call', async () => {
    server.says('app-call-demo.success');
    const app = await hubWith().appInfo('1970434031953342465', never);
    expect([asked().method, asked().path, asked().query.get('webappId')]).toEqual(['GET', '/api/webapp/apiCallDemo', '1970434031953342465']);
    expect(app).toMatchObject({ name: '【c0029】基础LoRA配合提示词文生图', description: '基于 LoRA 应用 的 ComfyUI 工作流。', needs_password: false, statistics: { likeCount: '0' }, tags: [{ id: '1871151815242543197', name: '文生图', name_en: 'Text-to-Image' }], covers: [{ width: '1280', height: '720' }] });
    expect(app.inputs.map(({ node_id: node, class_type: name, field, type }) => [node, name, field, type])).toEqual([['4', 'CheckpointLoaderSimple', 'ckpt_name', 'CKPT'], ['11', 'LoraLoader', 'lora_name', 'LORA'], ['15', 'Text', 'text', 'STRING']]);
    expect(app.inputs[2]).toMatchObject({ value: 'upperbody shot, chibi, soft color', multiline: true, label: '正面prompt（英文）', label_en: 'Positive prompt (English)' });
    expect(JSON.stringify(app)).not.toMatch(/curl|FAKE_KEY/);
  });

  it('tells what each kind of input takes', async () => {
    server.says('app-call-demo.all-field-types');
    const { inputs } = await hubWith().appInfo('1', never);
    expect(inputs.map((input) => input.type)).toEqual(['IMAGE', 'LIST', 'AUDIO', 'VIDEO', 'INT', 'FLOAT', 'BOOLEAN', 'SWITCH']);
    expect(inputs.map((input) => input.upload)).toEqual(['image', undefined, 'audio', 'video', undefined, undefined, undefined, undefined]);
    expect(inputs[0]).not.toHaveProperty('options');
    expect(inputs[1]).toMatchObject({ options: [{ value: 'match_input_image', label: '跟随原图' }, { value: '1:1' }], default: 'match_input_image' });
    expect(inputs[4]).toMatchObject({ value: '20', default: 20, min: 1, max: 100 });
    expect(inputs[5]).toMatchObject({ step: 0.1 });
  });

  it('of another shape is told as far as it can be read', async () => {
    server.says(json({ code: 0, data: { webappName: 5, description: '<img src=x onerror=1>hi', url: `curl ${key}`, nodeInfoList: [null, { nodeId: 7, fieldName: 'a', fieldValue: 1 }, { nodeId: '8' }], covers: [{ url: 'javascript:1' }], tags: 'x', accessEncrypted: 'true' } }));
    expect(await hubWith().appInfo('1', never)).toEqual({ name: '5', description: 'hi', description_en: '', needs_password: true, statistics: {}, covers: [], tags: [], inputs: [{ node_id: '7', class_type: '', field: 'a', type: 'STRING', value: '1' }] });
  });

  it('that is not there is told as such', async () => {
    server.says('app-call-demo.not-found-901');
    await expect(hubWith().appInfo('1', never)).rejects.toMatchObject({ code: 'ENGINE_WORKFLOW_NOT_FOUND' });
  });
});

describe('the graph of a workflow', () => {
  it('comes in API format, every digit kept', async () => {
    server.says('get-json-api-format.success');
    expect(await hubWith().workflowFormat('1904136902449209346', never)).toMatchObject({ 3: { class_type: 'KSampler', inputs: { seed: 42, model: ['4', 0] } }, 9: { class_type: 'SaveImage' } });
    server.says(json({ code: 0, data: { prompt: '{"3":{"inputs":{"seed":18446744073709551615,"x":NaN}}}' } }));
    expect(stringifyJson(await hubWith().workflowFormat('1', never))).toBe('{"3":{"inputs":{"seed":18446744073709551615,"x":null}}}');
  });

  it('that is missing or no graph is told as such', async () => {
    server.says('get-json-api-format.not-exists-380');
    await expect(hubWith().workflowFormat('1', never)).rejects.toMatchObject({ code: 'ENGINE_WORKFLOW_NOT_FOUND', retryable: false });
    for (const data of [{ prompt: '[1' }, { prompt: null }, {}, null]) {
      server.says(json({ code: 0, data }));
      await expect(hubWith().workflowFormat('1', never)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    }
  });
});

describe('a refused call', () => {
  test.each([
    [json({ code: 806, msg: 'x' }), 'ENGINE_UNAUTHORIZED', false],
    [json({ code: '806' }), 'ENGINE_UNAUTHORIZED', false],
    [json({ code: 1003 }), 'RATE_LIMITED', true],
    [json({ code: 421, msg: 'APIKEY_INVALID' }), 'QUEUE_FULL', true],
    [json({ code: 301, msg: 'unauthorized apikey' }), 'VALIDATION_ERROR', false],
    [json({ code: 412, msg: 'TOKEN_INVALID' }), 'UPSTREAM_ERROR', false],
    [json({ code: 500 }), 'UPSTREAM_ERROR', true],
    [json({ code: 31_337 }), 'UPSTREAM_ERROR', true],
    [json({ code: 'SOME_NAME' }), 'UPSTREAM_ERROR', true],
    [json({ code: 806 }, 500), 'ENGINE_UNAUTHORIZED', false],
    [json({ code: 0, data: {} }, 502), 'UPSTREAM_ERROR', true],
    [{ status: 401, text: '' }, 'ENGINE_UNAUTHORIZED', false],
    [{ status: 403, text: '<html>' }, 'ENGINE_UNAUTHORIZED', false],
    [{ status: 429, text: '<html>slow down</html>' }, 'RATE_LIMITED', true],
    [{ status: 503, text: '' }, 'UPSTREAM_ERROR', true],
    [{ status: 404, text: 'nothing' }, 'UPSTREAM_ERROR', false],
    [{ status: 200, text: '' }, 'UPSTREAM_ERROR', true],
    [html, 'UPSTREAM_ERROR', true],
    [json([]), 'UPSTREAM_ERROR', true],
    [{ status: 200, text: '['.repeat(100_000) }, 'UPSTREAM_ERROR', true],
  ])('%j is %s, worth another try: %s', async (reply, code, retryable) => {
    server.says(reply);
    await expect(hubWith().outputs(task, never)).rejects.toMatchObject({ code, retryable });
    await expect(hubWith().accountStatus(never)).rejects.toMatchObject({ code, retryable });
  });

  it('tells the code, its name, what to do and what was said', async () => {
    server.says(json({ code: 416, msg: 'please\n  pay' }));
    await expect(hubWith().accountStatus(never)).rejects.toMatchObject({ detail: 'RunningHub answered POST /uc/openapi/accountStatus with code 416 (TASK_CREATE_FAILED_BY_NOT_ENOUGH_WALLET): The account has too few coins or too little money; top it up. It said "please pay".' });
  });

  it('that got no answer is a connection error, without the call that the library keeps', async () => {
    server.says('status.running');
    server.instead = 'cut';
    await expect(hubWith().status(task, never)).rejects.toMatchObject({ code: 'CONNECTION_ERROR', cause: { name: 'HttpFailure', kind: 'cut', cause: undefined } });
    await expect(hubWith({ baseUrl: 'http://127.0.0.1:1' }).status(task, never)).rejects.toMatchObject({ code: 'CONNECTION_ERROR', cause: { kind: 'refused' } });
    await expect(hubWith().status(task, AbortSignal.abort())).rejects.toMatchObject({ code: 'CONNECTION_ERROR', cause: { kind: 'aborted' } });
  });
});
