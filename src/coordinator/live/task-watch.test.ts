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
    await watch().join(await world.find(task.id), undefined);
    expect(await told()).toEqual([3, 4, 4]);
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
