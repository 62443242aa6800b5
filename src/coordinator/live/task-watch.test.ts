import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { parseJson } from '../../atoms/json/json.ts';
import { limits } from '../../constants/limits.ts';
import type { Claim, TaskRecord, TaskStore } from '../../models/task-store.ts';
import { EventFeed, type Watcher } from '../../molecules/event-feed/feed.ts';
import { TaskWatch } from './task-watch.ts';

let world: TaskWorld;
let feed: EventFeed;
let watcher: Watcher;
let task: TaskRecord;
let claim: Claim;

beforeEach(async () => {
  world = await TaskWorld.open();
  feed = new EventFeed();
  watcher = feed.join('ann\nanother page');
  await world.accept();
  ({ task, claim } = await world.claim());
});
afterEach(() => world[Symbol.asyncDispose]());

const watch = (events: TaskStore['events'] = (...args) => world.store.events(...args)): TaskWatch => new TaskWatch({ tasks: { findMany: (ids) => world.store.findMany(ids), events }, feed }, watcher);
const happen = (n: number): Promise<boolean> => world.store.change(claim, {}, { event: 'output', data: { n } });
const end = (status: 'completed' | 'failed' = 'completed'): Promise<boolean> => world.store.end(claim, { status, endedAt: 2_000, error: undefined, outputs: [], warnings: [] });

/** Tells the sockets all that was written after that number, as the tail does. */
async function tell(after: number): Promise<void> {
  for (const { task_id: taskId, ...event } of await world.store.events(task.id, after, 1_000)) feed.task({ taskId, owner: task.owner, clientId: task.clientId, ...event });
}

async function told(): Promise<unknown[]> {
  const seen: unknown[] = [];
  watcher.mailbox.close(1000, 'enough');
  for await (const frames of watcher.mailbox.frames()) for (const { data } of frames) seen.push(parseJson(data.toString()));
  return seen.map((message) => (message as { data: { seq: number } }).data.seq);
}

describe('a socket that subscribes to a task', () => {
  it('is told what was stored after its number, then what happens', async () => {
    expect(await watch().join(task, 1)).toBe('joined');
    await happen(1);
    await tell(0);
    expect(await told()).toEqual([2, 3]);
  });

  it('is told what happens from now on where it names no number, and of a task that has ended how', async () => {
    expect(await watch().join(task, undefined)).toBe('joined');
    await happen(1);
    await end();
    await tell(0);
    expect(await told()).toEqual([3, 4]);
    watcher = feed.join('ann\na late page');
    await watch().join(await world.find(task.id), undefined);
    expect(await told()).toEqual([4]);
  });

  it('misses nothing and hears nothing twice while events are written', async () => {
    let late = 3;
    const slow: TaskStore['events'] = async (id, since, limit) => {
      const page = await world.store.events(id, since, limit);
      if ((late -= 1) >= 0) {
        await happen(late);
        await tell(2);
      }
      return page;
    };
    await watch(slow).join(task, 0);
    await happen(9);
    await tell(0);
    expect(await told()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('is told a long past page by page', async () => {
    for (let n = 0; n < 450; n += 1) await happen(n);
    await watch().join(await world.find(task.id), 0);
    expect(await told()).toEqual(Array.from({ length: 452 }, (_, n) => n + 1));
  });

  it('keeps no room for a task that ended before it had come, whatever was known of it', async () => {
    await end('failed');
    await tell(0);
    expect(await watch().join(task, 2)).toBe('joined');
    expect(await world.store.requeue(task.id, 3_000)).toBe(true);
    await tell(3);
    expect(await told()).toEqual([3]);
  });

  it('is told that its number never was, and that it has too many', async () => {
    expect(await watch().join(task, 3)).toBe('reset');
    for (let n = 0; n < limits.subscriptions; n += 1) feed.joinTask(watcher, `t${n}`, watcher.audience);
    expect(await watch().join(task, 0)).toBe('full');
  });

  it.each([undefined, 0, 2, 3])('hears nothing twice when it subscribes again, with %j, while it goes on and after the end', async (since) => {
    await watch().join(task, 1);
    await happen(1);
    await tell(0);
    await watch().join(await world.find(task.id), since);
    await end();
    await tell(0);
    for (let n = 0; n < 2; n += 1) await watch().join(await world.find(task.id), since);
    expect(await told()).toEqual(since === 0 ? [2, 3, 1, 4] : [2, 3, 4]);
  });

  it('of its own client hears nothing twice, however it comes to hear of it', async () => {
    watcher = feed.join(`${task.owner}\n${task.clientId}`);
    await tell(1);
    await watch().join(await world.find(task.id), 0);
    await happen(1);
    await tell(2);
    watch().leave(task.id);
    await happen(2);
    await end();
    await watch().join(await world.find(task.id), 0);
    await tell(0);
    for (const since of [undefined, 0, 3]) await watch().join(await world.find(task.id), since);
    expect(await told()).toEqual([2, 1, 3, 4, 5]);
  });

  it('hears nothing twice when it asks several times at once', async () => {
    const one = watch();
    await Promise.all([0, 0, undefined, 1].map((since) => one.join(task, since)));
    expect(await told()).toEqual([1, 2]);
  });

  it('is told what happened while it was away, and what it had not when it goes further back', async () => {
    await watch().join(task, 1);
    watch().leave(task.id);
    await happen(1);
    await tell(2);
    await happen(2);
    const now = await world.find(task.id);
    await watch().join(now, 2);
    await watch().join(now, 0);
    await end();
    await tell(4);
    expect(await told()).toEqual([2, 3, 4, 1, 5]);
  });

  it('misses nothing when it skips some of it and comes back for that', async () => {
    await watch().join(task, 1);
    watch().leave(task.id);
    for (const n of [1, 2]) await happen(n);
    const now = await world.find(task.id);
    await watch().join(now, undefined);
    await watch().join(now, 2);
    expect(await told()).toEqual([2, 3, 4]);
  });

  it('keeps no room for a task whose end it was told of before it was looked up', async () => {
    watcher = feed.join(`${task.owner}\n${task.clientId}`);
    await end();
    await tell(1);
    await watch().join(task, undefined);
    expect(Array.from({ length: limits.subscriptions }, (_, n) => feed.joinTask(watcher, `t${n}`, watcher.audience)).includes(undefined)).toBe(false);
    expect(await told()).toEqual([2, 3]);
  });

  it('that could not be told the past may ask again', async () => {
    let broken = true;
    const failing = watch((...args) => (broken ? Promise.reject(new TypeError('no database')) : world.store.events(...args)));
    await expect(failing.join(task, 0)).rejects.toThrow('no database');
    broken = false;
    await failing.join(task, 0);
    await happen(1);
    await tell(2);
    expect(await told()).toEqual([1, 2, 3]);
  });

  it('hears no more when it has left', async () => {
    const one = watch();
    await one.join(task, 2);
    one.leave(task.id);
    await happen(1);
    await tell(0);
    expect(await told()).toEqual([]);
  });
});

it('tasks of another key are as unknown as those that nobody made', async () => {
  const items = [{ task_id: task.id }, { task_id: 'nobody' }];
  expect([...(await watch().find({ key: 'ann', admin: false }, items)).keys()]).toEqual([task.id]);
  expect([...(await watch().find({ key: 'bob', admin: false }, items)).keys()]).toEqual([]);
  expect([...(await watch().find({ key: 'bob', admin: true }, items)).keys()]).toEqual([task.id]);
  expect((await watch().find({ key: 'ann', admin: false }, [])).size).toBe(0);
});
