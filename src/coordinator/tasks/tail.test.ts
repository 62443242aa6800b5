import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SleepingClock, TaskWorld } from '../../../tests/support/task-world.ts';
import { until } from '../../../tests/support/until.ts';
import { fail } from '../../core/errors.ts';
import type { TaskStore } from '../../models/task-store.ts';
import { TaskFeed, type TaskNews } from '../../molecules/task-feed/task-feed.ts';
import { Tail } from './tail.ts';

let world: TaskWorld;
let heard: boolean;
let news: TaskNews[];
let clock: SleepingClock;
let stop: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  world = await TaskWorld.open();
  [heard, news, clock, stop] = [true, [], new SleepingClock(), new AbortController()];
});
afterEach(async () => {
  stop.abort();
  await running;
  await world[Symbol.asyncDispose]();
});

function start(over: Partial<Pick<TaskStore, 'tail' | 'list'>> = {}): Tail {
  const feed = new TaskFeed();
  feed.listenToAll((one) => void news.push(one));
  const store = { tail: (...args: Parameters<TaskStore['tail']>) => world.store.tail(...args), list: (...args: Parameters<TaskStore['list']>) => world.store.list(...args), ...over };
  const tail = new Tail({ store, feed, log: world.parts.log, heard: () => heard, name: 'w1', now: clock.now, sleep: clock.sleep });
  running = tail.run(stop.signal);
  return tail;
}

const looks = async (count = 3): Promise<void> => {
  const before = clock.sleeps.length;
  await until('it looked', () => clock.sleeps.length >= before + count);
};
const told = (): string[] => news.filter(({ event }) => event !== 'progress').map(({ taskId, seq }) => `${taskId}/${seq}`);

describe('what is written of tasks', () => {
  it('is told from when the process began: the past is in the store', async () => {
    await world.accept();
    start();
    await looks();
    expect(told()).toEqual([]);
    const { id, seq } = await world.accept();
    await looks();
    expect(told()).toEqual([`${id}/${seq}`]);
  });

  it('is told once each and in the order of its writing, by whichever process', async () => {
    start();
    await looks();
    const expected: string[] = [];
    for (let n = 0; n < 400; n += 1) expected.push(`${(await world.accept()).id}/1`);
    for (let n = 0; n < 400; n += 1) expected.push(`${(await world.claim('comfyui', n % 2 === 0 ? 'w1' : 'another')).task.id}/2`);
    await until('everything was told', () => told().length >= 800);
    expect(told()).toEqual(expected);
  });

  it('is told with whose it is and what became of it', async () => {
    start();
    await looks();
    const task = await world.accept();
    await looks();
    expect(news).toEqual([{ taskId: task.id, owner: 'ann', clientId: 'client', seq: 1, status: 'pending', event: 'queued', at: 1_000, data: { priority: 0 } }]);
  });

  it('is not read while nobody listens, nor told to those who come later', async () => {
    heard = false;
    const pages: number[] = [];
    start({ tail: async (mark, limit) => {
      const page = await world.store.tail(mark, limit);
      pages.push(page.events.length);
      return page;
    } });
    await looks();
    for (let n = 0; n < 10; n += 1) await world.accept();
    await looks();
    heard = true;
    await looks();
    expect(Math.max(...pages)).toBe(0);
    const { id } = await world.accept();
    await looks();
    expect(told()).toEqual([`${id}/1`]);
  });

  it('is not lost to who comes between two looks', async () => {
    heard = false;
    start({ tail: async (mark, limit) => {
      const page = await world.store.tail(mark, limit);
      if (mark === undefined && clock.sleeps.length > 3 && !heard) {
        heard = true;
        await world.accept();
        return world.store.tail(undefined, limit);
      }
      return page;
    } });
    await until('somebody came, and was told', () => told().length === 1);
  });

  it('is told when the database can be read again', async () => {
    let failures = 0;
    start({ tail: (mark, limit) => (clock.sleeps.length > 2 && (failures += 1) < 5 ? Promise.reject(fail('INTERNAL_ERROR', 'locked.')) : world.store.tail(mark, limit)) });
    await looks();
    await world.accept();
    await until('it was told', () => told().length === 1);
    expect(failures).toBeGreaterThanOrEqual(5);
  });
});

describe('the progress of tasks', () => {
  const tells = () => news.filter(({ event, data }) => event === 'progress' && data['current'] !== undefined).map(({ data }) => data['progress']);

  it('of other processes is told as it changes', async () => {
    await world.accept();
    const { claim } = await world.claim('comfyui', 'another');
    start();
    await looks();
    for (const overall of [0.25, 0.5]) {
      await world.store.progress(claim, overall, { node: '3' });
      await looks();
    }
    expect(tells()).toEqual([0.25, 0.5]);
  });

  it('of its own tasks is left to whoever works on them', async () => {
    await world.accept();
    const { claim } = await world.claim('comfyui', 'w1');
    start();
    await looks();
    await world.store.progress(claim, 0.5, { node: '3' });
    await looks();
    expect(tells()).toEqual([]);
  });
});
