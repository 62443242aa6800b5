import { describe, expect, it } from 'vitest';
import { until } from '../../../tests/support/until.ts';
import { FetchLane } from './fetch-lane.ts';

let working = 0;
const nobody = new AbortController().signal;
const laneOf = (room: number): FetchLane => {
  working = 0;
  const sleep = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return new FetchLane({ store: { working: () => Promise.resolve(working) }, engines: new Map([['gpu', { capacity: () => room }]]), sleep });
};

/** A fetch that goes on until it is let go; it counts as a task in work, as every task does that was claimed. */
function fetching(lane: FetchLane, { owner = 'ann', signal = nobody }: { owner?: string; signal?: AbortSignal } = {}): { readonly letGo: () => void; readonly done: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>();
  working += 1;
  return { letGo: () => resolve('fetched'), done: lane.through({ engine: 'gpu', owner }, () => promise, signal) };
}

describe('tasks that fetch', () => {
  it('are counted for as long as they do', async () => {
    const lane = laneOf(2);
    const [one, other] = [fetching(lane), fetching(lane)];
    expect([lane.count(), lane.count('gpu'), lane.count('other')]).toEqual([2, 2, 0]);
    one.letGo();
    expect(await one.done).toBe('fetched');
    expect(lane.count('gpu')).toBe(1);
    other.letGo();
    await other.done;
    expect(lane.count()).toBe(0);
  });

  it('go on one by one as their engine has slots', async () => {
    const lane = laneOf(1);
    const fetches = [fetching(lane), fetching(lane), fetching(lane)];
    const gone: number[] = [];
    fetches.forEach(({ letGo, done }, at) => {
      void done.then(() => gone.push(at));
      letGo();
    });
    for (const expected of [[0], [0, 1], [0, 1, 2]]) {
      await until('the next went on', () => gone.length === expected.length);
      expect([gone, lane.count('gpu')]).toEqual([expected, 3 - expected.length]);
      working -= 1;
      lane.wake();
    }
  });

  it('go on where their engine takes nothing now: handing over tells why', async () => {
    const lane = laneOf(0);
    const one = fetching(lane);
    one.letGo();
    expect(await one.done).toBe('fetched');
  });

  it('leave when the fetch fails, and when they are to stop', async () => {
    const lane = laneOf(1);
    await expect(lane.through({ engine: 'gpu', owner: 'ann' }, () => Promise.reject(new TypeError('refused')), nobody)).rejects.toThrow('refused');
    const stop = new AbortController();
    working = 5;
    const one = fetching(lane, { signal: stop.signal });
    one.letGo();
    stop.abort();
    await one.done;
    expect(lane.count()).toBe(0);
  });

  it('of one key are so many and no more', () => {
    const lane = laneOf(1);
    for (let n = 0; n < 8; n += 1) fetching(lane);
    fetching(lane, { owner: 'bob' });
    expect(lane.fullKeys()).toEqual(['ann']);
  });

  it('have no lane when it is full, and keep their slot', () => {
    const lane = laneOf(1);
    for (let n = 0; n < 70; n += 1) fetching(lane, { owner: `key${n}` });
    expect(lane.count()).toBe(64);
  });
});
