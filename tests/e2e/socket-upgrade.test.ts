import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { solidColour } from '../support/graphs.ts';
import { containing } from '../support/matchers.ts';

let engine: Engine;
let gateway: TestGateway;

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url] });
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: Record<string, unknown>;
}

/** One request, byte by byte, on a connection of its own that must be closed after the answer. */
async function raw(first: string, headers: readonly string[], body = ''): Promise<RawAnswer> {
  const { port } = new URL(gateway.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write([first, `Host: 127.0.0.1:${port}`, ...headers, '', body].join('\r\n'));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  const [head = '', text = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body: JSON.parse(text) };
}

const websocket = ['Connection: Upgrade', 'Upgrade: websocket'];
const handshake = [...websocket, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
const h2c = ['Connection: Upgrade, HTTP2-Settings, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'];

describe('a call that offers another protocol than WebSocket', () => {
  test('is served as plain HTTP', async () => {
    expect(await raw('GET /readyz HTTP/1.1', h2c)).toMatchObject({ status: 200, body: { ready: true } });
  });

  test('with a body is served as plain HTTP, too', async () => {
    const body = JSON.stringify({ workflow: solidColour() });
    const answer = await raw('POST /api/v1/workflows/submit HTTP/1.1', [...h2c, 'Content-Type: application/json', `Content-Length: ${body.length}`], body);
    expect(answer).toMatchObject({ status: 200, body: { node_errors: {} } });
    await gateway.ended(String(answer.body['prompt_id']));
  });

  test('keeps its connection for the next call', async () => {
    const { port } = new URL(gateway.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(`GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`);
    await once(socket, 'data');
    socket.write(`GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
    const [second] = z.tuple([z.instanceof(Buffer)]).parse(await once(socket, 'data'));
    expect(second.toString()).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  test.each([['h2c', h2c], ['several at once', ['Connection: Upgrade, close', 'Upgrade: h2c, websocket']]])('(%s) at the address of a socket is told to ask for a WebSocket', async (_what, headers) => {
    const answer = await raw('GET /api/v1/ws/page HTTP/1.1', headers);
    expect(answer).toMatchObject({ status: 426, body: { code: 'WEBSOCKET_ERROR', status: 426, detail: containing('/api/v1/ws/page is a WebSocket') } });
    expect(answer.head).toMatch(/^Upgrade: websocket$/im);
  });
});

test('a plain GET of the address of a socket is told to ask for a WebSocket', async () => {
  const answer = await gateway.call('GET', '/api/v1/ws/page?ticket=x');
  expect([answer.status, answer.headers.get('content-type')]).toEqual([426, 'application/problem+json']);
  expect(answer.body).toMatchObject({ code: 'WEBSOCKET_ERROR', detail: containing('Upgrade: websocket') });
  const { head } = await raw('GET /api/v1/ws/page HTTP/1.1', ['Connection: close']);
  expect(head).toMatch(/^Upgrade: websocket$/im);
  expect((await gateway.call('POST', '/api/v1/ws/page')).status).toBe(404);
});

describe('an upgrade', () => {
  test.each([['//'], ['/'], ['*'], ['/api/v1/ws'], ['/api/v1/ws/../x'], ['http://[/']])('at %s, where no socket is, is refused with 404', async (target) => {
    expect(await raw(`GET ${target} HTTP/1.1`, handshake)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });

  test.each([
    ['no key', [...websocket, 'Sec-WebSocket-Version: 13'], 'Sec-WebSocket-Key'],
    ['a bad key', [...websocket, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: short'], 'Sec-WebSocket-Key'],
    ['an unknown version', [...websocket, 'Sec-WebSocket-Version: 99', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='], 'Sec-WebSocket-Version'],
    ['a subprotocol that is none', [...handshake, 'Sec-WebSocket-Protocol: a,,b'], 'Sec-WebSocket-Protocol'],
  ])('with %s is refused with a code', async (_what, headers, named) => {
    const answer = await raw('GET /api/v1/ws/page HTTP/1.1', headers);
    expect(answer).toMatchObject({ status: 400, body: { code: 'WEBSOCKET_ERROR', detail: containing(named) } });
    expect(answer.head).toMatch(/^Content-Type: application\/problem\+json$/m);
    expect(answer.head).toMatch(/^Sec-WebSocket-Version: 13$/m);
  });

  test('that was refused leaves no watcher behind', async () => {
    await raw('GET /api/v1/ws/page HTTP/1.1', websocket);
    using socket = await gateway.socket('page');
    expect((await socket.ask('ping')).data['event']).toBe('pong');
  });
});
