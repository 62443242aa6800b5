import { describe, expect, it } from 'vitest';
import { keys, problemOf, startApp, withKeys } from '../../../tests/support/http-app.ts';
import { createRateLimit } from './rate-limit.ts';

const alice = { key: 'alice', admin: false };
const queue = { status: async () => ({ running: [], pending: [], queue_remaining: 0, others: { running: 0, pending: 0 }, instances: [] }) };
const path = '/api/v1/queue/status';
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

describe('counting', () => {
  it('lets a caller do so much per minute, and says when to come back', () => {
    const clock = { time: 0 };
    const limit = createRateLimit({ perMinute: 2, authenticated: true, now: () => clock.time });
    expect([limit.consume(alice), limit.consume(alice)].map((one) => one.limited)).toEqual([false, false]);
    clock.time = 20_000;
    expect(limit.consume(alice)).toEqual({ limited: true, retryAfter: 40 });
    expect(limit.consume({ key: 'bob', admin: false }).limited).toBe(false);
    clock.time = 60_000;
    expect(limit.consume(alice).limited).toBe(false);
  });

  it('tells callers apart by address where there are no keys, and IPv6 by network', () => {
    const limit = createRateLimit({ perMinute: 1, authenticated: false });
    const local = { key: 'local', admin: true };
    expect(limit.consume(local, '10.0.0.1').limited).toBe(false);
    expect(limit.consume(local, '10.0.0.2').limited).toBe(false);
    expect(limit.consume(local, '10.0.0.1').limited).toBe(true);
    expect(limit.consume(local, '2001:db8::1').limited).toBe(false);
    expect(limit.consume(local, '2001:db8::2').limited).toBe(true);
  });

  it('is off at 0', () => {
    const limit = createRateLimit({ perMinute: 0, authenticated: true });
    for (let n = 0; n < 100; n += 1) expect(limit.consume(alice).limited).toBe(false);
  });

  it('forgets the oldest when a flood of addresses comes', () => {
    const limit = createRateLimit({ perMinute: 1, authenticated: false });
    const local = { key: 'local', admin: true };
    for (let n = 0; n < 50_001; n += 1) limit.consume(local, `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
    expect(limit.consume(local, '10.0.0.0').limited).toBe(false);
    expect(limit.consume(local, '10.0.195.80').limited).toBe(true);
  });
});

describe('over HTTP', () => {
  it('every answer says what is left, by draft 8, and shows no key', async () => {
    await using app = await startApp({ ...withKeys, RATE_LIMIT_PER_MINUTE: '5' }, { queue });
    const { headers } = await fetch(app.url + path, bearer(keys.alice));
    expect(headers.get('ratelimit')).toMatch(/^"calls"; r=4; t=\d+$/);
    expect(headers.get('ratelimit-policy')).toMatch(/^"calls"; q=5; w=60; pk=:[\w+/=]+:$/);
  });

  it('beyond the limit a problem with Retry-After comes, for that key only', async () => {
    await using app = await startApp({ ...withKeys, RATE_LIMIT_PER_MINUTE: '2' }, { queue });
    for (let n = 0; n < 2; n += 1) expect((await fetch(app.url + path, bearer(keys.alice))).status).toBe(200);
    const refused = await fetch(app.url + path, bearer(keys.alice));
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(await problemOf(refused)).toMatchObject({ code: 'RATE_LIMITED', retryable: true, detail: expect.stringContaining('RATE_LIMIT_PER_MINUTE') as string });
    expect((await fetch(app.url + path, bearer(keys.root))).status).toBe(200);
  });

  it('failed keys count by address, and never lock a valid key out', async () => {
    await using app = await startApp({ ...withKeys, RATE_LIMIT_PER_MINUTE: '2' }, { queue });
    const codes: number[] = [];
    for (let n = 0; n < 3; n += 1) codes.push((await fetch(app.url + path, bearer(`wrong-${n}`))).status);
    expect(codes).toEqual([401, 401, 429]);
    expect((await fetch(app.url + path, bearer(keys.alice))).status).toBe(200);
  });

  it('sets no headers when it is off', async () => {
    await using app = await startApp({ RATE_LIMIT_PER_MINUTE: '0' }, { queue });
    const response = await fetch(app.url + path);
    expect([response.status, response.headers.get('ratelimit')]).toEqual([200, null]);
  });

  it('health may be asked as often as one likes', async () => {
    await using app = await startApp({ RATE_LIMIT_PER_MINUTE: '1' });
    for (let n = 0; n < 5; n += 1) expect((await fetch(`${app.url}/healthz`)).status).toBe(200);
  });
});

describe('behind a proxy', () => {
  const forwarded = (address: string) => ({ headers: { 'x-forwarded-for': address } });

  it('callers without keys are counted by what a trusted proxy says of them', async () => {
    await using app = await startApp({ RATE_LIMIT_PER_MINUTE: '1', TRUSTED_PROXIES: 'loopback' }, { queue });
    expect((await fetch(app.url + path, forwarded('192.0.2.1'))).status).toBe(200);
    expect((await fetch(app.url + path, forwarded('192.0.2.2'))).status).toBe(200);
    expect((await fetch(app.url + path, forwarded('203.0.113.9, 192.0.2.1'))).status).toBe(429);
  });

  it('nobody else’s X-Forwarded-For is believed', async () => {
    await using app = await startApp({ RATE_LIMIT_PER_MINUTE: '1', TRUSTED_PROXIES: '10.0.0.0/8' }, { queue });
    expect((await fetch(app.url + path, forwarded('192.0.2.1'))).status).toBe(200);
    expect((await fetch(app.url + path, forwarded('192.0.2.2'))).status).toBe(429);
  });
});
