import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { type SmallServer, startSmallServer } from '../../../tests/support/small-server.ts';
import { until } from '../../../tests/support/until.ts';
import { parseAllowedHosts } from './allowed-hosts.ts';
import { type Lookup, PublicHttp, type PublicRequest } from './public-http.ts';

const never = new AbortController().signal;
const servers: SmallServer[] = [];
const clients: PublicHttp[] = [];

async function serve(answer: RequestListener): Promise<SmallServer> {
  const server = await startSmallServer(answer);
  servers.push(server);
  return server;
}
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

function allowing(entries: readonly string[], lookup?: Lookup): PublicHttp {
  const { list, fault } = parseAllowedHosts(entries);
  if (fault !== undefined) throw new TypeError(fault);
  const client = new PublicHttp({ allowed: list, ...(lookup ? { lookup } : {}) });
  clients.push(client);
  return client;
}

const request = (url: string, more: Partial<PublicRequest> = {}): PublicRequest => ({ method: 'GET', url, headers: {}, timeoutMs: 5_000, idleMs: 5_000, maxRedirects: 3, ...more });
const get = (http: PublicHttp, url: string, more: Partial<PublicRequest> = {}) => http.open(request(url, more), never);
/** Names and what they lead to, and every question that was asked. */
function names(table: Readonly<Record<string, readonly string[]>>): { lookup: Lookup; asked: string[] } {
  const asked: string[] = [];
  const lookup: Lookup = async (host) => {
    asked.push(host);
    return (table[host] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return { lookup, asked };
}

describe('an address that is not public', () => {
  it.each([
    'http://127.0.0.1/', 'http://0x7f000001/', 'http://2130706433/', 'http://[::ffff:127.0.0.1]/', 'http://[::1]/', 'http://0/', 'http://127.1/', 'http://localhost/', 'http://localhost./',
    'http://127.0.0.1./', 'http://169.254.169.254/', 'http://metadata.google.internal/', 'http://a.localhost/', 'http://10.0.0.1:8080/', 'https://[fd00::1]/', 'http://100.64.0.1/',
  ])('is refused as %s, before anybody is asked', async (url) => {
    const { lookup, asked } = names({});
    const http = allowing(['*'], lookup);
    expect(() => http.check(url)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }));
    await expect(get(http, url)).rejects.toMatchObject({ code: 'VALIDATION_ERROR', detail: expect.stringMatching(/^the address https?:\/\/\S+ (is not public|has a local name)/) });
    expect(asked).toEqual([]);
  });

  it.each(['ftp://example.org/', 'file:///etc/passwd', 'example.org', '', 'http://', 'gopher://127.0.0.1/', 'data:,x'])('is not reached as %j', async (url) => {
    await expect(get(allowing(['*']), url)).rejects.toMatchObject({ code: 'VALIDATION_ERROR', detail: expect.stringMatching(/http:\/\/ or https:\/\//) });
  });

  it('with credentials is refused, and neither they nor the query are told', async () => {
    const refusal: unknown = await get(allowing(['*']), 'http://me:s3cret@example.org/a?token=s3cret').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'VALIDATION_ERROR', detail: 'the address http://example.org/a contains credentials, which are not sent.' });
  });

  it('is refused behind a name, and so is a name of which one address is not public', async () => {
    const server = await serve((_request, response) => response.end('inside'));
    const { lookup } = names({ 'one.example': ['127.0.0.1'], 'mixed.example': ['8.8.8.8', '127.0.0.1'], 'six.example': ['::ffff:127.0.0.1'] });
    const http = allowing(['*'], lookup);
    await expect(get(http, `http://one.example:${server.port}/a?b`)).rejects.toMatchObject({ code: 'VALIDATION_ERROR', detail: `the address http://one.example:${server.port}/a leads to 127.0.0.1, which is not public and not in the list of allowed hosts.` });
    await expect(get(http, `http://mixed.example:${server.port}/`)).rejects.toMatchObject({ detail: expect.stringMatching(/leads to 127\.0\.0\.1/) });
    await expect(get(http, `http://six.example:${server.port}/`)).rejects.toMatchObject({ detail: expect.stringMatching(/leads to ::ffff:127\.0\.0\.1/) });
    expect(server.connections()).toBe(0);
  });
});

describe('a name', () => {
  it('is asked for once, and the connection goes to what was checked', async () => {
    const server = await serve((request, response) => response.end(String(request.headers.host)));
    const answers = [['127.0.0.1'], ['192.0.2.1']];
    let asked = 0;
    const lookup: Lookup = async () => (answers[asked++] ?? []).map((address) => ({ address, family: 4 }));
    const { body, status, url } = await get(allowing(['127.0.0.1'], lookup), `http://rebinding.example:${server.port}/`);
    expect([await text(body), status, url, asked]).toEqual([`rebinding.example:${server.port}`, 200, `http://rebinding.example:${server.port}/`, 1]);
  });

  it('is checked anew at every call: no connection is kept for the next one', async () => {
    const server = await serve((_request, response) => response.end('x'));
    let address = '127.0.0.1';
    const http = allowing(['127.0.0.1'], async () => [{ address, family: 4 }]);
    const url = `http://changing.example:${server.port}/`;
    for (let n = 0; n < 2; n += 1) await text((await get(http, url)).body);
    address = '10.0.0.1';
    await expect(get(http, url)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(server.connections()).toBe(2);
    await until('no connection is left', () => server.sockets.size === 0);
  });

  it('is none where an address is written: nobody is asked', async () => {
    const server = await serve((_request, response) => response.end('here'));
    const { lookup, asked } = names({ '127.0.0.1': ['10.0.0.1'] });
    const { body } = await get(allowing(['127.0.0.1'], lookup), server.url);
    expect([await text(body), asked]).toEqual(['here', []]);
  });

  it('that does not exist, or has no address, is not reached', async () => {
    const missing: Lookup = async () => { throw Object.assign(new TypeError('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }); };
    await expect(get(allowing(['*'], missing), 'http://missing.example/')).rejects.toMatchObject({ name: 'HttpFailure', kind: 'refused', message: 'cannot connect (ENOTFOUND)' });
    await expect(get(allowing(['*'], names({}).lookup), 'http://empty.example/')).rejects.toMatchObject({ kind: 'refused', message: 'cannot connect (the name has no address)' });
  });

  it('that nobody answers for is given up in time and with the signal', async () => {
    const http = allowing(['*'], () => new Promise(() => undefined));
    await expect(get(http, 'http://slow.example/', { timeoutMs: 50 })).rejects.toMatchObject({ kind: 'timeout', message: 'no answer within 50 ms' });
    await expect(http.open(request('http://slow.example/'), AbortSignal.timeout(50))).rejects.toMatchObject({ kind: 'aborted' });
  });

  it('is what the certificate must be for', async () => {
    const hello = Promise.withResolvers<string>();
    const server = createServer((socket) => socket.on('error', () => socket.destroy()).once('data', (chunk) => { hello.resolve(chunk.toString('latin1')); socket.end('not tls'); }));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { lookup } = names({ 'secure.example': ['127.0.0.1'] });
    await expect(get(allowing([`127.0.0.1:${port}`], lookup), `https://secure.example:${port}/`)).rejects.toMatchObject({ kind: 'refused', message: expect.stringMatching(/^cannot connect/) });
    expect(await hello.promise).toContain('secure.example');
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a call', () => {
  it('brings status, headers and body, asked for as they are', async () => {
    const server = await serve((request, response) => response.writeHead(404, { 'content-type': 'x/y' }).end(JSON.stringify([request.method, request.url, request.headers['accept-encoding'], request.headers['x-mine']])));
    const answer = await get(allowing(['127.0.0.1']), `${server.url}/a%20b?c=d`, { headers: { 'x-mine': 'yes', 'Accept-Encoding': 'gzip' } });
    expect([answer.status, answer.headers['content-type']]).toEqual([404, 'x/y']);
    expect(await text(answer.body)).toBe('["GET","/a%20b?c=d","identity","yes"]');
  });

  it('posts a body with its length, and follows no redirect', async () => {
    const paths: (string | undefined)[] = [];
    const server = await serve((request, response) => void text(request).then((body) => { paths.push(request.url); response.writeHead(307, { location: '/next' }).end(`${request.headers['content-length']} ${body}`); }));
    const answer = await get(allowing(['127.0.0.1']), server.url, { method: 'POST', body: '{"ä":1}' });
    expect([answer.status, answer.headers['location'], await text(answer.body), paths]).toEqual([307, '/next', '8 {"ä":1}', ['/']]);
  });

  it('whose headers do not come is given up; the time counts over redirects', async () => {
    const server = await serve((request, response) => { if (request.url === '/') response.writeHead(302, { location: '/silent' }).end(); });
    await expect(get(allowing(['127.0.0.1']), server.url, { timeoutMs: 100 })).rejects.toMatchObject({ kind: 'timeout', message: 'no answer within 100 ms' });
    await until('no connection is left', () => server.sockets.size === 0);
  });

  it('whose headers are larger than the limit fails', async () => {
    const server = await serve((_request, response) => response.writeHead(200, { 'x-large': 'x'.repeat(20_000) }).end());
    await expect(get(allowing(['127.0.0.1']), server.url)).rejects.toMatchObject({ kind: 'too_large' });
  });

  it('fails by kind: nobody listens, cut before the headers', async () => {
    const server = await serve((request) => void request.socket.destroy());
    await expect(get(allowing(['127.0.0.1']), server.url)).rejects.toMatchObject({ kind: 'cut', message: 'the connection broke (ECONNRESET)' });
    await servers.pop()?.close();
    await expect(get(allowing(['127.0.0.1']), server.url)).rejects.toMatchObject({ kind: 'refused', message: 'cannot connect (ECONNREFUSED)' });
  });

  it('ends when the client is closed, and no other begins', async () => {
    const server = await serve(() => undefined);
    const http = allowing(['127.0.0.1']);
    const waiting = get(http, server.url);
    await until('the call arrived', () => server.sockets.size === 1);
    http.close();
    await expect(waiting).rejects.toMatchObject({ kind: 'aborted' });
    await expect(get(http, server.url)).rejects.toMatchObject({ kind: 'aborted' });
  });
});

describe('a body', () => {
  it('that falls silent fails, however early its headers came', async () => {
    const server = await serve((_request, response) => void response.writeHead(200, { 'content-length': 100 }).write('half'));
    const { body } = await get(allowing(['127.0.0.1']), server.url, { idleMs: 80 });
    await expect(text(body)).rejects.toMatchObject({ name: 'HttpFailure', kind: 'timeout', message: 'nothing came for 80 ms' });
    await until('no connection is left', () => server.sockets.size === 0);
  });

  it('is not given up because its reader is slow', async () => {
    const size = 4 * 1024 * 1024;
    const server = await serve((_request, response) => response.writeHead(200, { 'content-length': size }).end(Buffer.alloc(size)));
    const { body } = await get(allowing(['127.0.0.1']), server.url, { idleMs: 50 });
    let timeouts = 0;
    await until('the first bytes wait', () => body.readableLength > 0);
    if (!('socket' in body) || !(body.socket instanceof Readable)) throw new TypeError('no socket');
    body.socket.on('timeout', () => (timeouts += 1));
    await until('the clock ran out several times', () => timeouts > 2);
    expect((await buffer(body)).length).toBe(size);
  });

  it('may take longer than the headers may', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200).write('a');
      setTimeout(() => response.end('b'), 150);
    });
    const { body } = await get(allowing(['127.0.0.1']), server.url, { timeoutMs: 100 });
    expect(await text(body)).toBe('ab');
  });

  it('fails when it is cut, and with the signal', async () => {
    const server = await serve((request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => { if (request.url === '/cut') response.socket?.destroySoon(); });
    });
    const http = allowing(['127.0.0.1']);
    await expect(text((await get(http, `${server.url}/cut`)).body)).rejects.toThrow();
    const stop = new AbortController();
    const { body } = await http.open(request(server.url), stop.signal);
    stop.abort();
    await expect(text(body)).rejects.toThrow();
  });

  it('that nobody wants closes its connection', async () => {
    const server = await serve((_request, response) => void response.writeHead(200).write('more'));
    const { body } = await get(allowing(['127.0.0.1']), server.url);
    body.destroy();
    await until('no connection is left', () => server.sockets.size === 0);
  });
});
