import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryLog } from '../../../tests/support/http-app.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { until } from '../../../tests/support/until.ts';
import { sleep } from '../../atoms/time/time.ts';
import type { Claim, TaskRecord } from '../../models/task-store.ts';
import { TaskFeed } from '../../molecules/task-feed/task-feed.ts';
import { Tail } from './tail.ts';
import { following, type TaskTold, untilEnded } from './watching.ts';

let world: TaskWorld;
let feed: TaskFeed;
let task: TaskRecord;
let claim: Claim;
const forEver = new AbortController().signal;

beforeEach(async () => {
  world = await TaskWorld.open();
  feed = new TaskFeed();
  await world.accept();
  ({ task, claim } = await world.claim());
});
afterEach(() => world[Symbol.asyncDispose]());

const happen = async (n: number): Promise<void> => void (await world.store.change(claim, {}, { event: 'output', data: { n } }));
const end = async (): Promise<void> => void (await world.store.end(claim, { status: 'completed', endedAt: 2_000, error: undefined, outputs: [], warnings: [] }));
const follow = (since = 0, signal = forEver) => following(task, { store: world.store, feed }, { since, signal });
const progress = (value: number): void => feed.tell({ taskId: task.id, owner: 'ann', clientId: 'page', seq: 2, status: 'processing', event: 'progress', at: 1, data: { progress: value } });

/** Tells what is written, as the service does. */
async function withTail(deed: (tail: Tail) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const tail = new Tail({ store: world.store, feed, log: memoryLog().log, heard: () => true, name: 'w1', now: world.clock.now, sleep });
  const over = tail.run(stop.signal);
  try {
    await deed(tail);
  } finally {
    stop.abort();
    await over;
  }
}

async function all(told: AsyncIterable<TaskTold>, pace: () => Promise<unknown> | undefined = () => undefined): Promise<TaskTold[]> {
  const seen: TaskTold[] = [];
  for await (const one of told) {
    seen.push(one);
    await pace();
  }
  return seen;
}

describe('following a task', () => {
  it('tells what happened, with its number, time and status, and ends at the end', async () => {
    await end();
    expect((await all(follow())).map(({ seq, event, data }) => [seq, event, data['status']])).toEqual([[1, 'queued', 'pending'], [2, 'started', 'processing'], [3, 'completed', 'completed']]);
    expect((await all(follow(2))).map(({ seq }) => seq)).toEqual([3]);
  });

  it('tells a long past without pauses, page after page', async () => {
    for (let n = 0; n < 650; n += 1) await happen(n);
    await end();
    expect(await Promise.race([all(follow()), sleep(4_000, forEver)])).toHaveLength(653);
  });

  it('tells each event once and in order while events are written, to every reader at its own pace', async () => {
    await withTail(async (tail) => {
      const readers = [undefined, () => new Promise(setImmediate), () => sleep(1, forEver)].map((pace) => all(follow(), pace));
      for (let n = 0; n < 300; n += 1) {
        await happen(n);
        tail.wake();
      }
      await end();
      tail.wake();
      for (const seen of await Promise.all(readers)) expect(seen.filter(({ numbered }) => numbered).map(({ seq }) => seq)).toEqual(Array.from({ length: 303 }, (_, n) => n + 1));
    });
  });

  it('loses no event to a reader who is slow while far more happens than can wait', async () => {
    await withTail(async (tail) => {
      const told = follow();
      await told.next();
      for (let n = 0; n < 600; n += 1) {
        await happen(n);
        progress(n / 600);
      }
      await end();
      tail.wake();
      await until('everything was told to the others', () => feed.count === 1);
      const seen = await all(told);
      expect(seen.filter(({ numbered }) => numbered).map(({ seq }) => seq)).toEqual(Array.from({ length: 602 }, (_, n) => n + 2));
    });
  });

  it('tells passing progress, which has no number of its own', async () => {
    const leave = new AbortController();
    const told = follow(2, leave.signal);
    const first = told.next();
    await until('it listens', () => feed.count === 1);
    progress(0.5);
    expect((await first).value).toMatchObject({ event: 'progress', numbered: false, data: { progress: 0.5, status: 'processing' } });
    leave.abort();
    expect((await told.next()).done).toBe(true);
  });

  it('goes on where the task was tried again after it had ended', async () => {
    await world.store.end(claim, { status: 'failed', endedAt: 2_000, error: undefined, outputs: [], warnings: [] });
    await world.store.requeue(task.id, 2_100);
    const leave = new AbortController();
    const told = follow(0, leave.signal);
    expect([(await told.next()).value, (await told.next()).value, (await told.next()).value, (await told.next()).value].map((one) => one?.event)).toEqual(['queued', 'started', 'failed', 'queued']);
    leave.abort();
    expect((await told.next()).done).toBe(true);
  });

  it('leaves nobody behind who listens', async () => {
    const told = follow();
    await told.next();
    expect(feed.count).toBe(1);
    await told.return();
    expect(feed.count).toBe(0);
    await all(follow(0, AbortSignal.abort()));
    expect(feed.count).toBe(0);
  });

  it('is refused for a number that there never was', () => {
    expect(() => follow(3)).toThrow(/number 2; nothing after 3/);
  });
});

describe('waiting for the end of a task', () => {
  it('ends with the task, as soon as that is told', async () => {
    await withTail(async (tail) => {
      const over = untilEnded(task, { store: world.store, feed }, forEver);
      await happen(1);
      await end();
      tail.wake();
      await over;
    });
    expect(feed.count).toBe(0);
  });

  it('ends when the signal fires, and at once where the task has ended', async () => {
    const leave = new AbortController();
    const over = untilEnded(task, { store: world.store, feed }, leave.signal);
    await until('it listens', () => feed.count === 1);
    leave.abort();
    await over;
    expect(feed.count).toBe(0);
    await end();
    await untilEnded(task, { store: world.store, feed }, forEver);
    await untilEnded({ ...task, status: 'failed' }, { store: world.store, feed }, forEver);
  });

  it('ends where the task was removed', async () => {
    await end();
    await world.store.remove(task.id);
    await untilEnded(task, { store: world.store, feed }, forEver);
  });
});
