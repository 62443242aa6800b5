import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { json, ScriptedHub } from '../../../tests/support/runninghub-replies.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { HttpText } from '../../atoms/http/http.ts';
import { RunningHub } from './client.ts';

const never = new AbortController().signal;
const key = '0123456789abcdef0123456789abcdef';
const parts = { http: new HttpText(), stream: new HttpStream() };
const server = new ScriptedHub();
beforeAll(() => server.start());
afterAll(async () => {
  parts.http.close();
  parts.stream.close();
  await server.close();
});

const hub = (baseUrl = server.url): RunningHub => new RunningHub(parts, { baseUrl, apiKey: key, keyPlace: 'body', timeoutMs: 5_000, dialect: 'alt-v1' });
const inputs = { nodeInfoList: [{ nodeId: '1', fieldName: 'raw_image', fieldValue: 'https://upload-host.example.invalid/source.jpg' }, { nodeId: '2', fieldName: 'n', fieldValue: 3 }] };
const run = (id = '1996080571212349442') => hub().runWorkflow(id, inputs, never);

describe('the alt-v1 dialect', () => {
  it('says of itself that it is unproven', () => {
    expect(hub().facts.warnings).toEqual([expect.stringContaining('unproven')]);
  });

  it('uploads to an address', async () => {
    server.says('alt-v1.upload');
    expect(await hub().upload({ name: 'a.png', mediaType: 'image/png', size: 1, open: () => Readable.from(['x']) }, never)).toEqual({ fileName: 'https://upload-host.example.invalid/source.jpg' });
    expect(server.seen[0]).toMatchObject({ path: '/v1/upload', headers: { authorization: `Bearer ${key}` } });
  });

  it('runs with inputs by name, and with the key in the header alone', async () => {
    server.says('alt-v1.run');
    expect(await run()).toEqual({ kind: 'accepted', taskId: 'task_abc123', state: 'queued', faults: [] });
    expect(server.seen[0]).toMatchObject({ path: '/v1/workflows/1996080571212349442/run', headers: { authorization: `Bearer ${key}` } });
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({ inputs: { raw_image: 'https://upload-host.example.invalid/source.jpg', n: '3' } });
  });

  test.each([['alt-v1.unauthorized', 'ENGINE_UNAUTHORIZED'], ['alt-v1.workflow-not-found', 'ENGINE_WORKFLOW_NOT_FOUND']])('is refused for good by %s', async (fixture, code) => {
    server.says(fixture);
    expect(await run()).toMatchObject({ kind: 'refused', error: { code }, again: undefined });
  });

  it('is refused for now by 429 and by nobody listening, and undecided by all that tells nothing', async () => {
    server.says({ status: 429, text: '' });
    expect(await run()).toMatchObject({ kind: 'refused', again: { afterMs: 60_000 } });
    expect(await hub('http://127.0.0.1:1').runWorkflow('1', inputs, never)).toMatchObject({ kind: 'refused', again: { afterMs: 5_000 } });
    for (const reply of [{ status: 502, text: '<html>' }, { status: 200, text: '' }, json({})]) {
      server.says(reply);
      expect(await run()).toMatchObject({ kind: 'unknown', error: { retryable: false } });
    }
    server.instead = 'cut';
    expect(await run()).toMatchObject({ kind: 'unknown', error: { code: 'CONNECTION_ERROR' } });
  });

  it('takes no id that leads elsewhere, and no two inputs of one name', async () => {
    server.says('alt-v1.run');
    for (const id of ['..', '', 'a/b', 'x?y']) expect(await run(id)).toMatchObject({ kind: 'refused', error: { code: 'ENGINE_WORKFLOW_NOT_FOUND' } });
    const twice = { nodeInfoList: [...inputs.nodeInfoList, ...inputs.nodeInfoList] };
    expect(await hub().runWorkflow('1', twice, never)).toMatchObject({ kind: 'refused', error: { code: 'VALIDATION_ERROR' } });
    expect(await hub().outputs('../x', never)).toMatchObject({ gone: true });
    expect(server.seen).toEqual([]);
  });

  test.each([['alt-v1.task-pending', 'queued'], ['alt-v1.task-running', 'running'], ['alt-v1.task-completed', 'succeeded'], ['alt-v1.task-failed', 'failed']])('%s is %s', async (fixture, state) => {
    server.says(fixture);
    expect(await hub().outputs('task_abc123', never)).toMatchObject({ state, gone: false });
    expect(await hub().query('task_abc123', never)).toMatchObject({ state });
    expect(await hub().status('task_abc123', never)).toMatchObject({ state, outputs: [] });
    expect(server.seen[0]).toMatchObject({ method: 'GET', path: '/v1/tasks/task_abc123' });
  });

  it('tells outputs and failures', async () => {
    server.says('alt-v1.task-completed');
    expect((await hub().outputs('1', never)).outputs).toEqual([{ url: 'https://result-host.example.invalid/out.png', text: undefined, fileType: 'png', nodeId: undefined }]);
    server.says('alt-v1.task-failed');
    expect((await hub().outputs('1', never)).failure).toEqual({ code: 'WORKFLOW_EXECUTION_ERROR', reason: 'RunningHub says "工作流执行失败".' });
    server.says(json({ error: 'x' }, 404));
    expect(await hub().outputs('1', never)).toMatchObject({ state: 'unknown', gone: true });
    server.says(json({ status: 'odd' }));
    expect(await hub().outputs('1', never)).toMatchObject({ state: 'unknown', gone: false });
  });

  test.each([[{ status: 500, text: '' }, 'UPSTREAM_ERROR'], [{ status: 401, text: '' }, 'ENGINE_UNAUTHORIZED'], [{ status: 200, text: '<html>' }, 'UPSTREAM_ERROR'], [{ status: 429, text: '' }, 'RATE_LIMITED']])('throws for %j', async (reply, code) => {
    server.says(reply);
    await expect(hub().outputs('1', never)).rejects.toMatchObject({ code });
  });

  it('has no call for the rest', async () => {
    expect(await hub().cancel('1', never)).toBe('not_supported');
    expect(await hub().runApp('1', inputs, never)).toMatchObject({ kind: 'refused', again: undefined });
    for (const call of [hub().accountStatus(never), hub().queueStatus(never), hub().appInfo('1', never), hub().workflowFormat('1', never)]) await expect(call).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', retryable: false });
  });
});
