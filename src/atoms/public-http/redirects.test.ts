import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { type SmallServer, startSmallServer } from '../../../tests/support/small-server.ts';
import { until } from '../../../tests/support/until.ts';
import { parseAllowedHosts } from './allowed-hosts.ts';
import { type Lookup, PublicHttp, type PublicAnswer } from './public-http.ts';

const never = new AbortController().signal;
const servers: SmallServer[] = [];
afterEach(async () => void (await Promise.all(servers.splice(0).map((server) => server.close()))));

async function serve(answer: RequestListener): Promise<SmallServer> {
  const server = await startSmallServer(answer);
  servers.push(server);
  return server;
}
const to = (location: string, status = 302): RequestListener => (_request, response) => response.writeHead(status, { location }).end('elsewhere');

function get(url: string, { headers = {}, lookup, allowed = ['127.0.0.1', 'start.example'] }: { headers?: Record<string, string>; lookup?: Lookup; allowed?: string[] } = {}): Promise<PublicAnswer> {
  const { list, fault } = parseAllowedHosts(allowed);
  if (fault !== undefined) throw new TypeError(fault);
  const http = new PublicHttp({ allowed: list, ...(lookup ? { lookup } : {}) });
  return http.open({ method: 'GET', url, headers, timeoutMs: 5_000, idleMs: 5_000, maxRedirects: 3 }, never);
}

it.each([301, 302, 303, 307, 308])('%i leads on, and the answer says from where it came', async (status) => {
  const server = await serve((request, response) => (request.url === '/there?x=1' ? response.end('here') : response.writeHead(status, { location: '../there?x=1' }).end()));
  const answer = await get(`${server.url}/a/b`);
  expect([answer.status, answer.url, await text(answer.body)]).toEqual([200, `${server.url}/there?x=1`, 'here']);
  await until('no connection is left', () => server.sockets.size === 0);
});

it.each([
  ['http://10.0.0.1/secret?q', /^the address http:\/\/10\.0\.0\.1\/secret is not public/],
  ['http://169.254.169.254/latest/meta-data', /is not public/],
  ['http://localhost:1/', /has a local name/],
  ['//[::1]/', /is not public/],
  ['http://inside.example/', /leads to 10\.0\.0\.1, which is not public/],
  ['file:///etc/passwd', /does not begin with http/],
  ['http://me:secret@start.example/', /^the address http:\/\/start\.example\/ contains credentials/],
])('to %s is refused', async (location, words) => {
  const inside = await serve(to(location));
  const lookup: Lookup = async (host) => [{ address: host === 'start.example' ? '127.0.0.1' : '10.0.0.1', family: 4 }];
  await expect(get(`http://start.example:${inside.port}/`, { lookup })).rejects.toMatchObject({ code: 'VALIDATION_ERROR', detail: expect.stringMatching(words) });
});

it('from a public name to a private address is refused where only public ones are allowed', async () => {
  const server = await serve(to('http://127.0.0.1:1/'));
  const lookup: Lookup = async () => [{ address: '127.0.0.1', family: 4 }];
  await expect(get(`http://start.example:${server.port}/`, { lookup, allowed: ['*', 'start.example'] })).rejects.toMatchObject({ code: 'VALIDATION_ERROR', detail: 'the address http://127.0.0.1:1/ is not public and not in the list of allowed hosts.' });
});

it('in a circle ends', async () => {
  const server = await serve(to('/again?secret'));
  await expect(get(`${server.url}/start?secret`)).rejects.toMatchObject({ code: 'VALIDATION_ERROR', detail: `the address ${server.url}/start was redirected more than 3 times.` });
  expect(server.connections()).toBe(4);
});

it('with a body of its own leaves that and its connection behind', async () => {
  const server = await serve((request, response) => (request.url === '/there' ? response.end('here') : void response.writeHead(302, { location: '/there' }).write('without end')));
  expect(await text((await get(server.url)).body)).toBe('here');
  await until('no connection is left', () => server.sockets.size === 0);
});

it.each([undefined, 'http://'])('to %s is the answer itself', async (location) => {
  const server = await serve((_request, response) => response.writeHead(302, location === undefined ? {} : { location }).end('nowhere'));
  const answer = await get(server.url);
  expect([answer.status, await text(answer.body)]).toEqual([302, 'nowhere']);
});

it('to others does not take along who the caller is', async () => {
  const other = await serve((request, response) => response.end(JSON.stringify([request.headers.authorization, request.headers.cookie, request.headers['if-none-match']])));
  const same = await serve((request, response) => (request.url === '/' ? response.writeHead(302, { location: '/2' }).end() : response.writeHead(302, { location: `${other.url}/${request.headers.authorization ?? ''}` }).end()));
  const answer = await get(same.url, { headers: { Authorization: 'mine', Cookie: 'mine', 'If-None-Match': '"a"' } });
  expect([answer.url, await text(answer.body)]).toEqual([`${other.url}/mine`, '[null,null,"\\"a\\""]']);
});
