import { describe, expect, test } from 'vitest';
import { instanceOf } from './address.ts';
import { InstancePool } from './pool.ts';

const instances = ['http://a:1', 'http://b:2', 'http://c:3'].map(instanceOf);
const facts = { at: 1_000, sandbox: false, version: '0.3.64' };

function healthyPool(): InstancePool {
  const pool = new InstancePool(instances);
  for (const { name } of instances) pool.connected(name, facts);
  return pool;
}

describe('the pool chooses', () => {
  test('nobody while nobody is healthy', () => {
    expect(new InstancePool(instances).choose(0)).toBeUndefined();
  });

  test('equals in turn', () => {
    const pool = healthyPool();
    expect(Array.from({ length: 6 }, () => pool.choose(0)?.name)).toEqual(['a:1', 'b:2', 'c:3', 'a:1', 'b:2', 'c:3']);
  });

  test('the least busy, counting everybody’s prompts and our own', () => {
    const pool = healthyPool();
    pool.setRemaining('a:1', 5);
    pool.setInFlight('b:2', 3);
    pool.setRemaining('c:3', 2);
    expect(pool.choose(0)?.name).toBe('c:3');
    pool.setRemaining('c:3', 4);
    expect(pool.choose(0)?.name).toBe('b:2');
  });

  test('none that was tried, and none that went away', () => {
    const pool = healthyPool();
    pool.disconnected('b:2', 'gone');
    expect(pool.choose(0, new Set(['a:1']))?.name).toBe('c:3');
    expect(pool.choose(0, new Set(['a:1', 'c:3']))).toBeUndefined();
  });

  test('one of those that are asked for alone, and nobody when they are away', () => {
    const pool = healthyPool();
    pool.setRemaining('b:2', 9);
    expect(pool.choose(0, new Set(), { only: ['b:2', 'd:4'] })?.name).toBe('b:2');
    expect(pool.choose(0, new Set(['b:2']), { only: ['b:2'] })).toBeUndefined();
    expect(pool.choose(0, new Set(), { only: [] })).toBeUndefined();
    pool.disconnected('b:2', 'gone');
    expect(pool.choose(0, new Set(), { only: ['b:2'] })).toBeUndefined();
  });

  test('others than those to be avoided, however busy, and these by their load where there is no other', () => {
    const pool = healthyPool();
    pool.setRemaining('a:1', 1);
    pool.setRemaining('c:3', 9);
    expect(pool.choose(0, new Set(), { avoid: ['a:1', 'b:2'] })?.name).toBe('c:3');
    expect(pool.choose(0, new Set(['c:3']), { avoid: ['a:1', 'b:2'] })?.name).toBe('b:2');
    expect(pool.choose(0, new Set(), { avoid: ['a:1', 'b:2', 'c:3'] })?.name).toBe('b:2');
    expect(pool.choose(0, new Set(), { only: ['a:1'], avoid: ['a:1'] })?.name).toBe('a:1');
  });
});

describe('whoever waits for an instance', () => {
  const never = new AbortController().signal;

  test('is woken when one comes, and does not wait when one is there', async () => {
    const pool = new InstancePool(instances);
    const waited = pool.whenHealthy(never);
    pool.connected('b:2', facts);
    await waited;
    await pool.whenHealthy(never);
  });

  test('by its name is not woken by another', async () => {
    const pool = new InstancePool(instances);
    const gone = new AbortController();
    const [waits, comes] = [pool.whenHealthy(gone.signal, ['a:1']), pool.whenHealthy(never, ['b:2', 'c:3'])];
    pool.connected('b:2', facts);
    await comes;
    gone.abort();
    await expect(waits).rejects.toThrow();
  });

  test('is let go by the signal', async () => {
    await expect(new InstancePool(instances).whenHealthy(AbortSignal.abort())).rejects.toThrow();
    await healthyPool().whenHealthy(AbortSignal.abort());
  });
});

describe('the pool tells', () => {
  test('who is healthy and what remains over all', () => {
    const pool = healthyPool();
    pool.setRemaining('a:1', 2);
    pool.setRemaining('b:2', 3);
    expect([pool.totalRemaining(), pool.remaining('b:2'), pool.healthy().length]).toEqual([5, 3, 3]);
    pool.disconnected('b:2', 'closed with 1006');
    expect([pool.totalRemaining(), pool.isHealthy('b:2'), pool.healthy().map((one) => one.name)]).toEqual([2, false, ['a:1', 'c:3']]);
  });

  test('the story of each instance', () => {
    const pool = healthyPool();
    pool.disconnected('a:1', 'closed with 1006');
    pool.disconnected('a:1', 'refused');
    expect(pool.statuses(5_000)[0]).toEqual({ instance: 'a:1', healthy: false, sandbox: false, in_flight: 0, connects: 1, drops: 1, last_error: 'refused', comfyui_version: '0.3.64' });
    expect(pool.statuses(5_000)[1]).toMatchObject({ instance: 'b:2', healthy: true, uptime_seconds: 4, queue_remaining: 0 });
  });

  test('nothing of instances that it does not have', () => {
    const pool = new InstancePool();
    pool.connected('x', facts);
    pool.setRemaining('x', 1);
    expect([pool.get('x'), pool.remaining('x'), pool.isHealthy('x'), pool.statuses(0)]).toEqual([undefined, 0, false, []]);
  });
});

describe('an address', () => {
  test('gives the instance its name, without user and password', () => {
    const instance = instanceOf('https://me:p%40ss@gpu.example:8443/comfy/');
    expect([instance.name, instance.url]).toEqual(['gpu.example:8443/comfy', 'https://gpu.example:8443/comfy']);
    expect(instance.headers).toEqual({ Authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` });
  });

  test('without credentials has no header', () => {
    expect(instanceOf('http://127.0.0.1:8188')).toEqual({ name: '127.0.0.1:8188', url: 'http://127.0.0.1:8188', headers: {} });
  });
});
