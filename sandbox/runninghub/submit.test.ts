import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SANDBOX_KEYS } from './accounts.ts';
import { TestClient } from './test-client.ts';
import { startRunningHubSandbox, type RunningRunningHub } from './server.ts';

let sandbox: RunningRunningHub;
let client: TestClient;

beforeEach(async () => {
  sandbox = await startRunningHubSandbox({ knobs: { hold: 'QUEUED', limits: { consumer: 100 } } });
  client = new TestClient(sandbox.url);
});

afterEach(() => sandbox.close());

const Described = z.object({ data: z.object({ curl: z.string(), nodeInfoList: z.array(z.object({ fieldType: z.string() })) }) });

const Tips = z.object({ node_errors: z.record(z.string(), z.unknown()) });

const set = (nodeId: string, fieldName: string, fieldValue: unknown): unknown => ({ nodeId, fieldName, fieldValue });
const refusal = async (...nodeInfoList: unknown[]): Promise<unknown> => (await client.run({ nodeInfoList })).msg;
const tips = async (...nodeInfoList: unknown[]): Promise<unknown> => JSON.parse((await client.create({ nodeInfoList })).promptTips ?? '');

describe('a submit', () => {
  it('may set every input an app lists, and nothing else', async () => {
    expect(await refusal(set('6', 'text', 'x'), set('58', 'width', 512), set('37', 'aspect_ratio', '16:9'), set('71', 'select', '2'))).toBe('success');
    expect(await refusal(set('999', 'text', 'x'))).toBe('NODE_INFO_MISMATCH(nodeId=999, fieldName=text, reason=node_not_found_in_workflow)');
    expect(await refusal(set('6', 'clip', 'x'))).toBe('NODE_INFO_MISMATCH(nodeId=6, fieldName=clip, reason=field_not_found_in_node_inputs)');
    // The last element of fieldData is the default, not an option.
    expect(await refusal(set('37', 'aspect_ratio', 'default'))).toBe('NODE_INFO_MISMATCH(nodeId=37, fieldName=aspect_ratio, reason=value_not_in_list)');
  });

  it('has node errors, and a failed task, for names of files and models that nobody knows', async () => {
    const bytes = Buffer.from('picture');
    expect(await tips(set('39', 'image', 'api/gone.png'), set('11', 'lora_name', 'nowhere'))).toMatchObject({
      node_errors: { 39: { class_type: 'LoadImage' }, 11: { errors: [{ type: 'value_not_in_list' }] } },
    });
    expect(await client.upload('/task/openapi/upload', { name: 'a.png', bytes })).toMatchObject({ data: { fileType: 'input' } });
    const { data } = (await client.upload('/task/openapi/upload', { name: 'b.png', bytes })) as { data: { fileName: string } };
    expect(data.fileName).toMatch(/^api\/[0-9a-f]{64}\.png$/);
    expect(await tips(set('39', 'image', data.fileName), set('11', 'lora_name', 'sandbox-lora.safetensors'))).toMatchObject({ node_errors: {} });
    sandbox.deeds.expireUploads();
    expect(await tips(set('39', 'image', data.fileName))).toMatchObject({ node_errors: { 39: {} } });
    sandbox.knobs.set({ checkFiles: false });
    expect(await tips(set('39', 'image', data.fileName))).toMatchObject({ node_errors: {} });
  });

  it('has no node errors but its own, and says the first as the reason of its failure', async () => {
    const broken = { nodeInfoList: [set('11', 'lora_name', 'nowhere'), set('39', 'image', 'api/gone.png')] };
    sandbox.knobs.set({ outcomes: ['nodeErrors', 'picture'] });
    for (let count = 0; count < 2; count += 1) {
      const { taskId, promptTips } = await client.create(broken);
      expect(Tips.parse(JSON.parse(promptTips ?? '')).node_errors).toEqual({
        11: expect.objectContaining({ class_type: 'LoraLoader', errors: [expect.objectContaining({ details: "lora_name: 'nowhere' not in list" })] }),
        39: expect.objectContaining({ class_type: 'LoadImage', errors: [expect.objectContaining({ details: 'image - Invalid file: api/gone.png' })] }),
      });
      expect(await client.outputs(taskId)).toMatchObject({ code: 805, data: { failedReason: { node_id: '11', node_name: 'LoraLoader', exception_type: 'value_not_in_list' } } });
    }
  });

  it('has one node error for each input of a node', async () => {
    await sandbox.close();
    const graph = { 1: { class_type: 'Both', inputs: { ckpt_name: 'sandbox.safetensors', lora_name: 'b' } } };
    sandbox = await startRunningHubSandbox({ catalog: { workflows: [{ id: '5', graph }] } });
    const { data } = await new TestClient(sandbox.url).post('/task/openapi/create', { workflowId: '5', nodeInfoList: [set('1', 'ckpt_name', 'no'), set('1', 'lora_name', 'nowhere')] });
    const { promptTips } = z.object({ promptTips: z.string() }).parse(data);
    expect(JSON.parse(promptTips)).toMatchObject({ node_errors: { 1: { errors: [{ extra_info: { input_name: 'ckpt_name' } }, { extra_info: { input_name: 'lora_name' } }] } } });
  });

  it('has the sample of node errors, and its reason, where the knobs want some and it has none', async () => {
    sandbox.knobs.set({ outcome: 'nodeErrors' });
    const { taskId, promptTips } = await client.create({ nodeInfoList: [] });
    expect(Object.keys(Tips.parse(JSON.parse(promptTips ?? '')).node_errors)).toEqual(['11']);
    expect(await client.outputs(taskId)).toMatchObject({ data: { failedReason: { node_id: '11', exception_message: "Value not in list: lora_name: '不存在.safetensors' not in list" } } });
  });

  it('may name URLs and data URIs in v2 only', async () => {
    const nodeInfoList = [set('39', 'image', 'data:image/png;base64,AAAA')];
    expect(await client.bearer('/openapi/v2/run/ai-app/1970434031953342465', { nodeInfoList })).toMatchObject({ status: 'QUEUED' });
    expect((await client.create({ nodeInfoList })).taskStatus).toBe('FAILED');
  });

  it('is refused for what is missing or wrong', async () => {
    expect((await client.run({ webappId: undefined })).msg).toBe('webappId cannot be null');
    expect((await client.run({ webappId: '7' })).code).toBe(901);
    expect((await client.run({ nodeInfoList: undefined })).code).toBe(301);
    expect((await client.run({ retainSeconds: 5 })).code).toBe(301);
    const create = async (body: Record<string, unknown>): Promise<unknown> => (await client.post('/task/openapi/create', body)).code;
    expect(await create({ workflowId: '1904136902449209351' })).toBe(810);
    expect(await create({ workflowId: '1904136902449209353' })).toBe(301);
    expect(await create({ workflowId: '1904136902449209353', accessPassword: 'sandbox' })).toBe(0);
    expect(await create({ workflowId: '1904136902449209346', workflow: '{}' })).toBe(433);
    expect(await create({ workflowId: '1904136902449209346', workflow: '{"1":{"class_type":"A","inputs":{}}}', nodeInfoList: [set('nowhere', 'x', 'ignored')] })).toBe(0);
    expect(sandbox.counters.snapshot.created).toEqual({ consumer: 2 });
  });

  it('takes the key from the body, from the header, or from both when they agree', async () => {
    const ask = async (apiKey: string | undefined, bearer?: string): Promise<unknown> => {
      const headers = bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` };
      const answer = await fetch(`${sandbox.url}/task/openapi/status`, { method: 'POST', headers, body: JSON.stringify({ apiKey }) });
      return answer.json();
    };
    const { consumer, shared } = SANDBOX_KEYS;
    const past = { code: 301, msg: 'taskId cannot be empty' };
    expect(await Promise.all([ask(consumer), ask(undefined, consumer), ask(consumer, consumer)])).toMatchObject([past, past, past]);
    expect(await Promise.all([ask('nobody'), ask(consumer, shared), ask(undefined)])).toMatchObject([{ code: 806 }, { code: 806 }, { code: 301, msg: 'apiKey cannot be empty' }]);
    sandbox.knobs.set({ bearerOnly: true });
    expect(await Promise.all([ask(consumer), ask(consumer, consumer), ask(undefined, consumer)])).toMatchObject([{ code: 802 }, { code: 802 }, past]);
  });

  it('in the dialect of brief 003 maps names to inputs', async () => {
    const run = (inputs: unknown): Promise<unknown> => client.bearer('/v1/workflows/1996080571212349442/run', { inputs });
    expect(await run({ raw_image: 'https://example.invalid/a.png', pose_image: 'https://example.invalid/b.png' })).toEqual({ task_id: expect.any(String) });
    expect(await run({ other: 'x' })).toEqual({ error: 'Unknown input other' });
    expect(sandbox.counters.snapshot.submissions[0]?.nodeInfo).toContain('"nodeId":"12","fieldName":"image","fieldValue":"https://example.invalid/a.png"');
  });
});

describe('what an app says about itself', () => {
  it('carries the key of the caller', async () => {
    const response = await fetch(`${sandbox.url}/api/webapp/apiCallDemo?apiKey=${SANDBOX_KEYS.consumer}&webappId=1970434031953342465`);
    const answer = Described.parse(await response.json());
    expect(answer.data.curl).toContain(SANDBOX_KEYS.consumer);
    const types = answer.data.nodeInfoList.map(({ fieldType }) => fieldType);
    expect(new Set(types)).toEqual(new Set(['STRING', 'INT', 'FLOAT', 'BOOLEAN', 'LIST', 'SWITCH', 'IMAGE', 'AUDIO', 'VIDEO', 'CKPT', 'LORA']));
  });
});
