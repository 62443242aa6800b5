import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import { type SmallServer, startSmallServer } from '../../../tests/support/small-server.ts';
import { until } from '../../../tests/support/until.ts';
import { parseAllowedHosts } from '../../atoms/public-http/allowed-hosts.ts';
import { type Lookup, PublicHttp } from '../../atoms/public-http/public-http.ts';
import type { DueDelivery } from '../../models/delivery-store.ts';
import { Webhooks } from './webhooks.ts';

const never = new AbortController().signal;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const servers: SmallServer[] = [];
const now = Date.now();
afterEach(async () => void (await Promise.all(servers.splice(0).map((server) => server.close()))));

async function serve(answer: RequestListener): Promise<SmallServer> {
  const server = await startSmallServer(answer);
  servers.push(server);
  return server;
}

function webhooks({ allowed = ['127.0.0.1'], timeoutMs = 5_000, lookup }: { allowed?: string[]; timeoutMs?: number; lookup?: Lookup } = {}): Webhooks {
  const { list, fault } = parseAllowedHosts(allowed);
  if (fault !== undefined) throw new TypeError(fault);
  const http = new PublicHttp({ allowed: list, ...(lookup ? { lookup } : {}) });
  return new Webhooks({ http, secret, timeoutMs, now: () => now, random: () => 0.5 });
}
const due = (url: string, more: Partial<DueDelivery> = {}): DueDelivery => ({ taskId: 't', n: 1, owner: 'ann', messageId: 'm-1', url, event: 'completed', body: '{"type":"completed"}', attempts: 0, createdAt: now, ...more });

describe('a webhook', () => {
  it('is one signed POST of the body as it is stored', async () => {
    const seen = Promise.withResolvers<[string | undefined, Record<string, string>, string]>();
    const server = await serve((request, response) => void text(request).then((body) => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      seen.resolve([request.method, headers, body]);
      response.writeHead(204).end();
    }));
    expect(await webhooks().send(due(`${server.url}/hook?secret=1`), never)).toEqual({ kind: 'delivered', status: 204 });
    const [method, headers, body] = await seen.promise;
    expect([method, headers['content-type'], headers['user-agent'], headers['webhook-id'], body]).toEqual(['POST', 'application/json', 'comfyui-gateway', 'm-1', '{"type":"completed"}']);
    expect(new Webhook(secret).verify(body, headers)).toEqual({ type: 'completed' });
  });

  it.each([500, 404, 301, 304])('that is answered %i failed, and is tried again', async (status) => {
    const server = await serve((_request, response) => response.writeHead(status, { location: '/elsewhere' }).end('no'));
    expect(await webhooks().send(due(server.url, { attempts: 1 }), never)).toEqual({ kind: 'failed', status, error: `answered ${status}`, nextAt: now + 30_000 });
    expect(server.connections()).toBe(1);
  });

  it('waits as long as the receiver asks, and is given up when that is gone', async () => {
    const server = await serve((request, response) => response.writeHead(request.url === '/gone' ? 410 : 429, { 'retry-after': '600' }).end());
    expect(await webhooks().send(due(server.url), never)).toMatchObject({ status: 429, nextAt: now + 600_000 });
    expect(await webhooks().send(due(`${server.url}/gone`), never)).toEqual({ kind: 'failed', status: 410, error: 'answered 410', nextAt: undefined });
  });

  it('fails when nobody listens, and when no answer comes in time', async () => {
    const silent = await serve(() => undefined);
    expect(await webhooks({ timeoutMs: 60 }).send(due(silent.url), never)).toEqual({ kind: 'failed', error: 'no answer within 60 ms', nextAt: now + 5_000 });
    await servers.pop()?.close();
    expect(await webhooks().send(due(silent.url), never)).toEqual({ kind: 'failed', error: 'cannot connect (ECONNREFUSED)', nextAt: now + 5_000 });
  });

  it('is delivered by the status, whatever the rest of the answer does', async () => {
    const server = await serve((request, response) => {
      response.writeHead(200);
      if (request.url === '/endless') {
        const more = (): void => { while (response.write(Buffer.alloc(65_536)) && !response.destroyed); };
        response.on('drain', more);
        more();
      } else response.write('half', () => { if (request.url === '/cut') response.socket?.destroySoon(); });
    });
    const hooks = webhooks({ timeoutMs: 150 });
    for (const path of ['/endless', '/cut', '/silent']) expect(await hooks.send(due(`${server.url}${path}`), never), path).toEqual({ kind: 'delivered', status: 200 });
    await until('no connection is left', () => server.sockets.size === 0);
  });

  it('to an address that is refused is given up, in words without the query', async () => {
    const lookup: Lookup = async () => [{ address: '10.0.0.1', family: 4 }];
    const sent = await webhooks({ allowed: ['*'], lookup }).send(due('http://inside.example/hook?secret'), never);
    expect(sent).toEqual({ kind: 'failed', error: 'the address http://inside.example/hook leads to 10.0.0.1, which is not public and not in the list of allowed hosts.', nextAt: undefined });
  });

  it('that is broken off by the signal has no verdict', async () => {
    const server = await serve(() => undefined);
    const stop = new AbortController();
    const sending = webhooks().send(due(server.url), stop.signal);
    await until('the call arrived', () => server.sockets.size === 1);
    stop.abort(new TypeError('stopping'));
    await expect(sending).rejects.toThrow('stopping');
  });
});

describe('an address of a webhook', () => {
  it.each(['ftp://example.org/', 'nonsense', 'http://me:secret@example.org/', 'http://127.1/', 'http://localhost:8000/', 'http://[::1]/', 'http://169.254.169.254/'])('%s is refused when it is given', (url) => {
    expect(() => webhooks({ allowed: ['*'] }).check(url)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }));
  });

  it('with a name is taken: where it leads is seen when it is told', () => {
    expect(() => webhooks({ allowed: ['*'] }).check('https://example.org:8443/hook?token=1')).not.toThrow();
  });
});

it('webhooks with a secret that cannot be used are not made', () => {
  const { list } = parseAllowedHosts(['*']);
  if (!list) throw new TypeError('no list');
  expect(() => new Webhooks({ http: new PublicHttp({ allowed: list }), secret: 'short', timeoutMs: 1, now: () => 0, random: () => 0 })).toThrow('it must have 24 to 64 bytes, and has 5');
});
