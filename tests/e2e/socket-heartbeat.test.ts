import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { solidColour } from '../support/graphs.ts';

/** As docs/events.md says. */
const PING = 30_000;

let engine: Engine;
let gateway: TestGateway;

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url] });
});
afterEach(() => void vi.useRealTimers());
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

/** A peer of a page that may answer pings or not; opened while intervals stand still. */
async function peer(autoPong: boolean): Promise<WebSocket> {
  const socket = new WebSocket(gateway.socketUrl('page'), { autoPong });
  await once(socket, 'open');
  return socket;
}

test('a peer that shows no life from one ping to the next is cut, and one that answers is not', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const [dead, lives] = [await peer(false), await peer(true)];
  const cut = once(dead, 'close');
  for (let round = 0; round < 4; round += 1) {
    const heard = Promise.all([once(lives, 'ping'), round === 0 ? once(dead, 'ping') : undefined]);
    vi.advanceTimersByTime(PING);
    await heard;
    // The answer to the ping was sent before this call, so it has arrived when the call is answered.
    await gateway.healthy();
    if (round === 1) expect(await cut).toEqual([1006, expect.anything()]);
  }
  expect(lives.readyState).toBe(WebSocket.OPEN);
  const told = once(lives, 'message');
  lives.send('{"type":"ping"}');
  await told;
  lives.terminate();
});

test('a dead peer does not keep a prompt, nor the others of its client id, from their messages', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const dead = await peer(false);
  using watcher = await gateway.socket('page');
  const cut = once(dead, 'close');
  vi.advanceTimersByTime(PING);
  await once(dead, 'ping');
  await watcher.ask('ping');
  vi.advanceTimersByTime(PING);
  await cut;
  const { prompt_id: id } = await gateway.submit(solidColour(), { client_id: 'page' });
  expect((await watcher.ending(id)).type).toBe('result');
});
