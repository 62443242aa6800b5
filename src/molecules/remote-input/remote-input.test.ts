import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type SmallServer, startSmallServer } from '../../../tests/support/small-server.ts';
import { until } from '../../../tests/support/until.ts';
import { parseAllowedHosts } from '../../atoms/public-http/allowed-hosts.ts';
import { PublicHttp } from '../../atoms/public-http/public-http.ts';
import { fail } from '../../core/errors.ts';
import { RemoteInput, type RemoteInputParts } from './remote-input.ts';

const never = new AbortController().signal;
const servers: SmallServer[] = [];
afterEach(async () => void (await Promise.all(servers.splice(0).map((server) => server.close()))));

async function serve(answer: RequestListener): Promise<SmallServer> {
  const server = await startSmallServer(answer);
  servers.push(server);
  return server;
}
/** Answers the n-th call with the n-th of these, and later ones with the last. */
const inTurn = (...answers: RequestListener[]): RequestListener => {
  let calls = 0;
  return (request, response) => answers[Math.min(calls++, answers.length - 1)]?.(request, response);
};
const status = (code: number, headers: Record<string, string> = {}): RequestListener => (_request, response) => response.writeHead(code, headers).end(`${code}`);
const file: RequestListener = (_request, response) => response.writeHead(200, { 'content-type': 'image/png', etag: '"a"', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }).end('picture');
const cut: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-length': 100 });
  response.write('pic', () => response.socket?.destroySoon());
};

function remote(more: Partial<RemoteInputParts> = {}): { input: RemoteInput; pauses: number[] } {
  const { list, fault } = parseAllowedHosts(['127.0.0.1']);
  if (fault !== undefined) throw new TypeError(fault);
  const pauses: number[] = [];
  const sleep = async (ms: number, signal: AbortSignal): Promise<void> => { signal.throwIfAborted(); pauses.push(ms); };
  const timeouts = { headersMs: 5_000, idleMs: 5_000, totalMs: 20_000 };
  return { pauses, input: new RemoteInput({ http: new PublicHttp({ allowed: list }), sleep, random: () => 0, now: () => 0, attempts: 3, maxBytes: 1_000, timeouts, atOnce: 10, ...more }) };
}
const whole = (body: Readable): Promise<string> => text(body);

describe('a file from an address', () => {
  it('is stored with what the server says of it', async () => {
    const server = await serve((request, response) => (request.url === '/file?q' ? file(request, response) : response.writeHead(302, { location: '/file?q' }).end()));
    const fetched = await remote().input.fetch({ url: `${server.url}/old` }, async (body, facts) => [await text(body), facts], never);
    const facts = { contentType: 'image/png', etag: '"a"', lastModified: 'Thu, 01 Jan 2026 00:00:00 GMT', url: `${server.url}/file?q` };
    expect(fetched).toEqual({ kind: 'fetched', value: ['picture', facts], etag: '"a"', lastModified: 'Thu, 01 Jan 2026 00:00:00 GMT' });
  });

  it('that has not changed does not come again', async () => {
    const server = await serve((request, response) => {
      const isKnown = request.headers['if-none-match'] === '"a"' && request.headers['if-modified-since'] === 'yesterday';
      if (isKnown) response.writeHead(304).end();
      else file(request, response);
    });
    const { input } = remote();
    expect(await input.fetch({ url: server.url, conditions: { etag: '"a"', lastModified: 'yesterday' } }, whole, never)).toEqual({ kind: 'unchanged' });
    expect(await input.fetch({ url: server.url, conditions: { etag: '"b"' } }, whole, never)).toMatchObject({ kind: 'fetched', value: 'picture' });
  });

  it('comes whole, and memory holds little of it', async () => {
    const size = 24 * 1024 * 1024;
    const content = Buffer.alloc(size, 'abcdefg');
    const server = await serve((_request, response) => response.end(content));
    const { input } = remote({ maxBytes: size });
    const hash = await input.fetch({ url: server.url }, async (body) => {
      const sum = createHash('sha256');
      for await (const chunk of body) sum.update(Buffer.isBuffer(chunk) ? chunk : '');
      return sum.digest('hex');
    }, never);
    expect(hash).toMatchObject({ value: createHash('sha256').update(content).digest('hex') });
  });
});

