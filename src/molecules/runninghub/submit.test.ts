import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { json, type Reply, ScriptedHub } from '../../../tests/support/runninghub-replies.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { HttpText } from '../../atoms/http/http.ts';
import { parseJson } from '../../atoms/json/json.ts';
import type { HubRun } from '../../models/runninghub.ts';
import { RunningHub } from './client.ts';

const never = new AbortController().signal;
const task = '1994070439827980290';
const parts = { http: new HttpText(), stream: new HttpStream() };
const server = new ScriptedHub();
beforeAll(() => server.start());
afterAll(async () => {
  parts.http.close();
  parts.stream.close();
  await server.close();
});

const hub = (over: { timeoutMs?: number; baseUrl?: string } = {}): RunningHub => new RunningHub(parts, { baseUrl: server.url, apiKey: '0123456789abcdef0123456789abcdef', keyPlace: 'body', timeoutMs: 5_000, ...over });
const app = (run: Partial<HubRun> = {}) => hub().runApp('1970434031953342465', { nodeInfoList: [], ...run }, never);
const workflow = (run: Partial<HubRun> = {}) => hub().runWorkflow('1904136902449209346', { nodeInfoList: [], ...run }, never);
const sent = (): Record<string, unknown> => JSON.parse(server.seen[0]?.body ?? '{}') as Record<string, unknown>;

describe('a submit', () => {
  it('of an app says which, and every value as text', async () => {
    server.says('ai-app-run.queued');
    const seed = parseJson('18446744073709551615');
    await app({ nodeInfoList: [{ nodeId: '6', fieldName: 'text', fieldValue: '一只橘猫' }, { nodeId: '58', fieldName: 'width', fieldValue: 1024 }, { nodeId: '3', fieldName: 'seed', fieldValue: seed }, { nodeId: '3', fieldName: 'n', fieldValue: 2n ** 63n }, { nodeId: '4', fieldName: 'on', fieldValue: true }, { nodeId: '5', fieldName: 'list', fieldValue: [1, 'a'] }, { nodeId: '5', fieldName: 'none', fieldValue: null }] });
    expect(server.seen[0]?.path).toBe('/task/openapi/ai-app/run');
    expect(sent()).toMatchObject({ webappId: '1970434031953342465', apiKey: '0123456789abcdef0123456789abcdef' });
    expect(sent()['nodeInfoList']).toEqual([
      { nodeId: '6', fieldName: 'text', fieldValue: '一只橘猫' }, { nodeId: '58', fieldName: 'width', fieldValue: '1024' }, { nodeId: '3', fieldName: 'seed', fieldValue: '18446744073709551615' },
      { nodeId: '3', fieldName: 'n', fieldValue: '9223372036854775808' }, { nodeId: '4', fieldName: 'on', fieldValue: 'true' }, { nodeId: '5', fieldName: 'list', fieldValue: '[1,"a"]' }, { nodeId: '5', fieldName: 'none', fieldValue: '' },
    ]);
  });

  it('of a workflow sends every option that is given, and none that is not', async () => {
    server.says('create-workflow.full-options');
    const options = { addMetadata: false, webhookUrl: 'https://hooks.example.invalid/rh', instanceType: 'plus', usePersonalQueue: true, retainSeconds: 60, accessPassword: 'open' };
    expect(await workflow({ ...options, workflow: { 3: { class_type: 'KSampler', inputs: { seed: parseJson('18446744073709551615') } } } })).toMatchObject({ kind: 'accepted', state: 'queued' });
    expect(sent()).toMatchObject({ workflowId: '1904136902449209346', ...options, workflow: '{"3":{"class_type":"KSampler","inputs":{"seed":18446744073709551615}}}' });
    server.says('create-workflow.queued');
    await workflow();
    expect(Object.keys(sent()).toSorted()).toEqual(['apiKey', 'nodeInfoList', 'workflowId']);
  });

  test.each([
    ['ai-app-run.success', 'running'], ['ai-app-run.queued', 'queued'], ['ai-app-run.numeric-webapp-id-raw', 'queued'], ['create-workflow.running', 'running'], ['create-workflow.queued', 'queued'],
    ['create-workflow.full-options', 'queued'], ['create-workflow.numeric-ids-raw', 'queued'], ['v2-run-ai-app.success', 'running'], ['v2-run-workflow.success', 'queued'],
  ])('that was taken gives the id with every digit: %s', async (fixture, state) => {
    server.says(fixture);
    expect(await app()).toEqual({ kind: 'accepted', taskId: task, state, faults: [] });
  });

  it('that was taken although nodes are wrong tells which', async () => {
    server.says('ai-app-run.node-errors');
    expect(await app()).toEqual({ kind: 'accepted', taskId: task, state: 'failed', faults: [{ node_id: '11', class_type: 'LoraLoader', input: 'lora_name', type: 'value_not_in_list', reason: "Value not in list: lora_name: '不存在.safetensors' not in list" }] });
  });

  test.each([
    [null, []], ['', []], ['not JSON', []], ['{"node_errors": [], "error": null}', []],
    ['{"error": {"type": "prompt_no_outputs", "message": "No outputs.", "details": "x"}, "node_errors": {}}', [{ type: 'prompt_no_outputs', reason: 'No outputs: x' }]],
    ['{"error": "bad"}', [{ type: 'unknown', reason: 'bad' }]],
    ['{"node_errors": {"5": {"max": NaN}}}', [{ node_id: '5', type: 'unknown', reason: 'RunningHub found the node wrong.' }]],
  ])('that was taken is so whatever its tips are: %j', async (promptTips, faults) => {
    server.says(json({ code: 0, data: { taskId: 7, promptTips } }));
    expect(await app()).toEqual({ kind: 'accepted', taskId: '7', state: 'unknown', faults });
  });
});

