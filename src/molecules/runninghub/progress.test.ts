import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { SANDBOX_KEYS } from '../../../sandbox/runninghub/accounts.ts';
import { type RunningRunningHub, startRunningHubSandbox } from '../../../sandbox/runninghub/server.ts';
import { until } from '../../../tests/support/until.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { HttpText } from '../../atoms/http/http.ts';
import type { HubProgress } from '../../models/runninghub.ts';
import { RunningHub } from './client.ts';
import { isOfSite, ProgressCount, progressOf } from './progress.ts';

const never = new AbortController().signal;
const frames = z.object({ frames: z.array(z.unknown()) }).parse(JSON.parse(readFileSync(new URL('../../../tests/fixtures/runninghub/ws-frames.json', import.meta.url), 'utf8'))).frames;
const taken = (all: readonly unknown[]): HubProgress[] => {
  const count = new ProgressCount();
  return all.flatMap((frame) => count.take({ kind: 'text', text: typeof frame === 'string' ? frame : JSON.stringify(frame) }) ?? []);
};
const plain = { value: undefined, max: undefined };

describe('what a progress socket says', () => {
  it('is how many nodes are done, and how far the present one is', () => {
    expect(taken(frames)).toEqual([
      { node: null, done: 1, ...plain },
      { node: '3', done: 1, ...plain },
      { node: '3', done: 1, value: 5, max: 20 },
      { node: '3', done: 1, value: 20, max: 20 },
      { node: '9', done: 2, ...plain },
      { node: '9', done: 3, ...plain },
      { node: null, done: 3, ...plain },
    ]);
  });

  test.each([['not JSON'], ['[]'], ['null'], ['{"type":"progress"}'], ['{"type":"status","data":{"status":null}}'], ['{"type":7,"data":{}}'], ['{"type":"crystools.monitor","data":{"x":1}}']])('is nothing where it is %s', (text) => {
    expect(taken([text])).toEqual([]);
  });

  it('survives fields of other kinds', () => {
    expect(taken([{ type: 'execution_cached', data: { nodes: 'all' } }, { type: 'progress', data: { value: 'x', max: null, node: 7 } }])).toEqual([{ node: null, done: 0, ...plain }, { node: '7', done: 0, ...plain }]);
  });

  it('is short, however long the names of nodes are', () => {
    const long = 'x'.repeat(10_000);
    const [progress] = taken([{ type: 'executing', data: { node: long } }]);
    expect(progress?.node).toHaveLength(200);
  });

  it('is nothing in a picture', () => {
    expect(new ProgressCount().take({ kind: 'binary', data: Buffer.from([0, 0, 0, 1]) })).toBeUndefined();
  });
});

describe('the address of a progress socket', () => {
  test.each([
    ['wss://www.runninghub.cn:443/ws/c_instance?x=1', 'https://www.runninghub.cn', true],
    ['wss://node7.runninghub.cn/ws', 'https://www.runninghub.cn', true],
    ['ws://127.0.0.1:5/ws', 'http://127.0.0.1:4', true],
    ['ws://www.runninghub.cn/ws', 'https://www.runninghub.cn', false],
    ['wss://runninghub.cn.evil.example/ws', 'https://www.runninghub.cn', false],
    ['wss://evilrunninghub.cn/ws', 'https://www.runninghub.cn', false],
    ['wss://10.0.0.1/ws', 'https://www.runninghub.cn', false],
    ['wss://1.127.0.0.1/ws', 'http://127.0.0.1:4', false],
    ['https://www.runninghub.cn/ws', 'https://www.runninghub.cn', false],
    ['nothing', 'https://www.runninghub.cn', false],
  ])('%s of %s: %s', (address, url, good) => {
    expect(isOfSite(address, url)).toBe(good);
  });

  it('of another host is not called', async () => {
    await expect(Array.fromAsync(progressOf({ address: 'wss://elsewhere.example/ws?Rh-Comfy-Auth=abc', url: 'https://www.runninghub.cn', redact: (text) => text }, never))).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', message: expect.not.stringContaining('elsewhere') as unknown });
  });
});

describe('a task at the stand-in', () => {
  const parts = { http: new HttpText(), stream: new HttpStream() };
  let sandbox: RunningRunningHub;
  beforeAll(async () => {
    sandbox = await startRunningHubSandbox({ knobs: { queueMs: 0, runMs: 400 } });
  });
  afterAll(async () => {
    parts.http.close();
    parts.stream.close();
    await sandbox.close();
  });

  async function running(): Promise<{ readonly hub: RunningHub; readonly id: string }> {
    const hub = new RunningHub(parts, { baseUrl: sandbox.url, apiKey: SANDBOX_KEYS.shared, keyPlace: 'both', timeoutMs: 5_000 });
    const outcome = await hub.runWorkflow('1904136902449209346', { nodeInfoList: [] }, never);
    if (outcome.kind !== 'accepted') throw new TypeError(outcome.kind);
    await until('it runs', async () => (await hub.query(outcome.taskId, never)).state === 'running');
    return { hub, id: outcome.taskId };
  }

  it('tells of its progress to the end of the socket', async () => {
    sandbox.knobs.set({ socketFrames: 'binary' });
    const { hub, id } = await running();
    const told = await Array.fromAsync(hub.progress(id, never));
    expect(told).toContainEqual({ node: '3', done: 1, value: 20, max: 20 });
    expect(told.at(-1)).toEqual({ node: null, done: 3, ...plain });
  });

  it('is told of no more when somebody stops listening, or the socket drops', async () => {
    sandbox.knobs.set({ hold: 'RUNNING', dropSocketAfterFrames: 3 });
    const { hub, id } = await running();
    expect((await Array.fromAsync(hub.progress(id, never))).length).toBeLessThan(3);
    sandbox.knobs.set({ dropSocketAfterFrames: null });
    const leaving = new AbortController();
    for await (const _ of hub.progress(id, leaving.signal)) leaving.abort();
    expect(leaving.signal.aborted).toBe(true);
    sandbox.knobs.set({ hold: null });
  });

  it('has no progress where the socket is refused, or no address is told, and nothing secret is said of it', async () => {
    sandbox.knobs.set({ hold: 'RUNNING', refuseSockets: true });
    const { hub, id } = await running();
    const refusal: unknown = await Array.fromAsync(hub.progress(id, never)).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'CONNECTION_ERROR' });
    expect(inspect(refusal, { depth: 9, showHidden: true })).not.toMatch(/wss?:|Auth/);
    sandbox.knobs.set({ refuseSockets: false, runningData: 'null' });
    expect(await Array.fromAsync(hub.progress(id, never))).toEqual([]);
    sandbox.knobs.set({ hold: null, runningData: 'socket' });
  });
});
