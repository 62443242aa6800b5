import { connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { jsonHeaders, keys, problemOf, raw, startApp, submitPath, withKeys } from '../../../tests/support/http-app.ts';
import type { Caller } from '../../models/caller.ts';
import { fail } from '../../core/errors.ts';
import type { SubmitRequest } from '../../models/workflow.ts';

const answer = { prompt_id: 'p-1', number: 1, client_id: 'c', instance: 'i', node_errors: {} };
const seen = () => vi.fn<(caller: Caller, body: SubmitRequest) => Promise<typeof answer>>(async () => answer);
const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = jsonHeaders) => ({ method: 'POST', headers, body });

describe('submit', () => {
  it('hands a checked body on, digits kept, and answers lossless JSON', async () => {
    const history = { prompt: [1, { seed: JSON.rawJSON('18446744073709551615') }] };
    const submit = seen();
    await using app = await startApp({}, { workflows: { submit, history: async () => history } });
    const response = await fetch(app.url + submitPath, post('{"workflow":{"1":{"class_type":"A","inputs":{"seed":18446744073709551615}}}}'));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual(answer);
    expect(JSON.stringify(submit.mock.calls[0]?.[1])).toContain('"seed":18446744073709551615');
    expect(await (await fetch(`${app.url}/api/v1/workflows/p-1/history`)).text()).toBe('{"prompt":[1,{"seed":18446744073709551615}]}');
  });

  it.each([
    ['rubbish', '{"workflow": x}', 'MALFORMED_JSON', /position 13 .*unexpected "x"/],
    ['nothing', '', 'MALFORMED_JSON', /position 0 .*ends too early/],
    ['half of it', '{"workflow":', 'MALFORMED_JSON', /position 12/],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'MALFORMED_JSON', /UTF-8/],
  ])('refuses %s as %s', async (_what, body, code, detail) => {
    await using app = await startApp({}, { workflows: { submit: seen() } });
    const response = await fetch(app.url + submitPath, post(body));
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ code, detail: expect.stringMatching(detail) as string });
  });

  it('tells every fault of a body that is JSON but wrong', async () => {
    await using app = await startApp({}, { workflows: { submit: seen() } });
    const response = await fetch(app.url + submitPath, post('{"client_id":"a b","front":"yes","colour":1}'));
    expect(response.status).toBe(422);
    const { code, errors } = await problemOf(response);
    expect(code).toBe('VALIDATION_ERROR');
    expect((errors as { input: string }[]).map((one) => one.input).sort()).toEqual(['client_id', 'colour', 'front', 'workflow']);
  });

  it.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json; charset=latin1', 'application/jsonp'])('refuses Content-Type %s and names what it takes', async (type) => {
    await using app = await startApp({}, { workflows: { submit: seen() } });
    const { status, text } = await raw(app.port, { method: 'POST', path: submitPath, headers: type === undefined ? {} : { 'content-type': type }, body: '{"workflow":{}}' });
    expect(status).toBe(415);
    expect(text).toContain('application/json');
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"', 'application/vnd.api+json'])('takes Content-Type %s', async (type) => {
    await using app = await startApp({}, { workflows: { submit: seen() } });
    expect((await fetch(app.url + submitPath, post('{"workflow":{}}', { 'content-type': type }))).status).toBe(200);
  });

  it('refuses a compressed body', async () => {
    await using app = await startApp({}, { workflows: { submit: seen() } });
    expect((await fetch(app.url + submitPath, post('{}', { ...jsonHeaders, 'content-encoding': 'gzip' }))).status).toBe(415);
  });

  it.each(['{"workflow":{},"__proto__":{"admin":true}}', '{"workflow":{},"constructor":{"prototype":{"admin":true}}}'])('refuses %s and pollutes nothing', async (body) => {
    const submit = seen();
    await using app = await startApp({}, { workflows: { submit } });
    expect((await fetch(app.url + submitPath, post(body))).status).toBe(422);
    expect(submit).not.toHaveBeenCalled();
    expect('admin' in {}).toBe(false);
  });

  it('a node called __proto__ changes no prototype', async () => {
    const submit = seen();
    await using app = await startApp({}, { workflows: { submit } });
    await fetch(app.url + submitPath, post('{"workflow":{"__proto__":{"class_type":"A"},"1":{"class_type":"B","inputs":{"__proto__":{"x":1}}}}}'));
    expect(Object.keys({}).length).toBe(0);
    expect('class_type' in {}).toBe(false);
    const graph = submit.mock.calls[0]?.[1].workflow ?? {};
    expect('class_type' in graph).toBe(false);
  });
});