describe('a try that fails', () => {
  it.each([['408', status(408)], ['425', status(425)], ['429', status(429)], ['500', status(500)], ['503', status(503)], ['a cut body', cut], ['a cut connection', (request) => void request.socket.destroy()] satisfies [string, RequestListener]])('with %s is followed by another', async (_kind, failure) => {
    const server = await serve(inTurn(failure, failure, file));
    const { input, pauses } = remote();
    expect(await input.fetch({ url: server.url }, whole, never)).toMatchObject({ kind: 'fetched', value: 'picture' });
    expect([pauses, server.connections()]).toEqual([[500, 1_000], 3]);
  });

  it('in the middle begins anew: no part passes for the whole', async () => {
    const server = await serve(inTurn(cut, file));
    const stored: string[] = [];
    await remote().input.fetch({ url: server.url }, async (body) => { const parts: string[] = []; stored.push('begin'); for await (const chunk of body) parts.push(String(chunk)); stored.push(parts.join('')); }, never);
    expect(stored).toEqual(['begin', 'begin', 'picture']);
  });

  it('is followed by another although the store has its own word for a broken stream', async () => {
    const server = await serve(inTurn(cut, file));
    const wrapped = (body: Readable): Promise<string> => text(body).catch((error: unknown) => { throw fail('FILE_OPERATION_ERROR', 'the stream failed.', { cause: error }); });
    expect(await remote().input.fetch({ url: server.url }, wrapped, never)).toMatchObject({ value: 'picture' });
  });

  it('because the body fell silent is followed by another', async () => {
    const server = await serve(inTurn((_request, response) => void response.writeHead(200).write('pic'), file));
    const { input } = remote({ timeouts: { headersMs: 5_000, idleMs: 60, totalMs: 20_000 } });
    expect(await input.fetch({ url: server.url }, whole, never)).toMatchObject({ value: 'picture' });
  });

  it('waits as the server asks, within bounds', async () => {
    const server = await serve(inTurn(status(429, { 'retry-after': '7' }), status(503, { 'retry-after': 'Thu, 01 Jan 1970 01:00:00 GMT' }), file));
    const { input, pauses } = remote();
    await input.fetch({ url: server.url }, whole, never);
    expect(pauses).toEqual([7_000, 60_000]);
  });

  it('is told after the last, with the address, its reason and the tries', async () => {
    const server = await serve(inTurn(status(500), status(503)));
    await expect(remote().input.fetch({ url: `${server.url}/a.png?token=secret` }, whole, never)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', retryable: true, detail: `${server.url}/a.png: answered 503, tried 3 times.` });
    expect(server.connections()).toBe(3);
    await servers.pop()?.close();
    await expect(remote({ attempts: 1 }).input.fetch({ url: server.url }, whole, never)).rejects.toMatchObject({ code: 'CONNECTION_ERROR', retryable: true, detail: `${server.url}/: cannot connect (ECONNREFUSED), tried once.` });
  });
});

describe('no second try follows', () => {
  it.each([400, 401, 403, 404, 410, 204, 206, 304])('an answer of %i', async (code) => {
    const server = await serve(status(code));
    await expect(remote().input.fetch({ url: `${server.url}/a?secret` }, whole, never)).rejects.toMatchObject({ code: 'VALIDATION_ERROR', retryable: false, detail: `${server.url}/a answered ${code}.` });
    expect(server.connections()).toBe(1);
  });

  it.each(['http://10.0.0.1/', 'http://localhost/', 'http://a:b@127.0.0.1/', 'nonsense'])('the refusal of %s', async (url) => {
    const { input, pauses } = remote();
    expect(() => input.check(url)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }));
    await expect(input.fetch({ url }, whole, never)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(pauses).toEqual([]);
  });

  it.each(['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'VALIDATION_ERROR', 'FILE_OPERATION_ERROR'] as const)('%s of the store, which passes as it is', async (code) => {
    const server = await serve(file);
    const refusal = fail(code, 'the store says no.');
    await expect(remote().input.fetch({ url: server.url }, async () => { throw refusal; }, never)).rejects.toBe(refusal);
    expect(server.connections()).toBe(1);
    await until('no connection is left', () => server.sockets.size === 0);
  });

  it('a disk that takes nothing', async () => {
    const server = await serve(file);
    const nowhere = join(import.meta.dirname, 'missing', 'file');
    await expect(remote().input.fetch({ url: server.url }, (body) => pipeline(body, createWriteStream(nowhere)), never)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(server.connections()).toBe(1);
  });

  it('a file that is too large, by its own word before a byte is read, or when it turns out', async () => {
    let isRead = false;
    const server = await serve((request, response) => response.writeHead(200, request.url === '/told' ? { 'content-length': '1001' } : {}).end(Buffer.alloc(1_001)));
    const reading = (body: Readable): Promise<Buffer> => { isRead = true; return buffer(body); };
    const refusal = (path: string) => ({ code: 'PAYLOAD_TOO_LARGE', detail: `${server.url}${path} has more than 1000 bytes (MAX_UPLOAD_MB).` });
    await expect(remote().input.fetch({ url: `${server.url}/told` }, reading, never)).rejects.toMatchObject(refusal('/told'));
    expect(isRead).toBe(false);
    await expect(remote().input.fetch({ url: `${server.url}/chunks` }, reading, never)).rejects.toMatchObject(refusal('/chunks'));
    expect([isRead, server.connections()]).toEqual([true, 2]);
  });

  it('content in a wrapping that was not asked for', async () => {
    const server = await serve(status(200, { 'content-encoding': 'gzip' }));
    await expect(remote().input.fetch({ url: server.url }, whole, never)).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE', detail: expect.stringMatching(/sends its content as gzip/) });
  });
});

describe('a download', () => {
  it('has a time limit over all its tries', async () => {
    const server = await serve((_request, response) => {
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const { input } = remote({ timeouts: { headersMs: 5_000, idleMs: 5_000, totalMs: 150 } });
    await expect(input.fetch({ url: server.url }, whole, never)).rejects.toMatchObject({ code: 'CONNECTION_ERROR', detail: `${server.url}/: not fetched within 150 ms.` });
    await until('no connection is left', () => server.sockets.size === 0);
  });

  it('ends with its signal, in whatever it is', async () => {
    const server = await serve((request, response) => { if (request.url === '/body') response.writeHead(200).write('pic'); });
    for (const path of ['/body', '/head']) {
      const stop = new AbortController();
      const fetching = remote().input.fetch({ url: `${server.url}${path}` }, whole, stop.signal);
      await until('the call arrived', () => server.sockets.size === 1);
      stop.abort(new TypeError('enough'));
      await expect(fetching).rejects.toThrow('enough');
      await until('no connection is left', () => server.sockets.size === 0);
    }
  });

  it('waits while as many as may be are under way', async () => {
    const held: (() => void)[] = [];
    const server = await serve((request, response) => void held.push(() => file(request, response)));
    const { input } = remote({ atOnce: 2 });
    const all = Array.from({ length: 4 }, () => input.fetch({ url: server.url }, whole, never));
    await until('two calls arrived', () => held.length === 2);
    for (const answer of held.splice(0)) answer();
    await until('the others follow', () => held.length === 2);
    expect(server.connections()).toBe(4);
    for (const answer of held.splice(0)) answer();
    expect((await Promise.all(all)).length).toBe(4);
  });

  it('that pauses keeps nobody waiting', async () => {
    const server = await serve((request, response) => (request.url === '/busy' ? status(503)(request, response) : file(request, response)));
    const pausing = Promise.withResolvers<undefined>();
    const go = Promise.withResolvers<undefined>();
    const { input } = remote({ atOnce: 1, attempts: 2, sleep: () => { pausing.resolve(undefined); return go.promise; } });
    const busy = input.fetch({ url: `${server.url}/busy` }, whole, never).catch((error: unknown) => error);
    await pausing.promise;
    expect(await input.fetch({ url: server.url }, whole, never)).toMatchObject({ value: 'picture' });
    go.resolve(undefined);
    expect(await busy).toMatchObject({ code: 'UPSTREAM_ERROR' });
  });
});
