import { beforeEach, describe, expect, test } from 'vitest';
import { EventFeed } from '../../molecules/event-feed/feed.ts';
import { instanceOf } from '../../molecules/instance-pool/address.ts';
import { InstancePool } from '../../molecules/instance-pool/pool.ts';
import { QueueTeller } from './queue-teller.ts';

const pool = new InstancePool(['http://a:1', 'http://b:2'].map(instanceOf));
const never = new AbortController().signal;

let clock: number;
let waits: { readonly ms: number; readonly over: () => void }[];
let told: number[];
let teller: QueueTeller;

beforeEach(() => {
  clock = 1_000;
  waits = [];
  told = [];
  const feed = new EventFeed();
  feed.status = (total) => void told.push(total);
  const sleep = (ms: number, signal: AbortSignal): Promise<void> => new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
    waits.push({ ms, over: () => ((clock += ms), resolve()) });
  });
  teller = new QueueTeller({ feed, pool, now: () => clock, sleep });
  pool.setRemaining('a:1', 0);
  pool.setRemaining('b:2', 0);
});

/** A queue changes; what the teller then waits for goes by. */
async function change(name: string, remaining: number): Promise<void> {
  pool.setRemaining(name, remaining);
  const changed = teller.changed(never);
  waits.at(-1)?.over();
  await changed;
}

describe('the length of the queues', () => {
  test('is told a moment after a change, over all instances', async () => {
    await change('a:1', 2);
    await change('b:2', 1);
    expect([told, waits.map(({ ms }) => ms)]).toEqual([[2, 3], [3, 50]]);
  });

  test('is told once after many changes at once, as it is then', async () => {
    const all = [5, 6, 7, 1].map((remaining) => {
      pool.setRemaining('a:1', remaining);
      return teller.changed(never);
    });
    waits[0]?.over();
    await Promise.all(all);
    expect([told, waits]).toMatchObject([[1], [{ ms: 3 }]]);
  });

  test('is not told again when it is what was told', async () => {
    await change('a:1', 2);
    pool.setRemaining('a:1', 3);
    const changed = teller.changed(never);
    pool.setRemaining('a:1', 2);
    waits.at(-1)?.over();
    await changed;
    await change('a:1', 2);
    expect([told, waits.length]).toEqual([[2], 2]);
  });

  test('does not wait longer when the clock was put back', async () => {
    await change('a:1', 2);
    clock = 0;
    await change('a:1', 3);
    expect(waits.map(({ ms }) => ms)).toEqual([3, 3]);
  });

  test('is told no more when the gateway ends', async () => {
    const end = new AbortController();
    pool.setRemaining('a:1', 2);
    const changed = teller.changed(end.signal);
    end.abort();
    await changed;
    expect(told).toEqual([]);
  });
});