describe('the size of a body', () => {
  const body = (bytes: number) => `{"workflow":{}}${' '.repeat(bytes - 15)}`;
  const environment = { MAX_WORKFLOW_MB: '0.01' };
  const limit = Math.floor(0.01 * 1024 * 1024);

  it('may be the limit, and not one byte more, by its announced length', async () => {
    await using app = await startApp(environment, { workflows: { submit: seen() } });
    expect((await fetch(app.url + submitPath, post(body(limit)))).status).toBe(200);
    const response = await fetch(app.url + submitPath, post(body(limit + 1)));
    expect(response.status).toBe(413);
    expect(await problemOf(response)).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', detail: expect.stringContaining('MAX_WORKFLOW_MB') as string });
  });

  it('is cut while reading when no length was announced, and the refusal arrives', async () => {
    const submit = seen();
    await using app = await startApp(environment, { workflows: { submit } });
    const socket = connect(app.port, '127.0.0.1');
    let told = '';
    socket.on('data', (chunk) => (told += String(chunk)));
    socket.write(`POST ${submitPath} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const chunk = ' '.repeat(1_024);
    for (let sent = 0; sent <= limit && !told; sent += 1_024) socket.write(`400\r\n${chunk}\r\n`);
    await vi.waitFor(() => expect(told).toContain('413'));
    expect(told).toContain('PAYLOAD_TOO_LARGE');
    expect(submit).not.toHaveBeenCalled();
    socket.destroy();
  });

  it('leaves the connection usable after a refusal of a moderate body', async () => {
    await using app = await startApp(environment, { workflows: { submit: seen() } });
    for (let n = 0; n < 3; n += 1) expect((await fetch(app.url + submitPath, post(body(limit * 20)))).status).toBe(413);
    expect((await fetch(app.url + submitPath, post('{"workflow":{}}'))).status).toBe(200);
  });

  it('elsewhere is 1 MiB', async () => {
    await using app = await startApp();
    const response = await fetch(`${app.url}/api/v1/queue/clear`, post(`{"clear":true}${' '.repeat(1024 * 1024)}`));
    expect(response.status).toBe(413);
  });
});

describe('a call', () => {
  it('may leave out the body of interrupt', async () => {
    const interrupt = vi.fn<(caller: Caller, id: string | undefined) => Promise<{ results: [] }>>(async () => ({ results: [] }));
    await using app = await startApp({}, { workflows: { interrupt } });
    expect((await fetch(`${app.url}/api/v1/workflows/interrupt`, { method: 'POST' })).status).toBe(200);
    expect((await fetch(`${app.url}/api/v1/workflows/interrupt`, post('{"prompt_id":"p-1"}'))).status).toBe(200);
    expect(interrupt.mock.calls.map((call) => call[1])).toEqual([undefined, 'p-1']);
  });

  it('of an unknown path is told so', async () => {
    await using app = await startApp(withKeys);
    const response = await fetch(`${app.url}/api/v1/nope?x=1`);
    expect(response.status).toBe(404);
    expect(await problemOf(response)).toMatchObject({ code: 'NOT_FOUND', detail: expect.stringContaining('/api/v1/nope') as string });
  });

  it('with the wrong method is told the right ones', async () => {
    await using app = await startApp();
    const response = await fetch(app.url + submitPath, { method: 'PUT' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
    expect(await problemOf(response)).toMatchObject({ code: 'NOT_FOUND', status: 405 });
    const options = await fetch(`${app.url}/api/v1/images/download`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });

  it.each(['/api/v1/workflows/%E0%A4%A', '/api/v1/workflows/..%2f..%2fetc', '/api/v1/workflows/a%00b', `/api/v1/workflows/${'a'.repeat(200)}`])('with the bad id %s is refused before any coordinator sees it', async (path) => {
    const state = vi.fn();
    await using app = await startApp({}, { workflows: { state } });
    const { status, text } = await raw(app.port, { path });
    expect(status === 422 || status === 400).toBe(true);
    expect(JSON.parse(text)).toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(state).not.toHaveBeenCalled();
  });

  it.each(['filename=a&filename=b', '__proto__=1&filename=a', 'filename=', 'filename=a&type=secret', 'filename=a&other=1', ''])('with the bad query %j is refused', async (query) => {
    const url = vi.fn();
    await using app = await startApp({}, { images: { url } });
    const response = await fetch(`${app.url}/api/v1/images/url?${query}`);
    expect(response.status).toBe(422);
    expect(url).not.toHaveBeenCalled();
  });

  it('with headers beyond 16 KiB is refused', async () => {
    await using app = await startApp();
    expect((await raw(app.port, { path: '/healthz', headers: { 'x-long': 'a'.repeat(17_000) } })).status).toBe(431);
  });
});

describe('who calls', () => {
  const whoami = { workflows: { submit: async (caller: Caller) => ({ ...answer, client_id: `${caller.key}${caller.admin ? '!' : ''}` }) } };
  const ask = async (url: string, headers: Record<string, string>) => {
    const response = await fetch(url + submitPath, post('{"workflow":{}}', { ...jsonHeaders, ...headers }));
    return response.status === 200 ? ((await response.json()) as { client_id: string }).client_id : response.status;
  };

  it('is told by either header', async () => {
    await using app = await startApp(withKeys, whoami);
    expect(await ask(app.url, { authorization: `Bearer ${keys.alice}` })).toBe('alice');
    expect(await ask(app.url, { 'x-api-key': keys.root })).toBe('root!');
  });

  it('is refused without a key, and told how to send one', async () => {
    await using app = await startApp(withKeys, whoami);
    const response = await fetch(app.url + submitPath, post('{"workflow":{}}'));
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await problemOf(response)).toMatchObject({ code: 'UNAUTHORIZED', detail: expect.stringMatching(/X-API-Key/) as string });
  });

  it.each([{ authorization: 'Bearer wrong-key-1' }, { authorization: 'Basic abc' }, { 'x-api-key': 'wrong-key-1' }])('is refused with %j, which is neither answered nor logged', async (headers) => {
    await using app = await startApp(withKeys, whoami);
    const response = await fetch(app.url + submitPath, post('{"workflow":{}}', { ...jsonHeaders, ...headers }));
    expect(response.status).toBe(401);
    expect(await response.text()).not.toContain('wrong-key-1');
    await vi.waitFor(() => expect(app.lines).toHaveLength(1));
    expect(JSON.stringify(app.lines)).not.toContain('wrong-key-1');
  });

  it('is everybody without keys', async () => {
    await using app = await startApp({}, whoami);
    expect(await ask(app.url, {})).toBe('local!');
  });

  it('need not be known for health, the document and the pages', async () => {
    await using app = await startApp(withKeys);
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs', '/redoc', '/']) expect([path, (await fetch(app.url + path)).status]).toEqual([path, 200]);
  });

  it('gets a ticket that redeems to the same caller', async () => {
    await using app = await startApp(withKeys);
    const response = await fetch(`${app.url}/api/v1/ws/tickets`, { method: 'POST', headers: { 'x-api-key': keys.alice } });
    const { ticket, expires_in } = (await response.json()) as { ticket: string; expires_in: number };
    expect([response.status, response.headers.get('cache-control'), expires_in]).toEqual([200, 'no-store', 60]);
    expect(app.access.redeemTicket(ticket)).toEqual({ key: 'alice', admin: false });
    expect((await fetch(`${app.url}/api/v1/ws/tickets`, { method: 'POST' })).status).toBe(401);
  });
});

describe('readiness', () => {
  const instance = { instance: '10.0.0.5:8188', healthy: false, sandbox: false, in_flight: 0, connects: 1, drops: 1, last_error: 'ECONNREFUSED 10.0.0.5' };
  const stand = { instances: { readiness: () => ({ ready: false, instances: [instance] }) } };

  it('tells strangers and ordinary keys counts, and admins everything', async () => {
    await using app = await startApp(withKeys, stand);
    const as = async (headers: Record<string, string>) => {
      const response = await fetch(`${app.url}/readyz`, { headers });
      expect(response.status).toBe(503);
      return response.json();
    };
    const counts = { ready: false, healthy: 0, total: 1 };
    expect(await as({})).toEqual(counts);
    expect(await as({ 'x-api-key': 'wrong-key-1' })).toEqual(counts);
    expect(await as({ 'x-api-key': keys.alice })).toEqual(counts);
    expect(await as({ 'x-api-key': keys.root })).toEqual({ ...counts, instances: [instance] });
  });
});

describe('the request id', () => {
  it('is the one the caller chose, where it is sane', async () => {
    await using app = await startApp();
    const id = async (given?: string) => (await fetch(`${app.url}/healthz`, given === undefined ? {} : { headers: { 'x-request-id': given } })).headers.get('x-request-id');
    expect(await id('build-7:step.3')).toBe('build-7:step.3');
    expect(await id()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(await id('a b')).toMatch(/^[0-9a-f]{8}-/);
    expect(await id('x'.repeat(129))).toMatch(/^[0-9a-f]{8}-/);
  });

  it('stands in the problem', async () => {
    await using app = await startApp();
    const response = await fetch(`${app.url}/nope`, { headers: { 'x-request-id': 'mine-1' } });
    expect(await problemOf(response)).toMatchObject({ request_id: 'mine-1' });
  });
});

describe('what goes wrong inside', () => {
  const broken = { queue: { status: async () => { throw new TypeError('connect failed to db:secret@10.0.0.9'); } } };

  it('is told without internals, and logged with them', async () => {
    await using app = await startApp({}, broken);
    const response = await fetch(`${app.url}/api/v1/queue/status`);
    const text = await response.clone().text();
    expect(response.status).toBe(500);
    expect(text).not.toMatch(/db:secret|TypeError|\.ts/);
    expect(await problemOf(response)).toMatchObject({ code: 'INTERNAL_ERROR', retryable: false });
    await vi.waitFor(() => expect(app.lines).toEqual([expect.objectContaining({ level: 'error', fields: expect.objectContaining({ error: expect.objectContaining({ cause: expect.any(TypeError) as unknown }) as unknown }) as unknown })]));
  });

  it('hides the sentence of an INTERNAL_ERROR of ours too', async () => {
    await using app = await startApp({}, { queue: { status: async () => { throw fail('INTERNAL_ERROR', 'disk /srv/data is full'); } } });
    expect(await (await fetch(`${app.url}/api/v1/queue/status`)).text()).not.toContain('/srv/data');
  });

  it('passes on what a coordinator says: status, Retry-After, prompt and faults', async () => {
    const faults = [{ node_id: '3', class_type: 'KSampler', input: 'steps', type: 'value_bigger_than_max', reason: 'too many' }];
    await using app = await startApp({}, { workflows: { submit: async () => { throw fail('QUEUE_FULL', '500 wait', { retryAfter: 2.2, promptId: 'p-9', faults }); } } });
    const response = await fetch(app.url + submitPath, post('{"workflow":{}}'));
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3']);
    expect(await problemOf(response)).toEqual({ type: 'urn:comfyui-gateway:problem:QUEUE_FULL', title: 'The queue is full', status: 429, detail: 'The queue is full: 500 wait', code: 'QUEUE_FULL', request_id: expect.any(String) as string, retryable: true, prompt_id: 'p-9', errors: faults });
  });
});

describe('the access log', () => {
  it('has every call: fine ones at http, refusals at info, failures at error', async () => {
    await using app = await startApp({}, { queue: { status: async () => { throw fail('UPSTREAM_ERROR', 'it broke'); } } });
    for (const path of ['/healthz', '/nope', '/api/v1/queue/status']) await fetch(app.url + path);
    await vi.waitFor(() => expect(app.lines).toHaveLength(3));
    expect(app.lines.map((line) => [line.level, line.message])).toEqual([['http', 'GET /healthz 200'], ['info', 'GET /nope 404'], ['error', 'GET /api/v1/queue/status 502']]);
    expect(app.lines[0]?.fields).toMatchObject({ status: 200, ms: expect.any(Number) as number, address: '127.0.0.1' });
  });
});

describe('a caller who hangs up', () => {
  it('fires the signal of the deed, and is logged as 499', async () => {
    const aborted = Promise.withResolvers<string>();
    const started = Promise.withResolvers<undefined>();
    const status = (_caller: Caller, signal: AbortSignal) => {
      started.resolve(undefined);
      return new Promise<never>((_, reject) => signal.addEventListener('abort', () => { aborted.resolve(String(signal.reason)); reject(signal.reason as Error); }));
    };
    await using app = await startApp({}, { queue: { status } });
    const controller = new AbortController();
    const call = fetch(`${app.url}/api/v1/queue/status`, { signal: controller.signal }).catch(() => 'gone');
    await started.promise;
    controller.abort();
    expect(await call).toBe('gone');
    expect(await aborted.promise).toContain('hung up');
    await vi.waitFor(() => expect(app.lines).toEqual([expect.objectContaining({ level: 'info', message: 'GET /api/v1/queue/status 499' })]));
  });

  it('in the middle of a body leaves nothing behind', async () => {
    const submit = seen();
    await using app = await startApp({}, { workflows: { submit } });
    const socket = connect(app.port, '127.0.0.1');
    socket.write(`POST ${submitPath} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"work`);
    await pause(50);
    socket.destroy();
    await vi.waitFor(() => expect(app.lines).toEqual([expect.objectContaining({ message: `POST ${submitPath} 499` })]));
    expect(submit).not.toHaveBeenCalled();
  });

  it('does not fire the signal when the answer was complete', async () => {
    let signal: AbortSignal | undefined;
    const status = async (_caller: Caller, given: AbortSignal) => { signal = given; return { running: [], pending: [], queue_remaining: 0, others: { running: 0, pending: 0 }, instances: [] }; };
    await using app = await startApp({}, { queue: { status } });
    await (await fetch(`${app.url}/api/v1/queue/status`)).text();
    await pause(50);
    expect(signal?.aborted).toBe(false);
  });
});

describe('a slow caller', () => {
  it('whose body comes in drips is served', async () => {
    await using app = await startApp({}, { workflows: { submit: seen() } });
    const socket = connect(app.port, '127.0.0.1');
    let told = '';
    socket.on('data', (chunk) => (told += String(chunk)));
    const closed = once(socket, 'close');
    const body = '{"workflow":{}}';
    socket.write(`POST ${submitPath} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
    for (const letter of body) {
      socket.write(letter);
      await pause(5);
    }
    await closed;
    expect(told).toContain('HTTP/1.1 200');
  });
});