describe('a submit that was refused', () => {
  test.each([
    ['ai-app-run.error-421', 'QUEUE_FULL', 5_000], ['ai-app-run.error-415', 'QUEUE_FULL', 30_000], ['ai-app-run.error-814', 'QUEUE_FULL', 30_000], ['v2-run.queue-maxed-421', 'QUEUE_FULL', 5_000],
  ])('for now may be repeated: %s', async (fixture, code, afterMs) => {
    server.says(fixture);
    expect(await app()).toMatchObject({ kind: 'refused', error: { code, retryable: true, retryAfter: afterMs / 1_000 }, again: { afterMs } });
  });

  test.each([[json({ code: 1003 }), 30_000], [json({ code: 1520 }), 5_000], [json({ errorCode: '1520' }), 5_000], [{ status: 429, text: '' }, 60_000], [json({ code: 421 }, 503), 5_000]])('for now may be repeated: %j', async (reply, afterMs) => {
    server.says(reply);
    expect(await app()).toMatchObject({ kind: 'refused', error: { retryable: true }, again: { afterMs } });
  });

  test.each([
    ['ai-app-run.error-301', 'VALIDATION_ERROR'], ['ai-app-run.error-412', 'UPSTREAM_ERROR'], ['ai-app-run.error-416', 'UPSTREAM_ERROR'], ['ai-app-run.error-435', 'VALIDATION_ERROR'], ['ai-app-run.error-436', 'ENGINE_UNAUTHORIZED'],
    ['ai-app-run.error-801', 'ENGINE_UNAUTHORIZED'], ['ai-app-run.error-802', 'ENGINE_UNAUTHORIZED'], ['ai-app-run.error-806', 'ENGINE_UNAUTHORIZED'], ['ai-app-run.error-811', 'ENGINE_UNAUTHORIZED'], ['ai-app-run.error-812', 'UPSTREAM_ERROR'],
    ['ai-app-run.error-901', 'ENGINE_WORKFLOW_NOT_FOUND'], ['create-workflow.not-exists-380', 'ENGINE_WORKFLOW_NOT_FOUND'], ['create-workflow.not-saved-810', 'ENGINE_WORKFLOW_NOT_FOUND'], ['create-workflow.validate-failed-433', 'WORKFLOW_VALIDATION_ERROR'],
    ['create-workflow.node-invalid-803-legacy-msg', 'VALIDATION_ERROR'], ['v2-run.insufficient-812', 'UPSTREAM_ERROR'], ['upload-v2.bad-key-401', 'ENGINE_UNAUTHORIZED'], ['upload-legacy.bad-key-401', 'ENGINE_UNAUTHORIZED'],
  ])('for good is not to be repeated: %s', async (fixture, code) => {
    server.says(fixture);
    expect(await app()).toMatchObject({ kind: 'refused', error: { code, retryable: false }, again: undefined });
    expect(await workflow()).toMatchObject({ kind: 'refused', error: { code, retryable: false }, again: undefined });
  });

  test.each([json({ code: 31_337 }), json({ code: 'NO_SUCH_THING' })])('with a code that no document has may have been begun: %j', async (reply) => {
    server.says(reply);
    expect(await app()).toMatchObject({ kind: 'unknown', error: { retryable: false }, taskId: undefined });
  });

  test.each([{ status: 404, text: 'x' }, { status: 401, text: '<html>' }, { status: 302, text: '' }])('for reasons that nobody knows is not to be repeated: %j', async (reply) => {
    server.says(reply);
    expect(await app()).toMatchObject({ kind: 'refused', error: { retryable: false }, again: undefined });
  });

  it('for an entry that does not fit tells which', async () => {
    server.says('create-workflow.node-mismatch-803');
    expect(await workflow()).toMatchObject({ kind: 'refused', error: { faults: [{ node_id: '999', input: 'text', type: 'node_not_found_in_workflow', reason: 'The workflow has no node with this id.' }] } });
  });

  it('because nobody listens may be repeated', async () => {
    expect(await hub({ baseUrl: 'http://127.0.0.1:1' }).runApp('1', { nodeInfoList: [] }, never)).toMatchObject({ kind: 'refused', error: { code: 'CONNECTION_ERROR' }, again: { afterMs: 5_000 } });
  });

  it('because the caller gave up before was never sent', async () => {
    server.says('ai-app-run.success');
    expect(await hub().runApp('1', { nodeInfoList: [] }, AbortSignal.abort())).toMatchObject({ kind: 'refused', error: { code: 'CONNECTION_ERROR' } });
    expect(server.seen).toEqual([]);
  });
});

