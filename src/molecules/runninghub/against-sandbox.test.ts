/** The client and the stand-in for RunningHub, which were written apart from each other. */
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { SANDBOX_KEYS } from '../../../sandbox/runninghub/accounts.ts';
import { type RunningRunningHub, startRunningHubSandbox } from '../../../sandbox/runninghub/server.ts';
import { until } from '../../../tests/support/until.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { HttpText } from '../../atoms/http/http.ts';
import { hubKeyPlaces, type HubSubmitOutcome } from '../../models/runninghub.ts';
import { RunningHub } from './client.ts';

const never = new AbortController().signal;
const [app, workflow] = ['1970434031953342465', '1904136902449209346'];
const parts = { http: new HttpText(), stream: new HttpStream() };
let sandbox: RunningRunningHub;
beforeAll(async () => {
  sandbox = await startRunningHubSandbox({ knobs: { queueMs: 0, runMs: 50 } });
});
afterAll(async () => {
  parts.http.close();
  parts.stream.close();
  await sandbox.close();
});

const hub = (apiKey: string = SANDBOX_KEYS.shared, keyPlace: 'body' | 'header' | 'both' = 'both'): RunningHub => new RunningHub(parts, { baseUrl: sandbox.url, apiKey, keyPlace, timeoutMs: 5_000 });

function idOf(outcome: HubSubmitOutcome): string {
  if (outcome.kind !== 'accepted') throw new TypeError(JSON.stringify(outcome));
  return outcome.taskId;
}

describe('the stand-in for RunningHub', () => {
  test.each(hubKeyPlaces.flatMap((place) => Object.values(SANDBOX_KEYS).map((key) => [place, key] as const)))('knows a key in the %s: %s', async (place, key) => {
    expect((await hub(key, place).queueStatus(never)).concurrentLimit).toBeGreaterThan(0);
    if (place !== 'header') expect((await hub(key, place).accountStatus(never)).coins).toMatch(/^\d+$/);
  });

  it('runs an app with what was uploaded, and tells what came out in both generations', async () => {
    const { inputs } = await hub().appInfo(app, never);
    const { fileName } = await hub().upload({ name: 'a.png', mediaType: 'image/png', size: 4, open: () => Readable.from([Buffer.from('abcd')]) }, never);
    const nodeInfoList = inputs.filter((input) => input.value !== undefined).map((input) => ({ nodeId: input.node_id, fieldName: input.field, fieldValue: input.upload === 'image' ? fileName : input.value }));
    expect(nodeInfoList.length).toBeGreaterThan(0);
    const id = idOf(await hub().runApp(app, { nodeInfoList }, never));
    expect(id).toMatch(/^\d{19}$/);
    const done = await until('the task ends', async () => { const found = await hub().outputs(id, never); return found.state === 'succeeded' && found; });
    expect(done.outputs[0]?.url).toMatch(/^http:/);
    const query = await hub().query(id, never);
    expect([query.state, query.outputs.map((one) => one.nodeId), query.costs]).toEqual(['succeeded', done.outputs.map((one) => one.nodeId), done.costs]);
    expect((await hub().status(id, never)).state).toBe('succeeded');
    expect(await hub().cancel(id, never)).toBe('already_ended');
  });

  it('runs a workflow, whose graph it tells', async () => {
    expect(Object.values(await hub().workflowFormat(workflow, never))).toContainEqual(expect.objectContaining({ class_type: 'KSampler' }));
    idOf(await hub().runWorkflow(workflow, { nodeInfoList: [] }, never));
  });

  it('refuses a second task of an account that may have one, for now', async () => {
    sandbox.knobs.set({ hold: 'RUNNING' });
    const id = idOf(await hub(SANDBOX_KEYS.consumer).runWorkflow(workflow, { nodeInfoList: [] }, never));
    expect(await hub(SANDBOX_KEYS.consumer).runWorkflow(workflow, { nodeInfoList: [] }, never)).toMatchObject({ kind: 'refused', error: { code: 'QUEUE_FULL' }, again: { afterMs: 5_000 } });
    expect(await hub(SANDBOX_KEYS.consumer).cancel(id, never)).toBe('requested');
  });

  it('does not know what there is not', async () => {
    expect(await hub().outputs('1', never)).toMatchObject({ state: 'unknown', gone: true });
    expect(await hub().query('1', never)).toMatchObject({ state: 'unknown', gone: true });
    expect(await hub().runWorkflow('1', { nodeInfoList: [] }, never)).toMatchObject({ kind: 'refused', error: { code: 'ENGINE_WORKFLOW_NOT_FOUND' } });
    await expect(hub().appInfo('1', never)).rejects.toMatchObject({ code: 'ENGINE_WORKFLOW_NOT_FOUND' });
    await expect(hub('x'.repeat(32)).accountStatus(never)).rejects.toMatchObject({ code: 'ENGINE_UNAUTHORIZED' });
    await expect(hub('x'.repeat(32)).upload({ name: 'a.png', mediaType: 'image/png', size: 1, open: () => Readable.from(['x']) }, never)).rejects.toMatchObject({ code: 'ENGINE_UNAUTHORIZED' });
  });
});
