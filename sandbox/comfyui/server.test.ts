import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startSandbox, type RunningSandbox } from './server.ts';

const CLIENT = 'watcher';
/** Makes each run differ from the ones before it. */
let colour = 0;

let dataDir: string;
let sandbox: RunningSandbox;

beforeEach(async () => {
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'sandbox-knobs-'));
  sandbox = await startSandbox({ dataDir });
});

afterEach(async () => {
  await sandbox.close();
  await rm(dataDir, { recursive: true, force: true });
});

function graph(): Record<string, unknown> {
  colour += 1;
  return {
    1: { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: colour } },
    2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'knob' } },
  };
}

const submit = (promptId: string): Promise<Response> =>
  fetch(`${sandbox.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: graph(), prompt_id: promptId, client_id: CLIENT }) });

const text = async (at: string): Promise<string> => (await fetch(sandbox.url + at)).text();

interface Watcher {
  readonly socket: WebSocket;
  readonly heard: string[];
  /** Resolves with the first message, past or coming, that holds these words. */
  readonly until: (words: string) => Promise<string>;
}

async function watch(): Promise<Watcher> {
  const socket = new WebSocket(`${sandbox.url.replace('http', 'ws')}/ws?clientId=${CLIENT}`);
  const heard: string[] = [];
  socket.on('message', (data: Buffer) => heard.push(data.toString()));
  await once(socket, 'open');
  const until = async (words: string): Promise<string> => {
    for (;;) {
      const found = heard.find((message) => message.includes(words));
      if (found !== undefined) return found;
      await once(socket, 'message');
    }
  };
  return { socket, heard, until };
}

const over = (promptId: string): string => `{"type": "executing", "data": {"node": null, "prompt_id": "${promptId}"}}`;

describe('sockets', () => {
  it('drops a socket after so many frames', async () => {
    sandbox.knobs.set({ dropSocketAfterFrames: 3 });
    const { socket, heard } = await watch();
    const closed = once(socket, 'close');
    await submit('a');
    expect((await closed)[0]).toBe(1006);
    expect(heard).toHaveLength(3);
  });

  it('closes all sockets now', async () => {
    const { socket } = await watch();
    const closed = once(socket, 'close');
    sandbox.closeSockets();
    expect((await closed)[0]).toBe(1006);
  });

  it('refuses sockets', async () => {
    sandbox.knobs.set({ refuseSockets: true });
    await expect(watch()).rejects.toThrow('503');
  });

  it('sends half a frame, then a bare NaN', async () => {
    sandbox.knobs.set({ malformedTextFrames: 1 });
    const { until, heard } = await watch();
    await until('{"type": "status"');
    expect(() => { JSON.parse(heard[0] ?? ''); }).toThrow(SyntaxError);
    sandbox.knobs.set({ nanFrames: 1 });
    await submit('a');
    expect(await until('NaN')).toContain('"sandbox": NaN}');
  });

  it('keeps the order of delayed frames', async () => {
    sandbox.knobs.set({ frameDelayMs: 1 });
    const { until, heard } = await watch();
    await submit('a');
    await until(over('a'));
    const types = heard.map((message) => /"type": "(\w+)"/.exec(message)?.[1]);
    expect(types.slice(0, 5)).toEqual(['status', 'status', 'status', 'execution_start', 'execution_cached']);
  });
});

describe('POST /prompt', () => {
  it('answers 500 without queueing', async () => {
    sandbox.knobs.set({ failPromptBefore: 1 });
    expect((await submit('a')).status).toBe(500);
    expect((await submit('b')).status).toBe(200);
    expect(sandbox.counters.snapshot.executions).toEqual({ b: 1 });
  });

  it('answers 500 although the prompt is queued and runs', async () => {
    sandbox.knobs.set({ failPromptAfter: 1 });
    const { until } = await watch();
    expect((await submit('a')).status).toBe(500);
    await until(over('a'));
    expect(await text('/history/a')).toContain('"status_str": "success"');
  });

  it('loses the connection before queueing, or after', async () => {
    const { until } = await watch();
    sandbox.knobs.set({ cutPromptBefore: 1, cutPromptAfter: 1 });
    await expect(submit('a')).rejects.toThrow();
    await expect(submit('b')).rejects.toThrow();
    await until(over('b'));
    expect(sandbox.counters.snapshot.executions).toEqual({ b: 1 });
  });

  it('hangs one request', async () => {
    sandbox.knobs.set({ hang: { 'GET /queue': 1 } });
    const hung = new AbortController();
    const first = fetch(`${sandbox.url}/queue`, { signal: hung.signal });
    await expect.poll(() => sandbox.counters.snapshot.requests['GET /queue']).toBe(1);
    expect(await text('/queue')).toBe('{"queue_running": [], "queue_pending": []}');
    hung.abort();
    await expect(first).rejects.toThrow('aborted');
  });
});

describe('nodes', () => {
  it('hold until released', async () => {
    sandbox.knobs.set({ hold: true });
    const { until, heard } = await watch();
    await submit('a');
    await until('"executing"');
    expect(heard.some((message) => message.includes('"node": "2"'))).toBe(false);
    sandbox.knobs.set({ hold: false });
    await until(over('a'));
  });

  it('are interrupted while they hold', async () => {
    sandbox.knobs.set({ hold: true });
    const { until } = await watch();
    await submit('a');
    await until('"executing"');
    await fetch(`${sandbox.url}/interrupt`, { method: 'POST', body: '{"prompt_id": "a"}' });
    expect(await until('execution_interrupted')).toContain('"node_id": "1"');
    await until(over('a'));
  });

  it('do not hear an interrupt when deaf: the next node does', async () => {
    const { until } = await watch();
    sandbox.knobs.set({ hold: true, deaf: true });
    await submit('a');
    await until('"executing"');
    await fetch(`${sandbox.url}/interrupt`, { method: 'POST' });
    expect(await text('/prompt')).toContain('"queue_remaining": 1');
    sandbox.knobs.set({ hold: false, deaf: false });
    await until('execution_interrupted');
  });

  it('take their time when slow', async () => {
    sandbox.knobs.set({ nodeDelayMs: 20 });
    const { until } = await watch();
    const start = performance.now();
    await submit('a');
    await until(over('a'));
    expect(performance.now() - start).toBeGreaterThan(35);
  });
});

describe('history and view', () => {
  it('forgets what ran', async () => {
    sandbox.knobs.set({ loseHistoryEntries: 1 });
    const { until } = await watch();
    await submit('a');
    await until(over('a'));
    await submit('b');
    await until(over('b'));
    expect(await text('/history/a')).toBe('{}');
    sandbox.knobs.set({ emptyHistory: true });
    expect(await text('/history/b')).toBe('{}');
    sandbox.knobs.set({ emptyHistory: false, nanHistory: true, failHistory: 1 });
    expect((await fetch(`${sandbox.url}/history`)).status).toBe(500);
    expect(await text('/history/b')).toContain('NaN');
    sandbox.knobs.reset();
    sandbox.forgetHistory('b');
    expect(await text('/history/b')).toBe('{}');
  });

  it('fails a view, then breaks one off half way', async () => {
    const { until } = await watch();
    await submit('a');
    await until(over('a'));
    sandbox.knobs.set({ failView: 1, truncateView: 1 });
    const view = `${sandbox.url}/view?filename=knob_00001_.png`;
    expect((await fetch(view)).status).toBe(500);
    await expect(fetch(view).then((answer) => answer.arrayBuffer())).rejects.toThrow();
    expect((await fetch(view)).headers.get('content-type')).toBe('image/png');
  });
});

describe('a restart', () => {
  it('forgets queue, history, numbers and temp files, and cuts sockets', async () => {
    const { socket, until } = await watch();
    await submit('a');
    await until(over('a'));
    sandbox.knobs.set({ hold: true });
    await submit('b');
    await submit('c');
    const closed = once(socket, 'close');
    await sandbox.restart();
    expect((await closed)[0]).toBe(1006);
    sandbox.knobs.reset();
    expect(await text('/history')).toBe('{}');
    expect(await text('/queue')).toBe('{"queue_running": [], "queue_pending": []}');
    const again = await watch();
    expect(await (await submit('d')).json()).toMatchObject({ number: 0 });
    await again.until(over('d'));
    expect((await fetch(`${sandbox.url}/view?filename=knob_00001_.png`)).status).toBe(200);
  });
});

describe('/sandbox', () => {
  const turn = (body: unknown): Promise<Response> => fetch(`${sandbox.url}/sandbox/knobs`, { method: 'PUT', body: JSON.stringify(body) });

  it('turns knobs over HTTP and does single deeds', async () => {
    expect(await (await turn({ failView: 2 })).json()).toMatchObject({ failView: 2, hold: false });
    const { socket } = await watch();
    const closed = once(socket, 'close');
    await turn({ closeSockets: true, reset: true });
    await closed;
    expect(sandbox.knobs.state.failView).toBe(0);
  });

  it('refuses unknown knobs and bad values', async () => {
    expect((await turn({ nonsense: 1 })).status).toBe(400);
    expect((await turn({ failView: -1 })).status).toBe(400);
    expect(() => { sandbox.knobs.set({ hold: 'yes' }); }).toThrow();
  });

  it('counts requests and executions', async () => {
    const { until } = await watch();
    await submit('a');
    await until(over('a'));
    await text('/history/a');
    expect(JSON.parse(await text('/sandbox/counters'))).toMatchObject({ executions: { a: 1 }, requests: { 'POST /prompt': 1, 'GET /history/:id': 1, 'WS /ws': 1 } });
  });

  it('has no doors when knobs are not open', async () => {
    const closed = await startSandbox({ dataDir, knobsOverHttp: false });
    expect((await fetch(`${closed.url}/sandbox/knobs`)).status).toBe(404);
    await closed.close();
  });
});

it('keeps every digit of a seed from the prompt to the history', async () => {
  const { until } = await watch();
  const prompt = '{"1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 5, "seed": 18446744073709551615}}, "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "seed"}}}';
  await fetch(`${sandbox.url}/prompt`, { method: 'POST', body: `{"prompt": ${prompt}, "prompt_id": "a", "client_id": "${CLIENT}"}` });
  await until(over('a'));
  expect(await text('/history/a')).toContain(prompt);
  const png = Buffer.from(await (await fetch(`${sandbox.url}/view?filename=seed_00001_.png`)).arrayBuffer());
  expect(png.includes(prompt)).toBe(true);
});

it('shows the steps of a sampler: a preview of 512 pixels after each progress, cut short when told to', async () => {
  const { socket, until } = await watch();
  const frames: Buffer[] = [];
  socket.on('message', (data: Buffer, isBinary) => { if (isBinary) frames.push(data); });
  const sampled = {
    1: { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'v1-5-pruned-emaonly.safetensors' } },
    2: { class_type: 'CLIPTextEncode', inputs: { text: 'a lake', clip: ['1', 1] } },
    3: { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 32, batch_size: 1 } },
    4: {
      class_type: 'KSampler',
      inputs: { model: ['1', 0], seed: 1, steps: 3, cfg: 8, sampler_name: 'euler', scheduler: 'normal', positive: ['2', 0], negative: ['2', 0], latent_image: ['3', 0], denoise: 1 },
    },
    5: { class_type: 'VAEDecode', inputs: { samples: ['4', 0], vae: ['1', 2] } },
    6: { class_type: 'PreviewImage', inputs: { images: ['5', 0] } },
  };
  await fetch(`${sandbox.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: sampled, prompt_id: 'a', client_id: CLIENT }) });
  await until(over('a'));
  expect(await text('/history/a')).toContain('"status_str": "success"');
  expect(frames.length).toBeGreaterThanOrEqual(3);
  expect(await sharp(frames[0]?.subarray(8)).metadata()).toMatchObject({ format: 'jpeg', width: 512, height: 256 });
  sandbox.knobs.set({ truncatedBinaryFrames: 1 });
  await fetch(`${sandbox.url}/free`, { method: 'POST', body: '{"free_memory": true}' });
  const before = frames.length;
  await fetch(`${sandbox.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: sampled, prompt_id: 'b', client_id: CLIENT }) });
  await until(over('b'));
  expect(frames[before]).toHaveLength(6);
});

it('runs several in one process, strangers to each other', async () => {
  const other = await startSandbox({ dataDir: path.join(dataDir, 'other') });
  const { until } = await watch();
  await submit('a');
  await until(over('a'));
  expect(await (await fetch(`${other.url}/history`)).text()).toBe('{}');
  await other.close();
});
