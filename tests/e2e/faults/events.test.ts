import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { inverted, longWork, solidColour, textToImage } from '../../support/graphs.ts';
import { aNumber, containing } from '../../support/matchers.ts';
import { brokenRules } from '../../support/run-rules.ts';
import { isEnding, type TestSocket } from '../../support/socket.ts';
import { until } from '../../support/until.ts';

let engine: TestSandbox;
let gateway: TestGateway;
let socket: TestSocket;

beforeEach(async () => {
  engine = await startTestSandbox();
  gateway = await startTestGateway({ instances: [engine.url], env: { COMFYUI_REQUEST_TIMEOUT: '2' } });
  socket = await gateway.socket('watcher');
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  await socket.close();
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const submit = async (graph = inverted()): Promise<string> => (await gateway.submit(graph, { client_id: 'watcher' })).prompt_id;

/** A prompt that stands still before its first node, and one that waits behind it. */
async function oneHeldOneWaiting(): Promise<{ held: string; waits: string }> {
  engine.sandbox.knobs.set({ hold: true });
  const held = await submit();
  await gateway.reaches(held, 'running');
  return { held, waits: await submit() };
}

describe('an event socket that is cut', () => {
  test('in the middle of a run leads to exactly one result, with progress that never goes back', async () => {
    engine.sandbox.knobs.set({ stepDelayMs: 30 });
    const id = await submit(textToImage(20));
    await socket.waitFor((message) => message.type === 'progress');
    engine.sandbox.closeSockets();
    const ending = await socket.ending(id);
    expect([ending.type, Array.isArray(ending.data['images']) && ending.data['images'].length]).toEqual(['result', 1]);
    expect(brokenRules(socket.of(id))).toEqual([]);
  });

  test('again and again after a few frames loses no ending', async () => {
    engine.sandbox.knobs.set({ dropSocketAfterFrames: 7 });
    engine.sandbox.closeSockets();
    const ids = [];
    for (let n = 0; n < 5; n += 1) ids.push((await until('a submission is taken', () => gateway.submit(longWork({ pieces: 5, size: 32 }), { client_id: 'watcher' }))).prompt_id);
    for (const id of ids) {
      expect((await socket.ending(id)).type).toBe('result');
      expect(brokenRules(socket.of(id))).toEqual([]);
    }
  });

  test('while a prompt ends leads to its result all the same', async () => {
    engine.sandbox.knobs.set({ hold: true });
    const id = await submit();
    await gateway.reaches(id, 'running');
    engine.sandbox.knobs.set({ refuseSockets: true });
    engine.sandbox.closeSockets();
    engine.sandbox.knobs.set({ hold: false });
    await until('the engine has run it', async () => (await (await fetch(`${engine.url}/history/${id}`)).text()) !== '{}');
    engine.sandbox.knobs.set({ refuseSockets: false });
    expect((await socket.ending(id)).type).toBe('result');
    expect(brokenRules(socket.of(id))).toEqual([]);
  });
});

test('an instance that comes back empty has lost its prompts: each is told so once', async () => {
  const { held, waits } = await oneHeldOneWaiting();
  await engine.sandbox.restart();
  for (const id of [held, waits]) {
    const ending = await socket.ending(id);
    expect(ending).toMatchObject({ type: 'execution_error', data: { code: 'PROMPT_LOST', reason: containing('restarted') } });
    expect(brokenRules(socket.of(id))).toEqual([]);
    expect(await gateway.state(id)).toMatchObject({ state: 'failed', error: { code: 'PROMPT_LOST' } });
    expect(await gateway.history(id)).toMatchObject({ state: 'failed', error: { code: 'PROMPT_LOST' } });
  }
  engine.sandbox.knobs.set({ hold: false });
  const next = await submit();
  expect((await socket.ending(next)).type).toBe('result');
});

test('a waiting prompt that somebody takes out on the server itself ends once, with the reason', async () => {
  const { waits } = await oneHeldOneWaiting();
  await fetch(`${engine.url}/queue`, { method: 'POST', body: JSON.stringify({ delete: [waits] }) });
  expect(await socket.ending(waits)).toMatchObject({ type: 'execution_error', data: { code: 'PROMPT_LOST', reason: containing('removed') } });
  expect(brokenRules(socket.of(waits))).toEqual([]);
});

test('a prompt that somebody interrupts on the server itself ends once, and not by our request', async () => {
  engine.sandbox.knobs.set({ nodeDelayMs: 2_000 });
  const id = await submit();
  await gateway.reaches(id, 'running');
  await fetch(`${engine.url}/interrupt`, { method: 'POST' });
  expect(await socket.ending(id)).toMatchObject({ type: 'execution_interrupted', data: { reason: containing('Somebody') } });
  expect(brokenRules(socket.of(id))).toEqual([]);
});

describe('a history', () => {
  test('that comes late, or fails at first, delays the ending and does not change it', async () => {
    engine.sandbox.knobs.set({ historyDelayMs: 600 });
    const late = await submit();
    expect((await socket.ending(late)).type).toBe('result');
    engine.sandbox.knobs.set({ historyDelayMs: 0, failHistory: 3 });
    const failed = await submit();
    expect((await socket.ending(failed)).type).toBe('result');
    for (const id of [late, failed]) expect(brokenRules(socket.of(id))).toEqual([]);
  });

  test.each([
    ['never gets the entry', { loseHistoryEntries: 1 }],
    ['is always empty', { emptyHistory: true }],
    ['always fails', { failHistory: 1_000 }],
    ['never answers', { hang: { 'GET /history/:id': 1_000 } }],
  ])('that %s does not keep the prompt from its result: all messages came, and they name its pictures', { timeout: 40_000 }, async (_what, knobs) => {
    engine.sandbox.knobs.set(knobs);
    const id = await submit();
    const ending = await socket.ending(id, 20_000);
    expect(ending).toMatchObject({ type: 'result', data: { images: [{ node_id: '3', kind: 'image', url: containing('/api/v1/images/download?') }], durations: { execution_ms: aNumber } } });
    expect(brokenRules(socket.of(id))).toEqual([]);
    expect(await gateway.state(id)).toMatchObject({ state: 'completed', outputs: [{ node_id: '3' }] });
    expect(await gateway.history(id)).toMatchObject({ state: 'completed', outputs: { '3': {} }, status: { status_str: 'success', completed: true } });
    expect(await gateway.images(id)).toHaveLength(1);
  });

  test('that never gets the entry of a prompt that failed does not hide why', async () => {
    engine.sandbox.knobs.set({ loseHistoryEntries: 1, nodeDelayMs: 60_000 });
    const id = await submit();
    await gateway.reaches(id, 'running');
    await fetch(`${engine.url}/interrupt`, { method: 'POST' });
    expect(await socket.ending(id)).toMatchObject({ type: 'execution_interrupted', data: { node_type: 'EmptyImage', reason: containing('Somebody') } });
    expect(await gateway.history(id)).toMatchObject({ state: 'interrupted' });
    expect(brokenRules(socket.of(id))).toEqual([]);
  });

  test('that never gets the entry of a prompt of which messages were missed ends it as lost, once', async () => {
    engine.sandbox.knobs.set({ loseHistoryEntries: 1, hold: true });
    const id = await submit();
    await gateway.reaches(id, 'running');
    engine.sandbox.closeSockets();
    await until('the socket was opened again', () => (engine.sandbox.counters.snapshot.requests['WS /ws'] ?? 0) > 1);
    await until('the instance is connected', async () => (await gateway.healthy()) === 1);
    engine.sandbox.knobs.set({ hold: false });
    expect(await socket.ending(id)).toMatchObject({ type: 'execution_error', data: { code: 'PROMPT_LOST' } });
    expect(brokenRules(socket.of(id))).toEqual([]);
  });

  test('with a bare NaN is read all the same', async () => {
    engine.sandbox.knobs.set({ nanHistory: true });
    const id = await submit();
    expect((await socket.ending(id)).type).toBe('result');
    expect((await gateway.history(id))['state']).toBe('completed');
  });

  test('that is gone from the server is still answered by the gateway', async () => {
    const id = await submit();
    await socket.ending(id);
    engine.sandbox.forgetHistory(id);
    expect(await gateway.history(id)).toMatchObject({ state: 'completed', status: { completed: true } });
    expect(await gateway.images(id)).toHaveLength(1);
  });
});

test.each([
  ['that are cut in half', { malformedTextFrames: 4 }],
  ['with a bare NaN', { nanFrames: 8 }],
  ['of pictures that end early', { truncatedBinaryFrames: 2 }],
])('frames %s do no harm', async (_what, knobs) => {
  engine.sandbox.knobs.set(knobs);
  const id = await submit(textToImage(4));
  expect((await socket.ending(id)).type).toBe('result');
  expect(socket.of(id).filter(isEnding)).toHaveLength(1);
  expect(brokenRules(socket.of(id))).toEqual([]);
  const next = await submit(textToImage(4));
  await socket.ending(next);
  expect(socket.of(next).map((message) => message.type)).toContain('progress');
});

test('a socket that another client silenced is noticed: nothing waits for ever, and events come again', { timeout: 60_000 }, async () => {
  engine.sandbox.knobs.set({ hold: true });
  const first = await submit();
  await gateway.reaches(first, 'running');
  const Queue = z.object({ queue_running: z.array(z.tuple([z.number(), z.string(), z.unknown(), z.object({ client_id: z.string() })]).rest(z.unknown())) });
  const queue = Queue.parse(await (await fetch(`${engine.url}/queue`)).json());
  const clientId = queue.queue_running[0]?.[3].client_id ?? '';
  const thief = new WebSocket(`${engine.url.replace(/^http/, 'ws')}/ws?clientId=${clientId}`);
  await new Promise((resolve) => thief.once('open', resolve));
  thief.close();
  await new Promise((resolve) => thief.once('close', resolve));
  engine.sandbox.knobs.set({ hold: false });
  expect((await socket.ending(first, 20_000)).type).toBe('result');
  const heard = await until('the events come again', async () => {
    const id = await submit();
    await socket.ending(id, 20_000);
    expect(brokenRules(socket.of(id))).toEqual([]);
    return socket.of(id).some((message) => message.type === 'executed');
  }, 50_000);
  expect(heard).toBe(true);
});

test('previews go as type 1 to a client that announced nothing, and as type 4 to one that did', async () => {
  using modern = await gateway.socket('watcher');
  modern.send({ type: 'feature_flags', data: { supports_preview_metadata: true } });
  await modern.waitFor((message) => message.type === 'feature_flags');
  const id = await submit(textToImage(4));
  await Promise.all([socket.ending(id), modern.ending(id)]);
  expect(new Set(socket.binary.map((frame) => frame.readUInt32BE(0)))).toEqual(new Set([1]));
  expect(new Set(modern.binary.map((frame) => frame.readUInt32BE(0)))).toEqual(new Set([4]));
  expect(modern.binary.length).toBe(socket.binary.length);
});

test('a prompt under another client id of the server is no business of ours', async () => {
  const direct = await fetch(`${engine.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: solidColour(), prompt_id: 'foreign' }) });
  expect(direct.status).toBe(200);
  expect(await gateway.ended('foreign')).toMatchObject({ state: 'completed' });
  expect(socket.of('foreign')).toEqual([]);
});
