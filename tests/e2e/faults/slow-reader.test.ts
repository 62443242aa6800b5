import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NodeClass } from '../../../sandbox/comfyui/node.ts';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { blank, type Graph, inverted, textToImage } from '../../support/graphs.ts';
import { brokenRules } from '../../support/run-rules.ts';

const MIB = 1024 * 1024;

/** Shows pictures of a MiB, thirty-two of them. */
const flood: NodeClass = {
  neverCached: true,
  async run(_inputs, context) {
    for (let n = 1; n <= 32; n += 1) await context.progress(n, 32, { format: 'png', bytes: randomBytes(MIB) });
    return { outputs: [] };
  },
};
const declared = { input: { required: { images: ['IMAGE', {}] } }, output: [], output_node: true };
const extraNodes = { nodes: new Map([['Flood', flood], ['SaveImageWebsocket', flood]]), objectInfo: { Flood: declared, SaveImageWebsocket: declared } };
const floodWith = (class_type: string): Graph => ({ '1': blank(), '2': { class_type, inputs: { images: ['1', 0] } } });

let engine: TestSandbox;
let gateway: TestGateway;

beforeAll(async () => {
  engine = await startTestSandbox({ extraNodes });
  gateway = await startTestGateway({ instances: [engine.url] });
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

test('a hundred fast watchers see every state at once while one does not read, and that one misses only previews', async () => {
  using slow = await gateway.socket('crowd');
  const flooded = await gateway.submit(floodWith('Flood'), { client_id: 'crowd' });
  slow.stopReading();
  await gateway.ended(flooded.prompt_id);
  const fast = await Promise.all(Array.from({ length: 100 }, () => gateway.socket('crowd')));
  const began = performance.now();
  const { prompt_id: id } = await gateway.submit(textToImage(10), { client_id: 'crowd' });
  await gateway.ended(id);
  const ended = performance.now();
  await Promise.all(fast.map((socket) => socket.ending(id)));
  expect(performance.now() - ended).toBeLessThan(2_000);
  expect(performance.now() - began).toBeLessThan(10_000);
  for (const socket of fast) expect(brokenRules(socket.of(id))).toEqual([]);
  slow.readAgain();
  await slow.ending(id);
  for (const one of [flooded.prompt_id, id]) expect(brokenRules(slow.of(one))).toEqual([]);
  const bytes = slow.binary.reduce((sum, frame) => sum + frame.length, 0);
  expect(bytes).toBeLessThan(32 * MIB);
  for (const socket of fast) await socket.close();
});

test('a watcher that does not read what must not be dropped is closed with 1013, and nobody else suffers', async () => {
  using slow = await gateway.socket('gallery');
  using fast = await gateway.socket('gallery');
  slow.stopReading();
  const { prompt_id: id } = await gateway.submit(floodWith('SaveImageWebsocket'), { client_id: 'gallery' });
  expect((await fast.ending(id)).type).toBe('result');
  expect(fast.binary).toHaveLength(32);
  slow.readAgain();
  expect((await slow.closed).code).toBe(1013);
  const { prompt_id: next } = await gateway.submit(inverted(), { client_id: 'gallery' });
  expect((await fast.ending(next)).type).toBe('result');
});
