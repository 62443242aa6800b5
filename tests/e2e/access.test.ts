import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { ok, problem } from '../support/gateway-client.ts';
import { inverted, longWork, solidColour } from '../support/graphs.ts';
import { containing } from '../support/matchers.ts';
import { refusedUpgrade, TestSocket } from '../support/socket.ts';

const alice = 'alice-secret-key';
const bob = 'bob-secret-key';
const root = 'root-secret-key';

let engine: Engine;
let gateway: TestGateway;

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url], env: { API_KEYS: `alice:${alice},bob:${bob},root:${root}:admin` } });
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

describe('two keys', () => {
  test('do not find each other’s prompts; an admin finds them', async () => {
    const { prompt_id: id } = await gateway.submit(solidColour(), { key: alice });
    await gateway.ended(id, alice);
    for (const rest of ['', '/history', '/images']) {
      const path = `/api/v1/workflows/${id}${rest}`;
      const answer = await gateway.call('GET', path, { key: bob });
      expect([answer.status, problem(answer).code]).toEqual([404, 'NOT_FOUND']);
      expect((await gateway.call('GET', path, { key: root })).status).toBe(200);
    }
  });

  test('cannot tell a prompt of the other from one that never was', async () => {
    const { prompt_id: id } = await gateway.submit(solidColour(), { key: alice });
    const strip = (text: string, name: string): string => text.replaceAll(name, 'ID').replace(/"request_id":"[^"]*"/, '');
    const theirs = await gateway.call('GET', `/api/v1/workflows/${id}`, { key: bob });
    const nobody = await gateway.call('GET', '/api/v1/workflows/never-was', { key: bob });
    expect(strip(theirs.text, id)).toBe(strip(nobody.text, 'never-was'));
    await gateway.ended(id, alice);
  });

  test('see the other’s queue as counts, and cannot delete, clear or interrupt it', async () => {
    const { prompt_id: busy } = await gateway.submit(longWork(), { key: alice });
    await gateway.reaches(busy, 'running', alice);
    const { prompt_id: id } = await gateway.submit(solidColour(), { key: alice });
    expect(await gateway.queue(bob)).toMatchObject({ running: [], pending: [], queue_remaining: 2, others: { running: 1, pending: 1 } });
    expect((await gateway.call('GET', '/api/v1/queue/status', { key: bob })).text).not.toContain(id);
    expect(await gateway.queue(root)).toMatchObject({ running: [{ prompt_id: busy }], pending: [{ prompt_id: id }], others: { running: 0, pending: 0 } });
    expect((await gateway.deleteFromQueue([id, busy], bob)).results.map((result) => result.outcome)).toEqual(['not_found', 'not_found']);
    expect(ok(await gateway.post('/api/v1/queue/clear', { clear: true }, bob))).toEqual({ cleared: 0 });
    expect((await gateway.post('/api/v1/workflows/interrupt', { prompt_id: id }, bob)).status).toBe(404);
    expect(await gateway.interrupt(undefined, bob)).toEqual([]);
    expect((await gateway.state(id, alice)).state).toBe('queued');
    expect(await gateway.interrupt(busy, root)).toMatchObject([{ outcome: 'interrupted' }]);
    await gateway.ended(id, alice);
  });

  test('do not receive each other’s events, even under the same client id', async () => {
    using mine = await gateway.socket('same', alice);
    using theirs = await gateway.socket('same', bob);
    const { prompt_id: id } = await gateway.submit(solidColour({ output: 'SaveImageWebsocket' }), { key: alice, client_id: 'same' });
    await mine.ending(id);
    const { prompt_id: other } = await gateway.submit(solidColour(), { key: bob, client_id: 'same' });
    await theirs.ending(other);
    expect([theirs.of(id), theirs.binary, mine.of(other)]).toEqual([[], [], []]);
  });

  test('cannot subscribe to each other’s prompts; an admin can', async () => {
    const { prompt_id: id } = await gateway.submit(inverted(), { key: alice });
    await gateway.ended(id, alice);
    using theirs = await gateway.socket('spy', bob);
    expect((await theirs.ask('subscribe', { items: [{ prompt_id: id, since: 0 }] })).data).toMatchObject({ items: [], unknown: [id] });
    using admin = await gateway.socket('admin', root);
    await admin.ask('subscribe', { items: [{ prompt_id: id, since: 0 }] });
    expect((await admin.ending(id)).type).toBe('result');
    expect(theirs.of(id)).toEqual([]);
  });

  test('cannot take each other’s prompt id', async () => {
    const { prompt_id: id } = await gateway.submit(solidColour(), { key: alice });
    expect((await gateway.refusal({ workflow: solidColour(), prompt_id: id }, bob)).code).toBe('CONFLICT');
    await gateway.ended(id, alice);
  });
});

describe('a ticket', () => {
  const ticket = async (): Promise<string> => z.object({ ticket: z.string() }).parse(ok(await gateway.post('/api/v1/ws/tickets', {}, alice))).ticket;

  test('opens one socket for whoever asked for it, and no second', async () => {
    const url = gateway.socketUrl('browser', `?ticket=${await ticket()}`);
    using socket = await TestSocket.open(url);
    const { prompt_id: id } = await gateway.submit(solidColour(), { key: alice, client_id: 'browser' });
    expect((await socket.ending(id)).type).toBe('result');
    const second = await refusedUpgrade(url);
    expect([second.status, second.body]).toEqual([401, containing('UNAUTHORIZED')]);
  });

  test('that never was opens nothing', async () => {
    expect((await refusedUpgrade(gateway.socketUrl('browser', '?ticket=made-up'))).status).toBe(401);
  });

  test('is not given without a key', async () => {
    expect((await gateway.post('/api/v1/ws/tickets', {})).status).toBe(401);
  });
});

describe('an upgrade', () => {
  test.each([
    ['with a wrong key', { authorization: 'Bearer not-a-key-at-all' }],
    ['without a key', {}],
  ])('%s is refused with 401 and a problem', async (_what, headers) => {
    const { status, body } = await refusedUpgrade(gateway.socketUrl('intruder'), { ...headers });
    expect(status).toBe(401);
    expect(JSON.parse(body)).toMatchObject({ code: 'UNAUTHORIZED', status: 401 });
    expect(body).not.toContain('not-a-key-at-all');
  });

  test('takes the key as x-api-key too', async () => {
    using socket = await TestSocket.open(gateway.socketUrl('header'), { 'x-api-key': alice });
    expect((await socket.ask('ping')).data['event']).toBe('pong');
  });

  test('somewhere else, or under a client id that is none, is refused', async () => {
    const headers = { authorization: `Bearer ${alice}` };
    expect((await refusedUpgrade(`${gateway.url.replace(/^http/, 'ws')}/api/v1/elsewhere`, headers)).status).toBe(404);
    expect((await refusedUpgrade(gateway.socketUrl('a%20b'), headers)).status).toBe(422);
    expect((await refusedUpgrade(gateway.socketUrl(''), headers)).status).toBe(422);
    expect((await refusedUpgrade(gateway.socketUrl('%E0%A4%A'), headers)).status).toBe(422);
  });

  test('from the page of a stranger is refused where no key protects the gateway', async () => {
    await using open = await startTestGateway({ instances: [engine.url] });
    const { status, body } = await refusedUpgrade(open.socketUrl('page'), { origin: 'https://evil.example' });
    expect([status, body]).toEqual([403, containing('FORBIDDEN')]);
    using own = await TestSocket.open(open.socketUrl('page'), { origin: open.url });
    expect(own.isOpen).toBe(true);
  });
});