describe('a submit of which nobody knows what came of it', () => {
  const bodies: Reply[] = [
    { status: 200, text: '' }, { status: 200, text: '<html></html>' }, { status: 500, text: '' }, { status: 503, text: 'x' }, json({ code: 0 }), json({ code: 0, data: {} }), json({ code: 500 }), json({ code: 1010 }), json({ code: 805 }), json({ code: 804 }), json({}), json(null), json({ code: 0, data: { taskId: null } }, 500),
  ];
  test.each(bodies)('is never to be repeated: %j', async (reply) => {
    server.says(reply);
    expect(await app()).toMatchObject({ kind: 'unknown', error: { retryable: false }, taskId: undefined, late: false });
  });

  it('keeps the id of the task that came along', async () => {
    server.says(json({ code: 433, data: { taskId: task } }));
    expect(await app()).toMatchObject({ kind: 'unknown', taskId: task, error: { code: 'WORKFLOW_VALIDATION_ERROR' } });
    server.says(json({ code: 0, data: { taskId: task } }, 502));
    expect(await app()).toMatchObject({ kind: 'unknown', taskId: task });
  });

  test.each([['ai-app-run.html-gateway-502', false], ['ai-app-run.error-500', false]])('is that of %s', async (fixture, late) => {
    server.says(fixture);
    expect(await app()).toMatchObject({ kind: 'unknown', error: { code: 'UPSTREAM_ERROR', retryable: false }, late });
  });

  it('is told to be late when the time passed, there or on the way', async () => {
    server.says({ status: 504, text: '' });
    expect(await app()).toMatchObject({ kind: 'unknown', late: true });
    server.instead = 'silence';
    expect(await hub({ timeoutMs: 150 }).runApp('1', { nodeInfoList: [] }, never)).toMatchObject({ kind: 'unknown', error: { code: 'CONNECTION_ERROR', retryable: false }, late: true });
  });

  it('is that of a broken connection', async () => {
    server.says('ai-app-run.success');
    server.instead = 'cut';
    expect(await app()).toMatchObject({ kind: 'unknown', error: { code: 'CONNECTION_ERROR', retryable: false }, taskId: undefined, late: false });
    expect(server.seen).toHaveLength(1);
  });
});
