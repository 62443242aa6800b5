import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { ClientSocket } from './websocket.ts';

const servers: WebSocketServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function pair(maxWaiting: number): Promise<{ client: ClientSocket; far: WebSocket }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  servers.push(server);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const connected = once(server, 'connection');
  const client = await ClientSocket.open({ url: `ws://127.0.0.1:${port}`, headers: {}, connectMs: 5_000, maxBytes: 1_000_000, maxWaiting }, new AbortController().signal);
  const [far] = (await connected) as [WebSocket];
  return { client, far };
}

describe('a client socket', () => {
  it('stays open however many bytes have passed, as long as they are read', async () => {
    const { client, far } = await pair(1_000);
    const frames = client.frames();
    for (let round = 0; round < 50; round += 1) {
      far.send('héllo ☃'.repeat(20));
      expect((await frames.next()).value).toMatchObject({ kind: 'text' });
    }
    client.terminate('done');
    expect((await frames.next()).done).toBe(true);
    expect(client.reason).toBe('done');
  });

  it('gives up when more bytes wait than it may hold', async () => {
    const { client, far } = await pair(1_000);
    far.send(Buffer.alloc(2_000));
    await once(far, 'close');
    expect(client.reason).toContain('more bytes');
  });

  it('says why it could not open', async () => {
    const opening = ClientSocket.open({ url: 'ws://127.0.0.1:1', headers: {}, connectMs: 5_000, maxBytes: 1, maxWaiting: 1 }, new AbortController().signal);
    await expect(opening).rejects.toMatchObject({ name: 'HttpFailure', kind: 'refused' });
  });
});
