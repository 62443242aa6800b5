import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../../tests/support/until.ts';
import { HttpStream } from './http-stream.ts';

const never = new AbortController().signal;
let server: Server | undefined;
let http = new HttpStream();
const sockets = new Set<Socket>();

/** A server on a free port that does just that. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  http = new HttpStream();
  const started = createServer(answer);
  server = started;
  started.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  started.listen(0, '127.0.0.1');
  await once(started, 'listening');
  const address = started.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`;
}
afterEach(async () => {
  http.close();
  const closing = server;
  server = undefined;
  closing?.closeAllConnections();
  if (closing) await new Promise((resolve) => closing.close(resolve));
  sockets.clear();
});

const get = (url: string, { idleMs = 5_000, signal = never, method = 'GET', headers = {} }: { idleMs?: number; signal?: AbortSignal; method?: 'GET' | 'HEAD'; headers?: Record<string, string> } = {}) => http.open({ method, url, headers, idleMs }, signal);
const upload = (url: string, content: Readable, { size = 10, timeoutMs = 5_000, signal = never }: { size?: number; timeoutMs?: number; signal?: AbortSignal } = {}) =>
  http.upload({ url, headers: { 'x-extra': 'yes' }, fields: { overwrite: 'true', type: 'input' }, file: { field: 'image', filename: 'ä "1".png', contentType: 'image/png', size, body: content }, timeoutMs }, signal);

describe('a body on its way down', () => {
  it('comes with status and headers, and is pulled', async () => {
    const url = await serve((request, response) => response.writeHead(206, { 'content-type': 'x/y', 'x-asked': request.headers.range ?? '' }).end('hello'));
    const { status, headers, body } = await get(url, { headers: { range: 'bytes=0-4' } });
    expect([status, headers['content-type'], headers['x-asked'], await text(body)]).toEqual([206, 'x/y', 'bytes=0-4', 'hello']);
  });

  it('fails when the connection breaks in the middle: no part passes for the whole', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.socket?.destroySoon());
    });
    const { body } = await get(url);
    await expect(text(body)).rejects.toThrow();
  });

  it('without a length fails as well when its chunks break off', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200);
      response.write('half', () => response.socket?.destroySoon());
    });
    const { body } = await get(url);
    await expect(text(body)).rejects.toThrow();
  });

  it('that falls silent is given up', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
    });
    const { body } = await get(url, { idleMs: 100 });
    await expect(text(body)).rejects.toMatchObject({ name: 'HttpFailure', kind: 'timeout', message: 'nothing came for 100 ms' });
    await until('the socket is closed', () => sockets.size === 0);
  });

  it('is not given up because its reader is slow', async () => {
    const size = 4 * 1024 * 1024;
    const url = await serve((_request, response) => response.writeHead(200, { 'content-length': size }).end(Buffer.alloc(size)));
    const { body } = await get(url, { idleMs: 50 });
    let timeouts = 0;
    await until('the first bytes wait', () => body.readableLength > 0);
    if (!('socket' in body) || !(body.socket instanceof Readable)) throw new TypeError('no socket');
    body.socket.on('timeout', () => (timeouts += 1));
    await until('the clock ran out several times', () => timeouts > 2);
    expect((await buffer(body)).length).toBe(size);
  });

  it('ends with its signal, in the head or later', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/late') return;
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
    });
    const first = new AbortController();
    const waiting = get(`${url}late`, { signal: first.signal });
    await until('the call arrived', () => sockets.size === 1);
    first.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'aborted' });
    const second = new AbortController();
    const { body } = await get(url, { signal: second.signal });
    second.abort();
    await expect(text(body)).rejects.toThrow();
    await until('nothing is left open', () => sockets.size === 0);
    await expect(get(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({ kind: 'aborted' });
  });

  it('that nobody wants is stopped upstream, and its socket is closed', async () => {
    let sent = 0;
    const url = await serve((_request, response) => {
      const endless = Readable.from((function* () { for (;;) { sent += 65_536; yield Buffer.alloc(65_536); } })());
      response.on('close', () => endless.destroy());
      endless.pipe(response.writeHead(200));
    });
    const { body } = await get(url);
    await once(body, 'readable');
    body.destroy();
    await until('the socket is closed', () => sockets.size === 0);
    const then = sent;
    expect(then).toBeLessThan(64 * 1024 * 1024);
  });

  it('that was read to its end leaves one socket for the next call', async () => {
    const url = await serve((_request, response) => response.writeHead(200, { 'content-length': 1 }).end('x'));
    for (let n = 0; n < 5; n += 1) await text((await get(url)).body);
    expect(sockets.size).toBe(1);
    const { body, headers } = await get(url, { method: 'HEAD' });
    expect([await text(body), headers['content-length']]).toEqual(['', '1']);
  });

  it('fails by kind: nobody listens, no head in time, cut before the head', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/cut') response.socket?.destroy();
    });
    await expect(get(url, { idleMs: 50 })).rejects.toMatchObject({ kind: 'timeout' });
    await expect(get(`${url}cut`)).rejects.toMatchObject({ kind: 'cut' });
    await new Promise((resolve) => { server?.closeAllConnections(); server?.close(resolve); });
    server = undefined;
    await expect(get(url)).rejects.toMatchObject({ kind: 'refused', message: 'cannot connect (ECONNREFUSED)' });
  });
});

describe('a file on its way up', () => {
  it('arrives as a form with its fields, name and length', async () => {
    let seen = { headers: {} as IncomingMessage['headers'], body: '' };
    const url = await serve((request, response) => void text(request).then((body) => { seen = { headers: request.headers, body }; response.end('{"ok":18446744073709551615}'); }));
    expect(await upload(url, Readable.from(['0123456789']))).toEqual({ status: 200, text: '{"ok":18446744073709551615}' });
    expect(seen.headers['x-extra']).toBe('yes');
    expect(seen.headers['content-length']).toBe(String(Buffer.byteLength(seen.body)));
    expect(seen.body).toMatch(/name="overwrite"\r\n\r\ntrue[\s\S]*name="image"; filename="ä %221%22\.png"[\s\S]*0123456789/);
  });

  it('answers any status', async () => {
    const url = await serve((request, response) => void request.resume().on('end', () => response.writeHead(413).end('too large')));
    expect(await upload(url, Readable.from(['0123456789']))).toEqual({ status: 413, text: 'too large' });
  });

  it('whose source fails, fails: the other side never sees a complete form', async () => {
    const whole: boolean[] = [];
    const arrived = Promise.withResolvers<undefined>();
    const url = await serve((request) => {
      request.once('data', () => arrived.resolve(undefined));
      void text(request).then(() => whole.push(true), () => whole.push(false));
    });
    const broken = Readable.from((async function* () { yield '01234'; await arrived.promise; throw new TypeError('disk'); })());
    await expect(upload(url, broken)).rejects.toMatchObject({ name: 'HttpFailure' });
    await until('the other side noticed', () => whole.length > 0);
    expect(whole).toEqual([false]);
  });

  it('is given up in time and with its signal, and its source is let go', async () => {
    const url = await serve((request) => void request.resume());
    const first = Readable.from(['0123456789']);
    await expect(upload(url, first, { timeoutMs: 100 })).rejects.toMatchObject({ kind: 'timeout' });
    const stop = new AbortController();
    const second = new Readable({ read: () => undefined });
    const uploading = upload(url, second, { signal: stop.signal });
    await until('the call arrived', () => sockets.size > 0);
    stop.abort();
    await expect(uploading).rejects.toMatchObject({ kind: 'aborted' });
    expect([first.destroyed, second.destroyed]).toEqual([true, true]);
  });

  it('is pulled as fast as the other side takes it', async () => {
    const size = 32 * 1024 * 1024;
    let made = 0;
    const source = Readable.from((function* () { for (; made < size; made += 65_536) yield Buffer.alloc(65_536); })(), { highWaterMark: 1 });
    const arrived = Promise.withResolvers<IncomingMessage>();
    const url = await serve((request, response) => {
      arrived.resolve(request);
      request.on('end', () => response.end('ok'));
    });
    const uploading = upload(url, source, { size });
    const request = await arrived.promise;
    await until('nothing more is made', async () => { const before = made; await new Promise((resolve) => setTimeout(resolve, 50)); return made === before; });
    expect(made).toBeLessThan(size / 2);
    request.resume();
    expect(await uploading).toMatchObject({ status: 200 });
  });
});
