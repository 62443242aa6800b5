import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { until } from '../../tests/support/until.ts';
import { TestClient } from './test-client.ts';
import { startRunningHubSandbox, type RunningRunningHub } from './server.ts';

let sandbox: RunningRunningHub;
let taskId: string;
let address: string;

beforeEach(async () => {
  sandbox = await startRunningHubSandbox({ knobs: { queueMs: 0, hold: 'RUNNING' } });
  const created = await new TestClient(sandbox.url).create();
  taskId = created.taskId;
  address = created.netWssUrl ?? '';
});

afterEach(() => sandbox.close());

/** What was said until the socket closed, and how it closed. `heard` is called at every message. */
async function listen(heard: (count: number) => void = () => undefined): Promise<{ text: number; binary: number; code: unknown }> {
  const socket = new WebSocket(address);
  const counts = { text: 0, binary: 0 };
  socket.on('message', (_data, isBinary) => {
    counts[isBinary ? 'binary' : 'text'] += 1;
    heard(counts.text);
  });
  const [code]: unknown[] = await once(socket, 'close');
  return { ...counts, code };
}

describe('the progress socket', () => {
  it('opens with the credential of its task only', async () => {
    expect(JSON.parse(Buffer.from(new URL(address).searchParams.get('Rh-Comfy-Auth') ?? '', 'base64').toString())).toMatchObject({ userId: 'consumer' });
    address = address.replace('Rh-Comfy-Auth=', 'Rh-Comfy-Auth=x');
    await expect(listen()).rejects.toThrow('401');
  });

  it('ends with its task', async () => {
    const { code, binary } = await listen((count) => { if (count === 6) sandbox.deeds.move(taskId, 'SUCCESS'); });
    expect([code, binary]).toEqual([1005, 0]);
  });

  it('is cut after so many frames, at once, or refused', async () => {
    sandbox.knobs.set({ dropSocketAfterFrames: 2 });
    expect(await listen()).toMatchObject({ code: 1006 });
    sandbox.knobs.set({ dropSocketAfterFrames: null });
    expect(await listen((count) => { if (count === 4) sandbox.deeds.closeSockets(); })).toMatchObject({ code: 1006 });
    sandbox.knobs.set({ refuseSockets: true });
    await expect(listen()).rejects.toThrow('503');
  });

  it('says nothing, or previews beside every message', async () => {
    sandbox.knobs.set({ socketFrames: 'binary' });
    const noisy = await listen((count) => { if (count === 5) sandbox.deeds.move(taskId, 'FAILED'); });
    expect(noisy.binary).toBe(noisy.text);
    sandbox.knobs.set({ socketFrames: 'none' });
    sandbox.deeds.move(taskId, 'RUNNING');
    const socket = new WebSocket(address);
    const messages: unknown[] = [];
    socket.on('message', (data) => messages.push(data));
    await once(socket, 'open');
    sandbox.deeds.move(taskId, 'SUCCESS');
    await until('it closes', () => socket.readyState === WebSocket.CLOSED);
    expect(messages).toEqual([]);
  });
});
