import { beforeEach, describe, expect, it } from 'vitest';
import type { Frame } from '../../models/frame.ts';
import { Mailbox } from './mailbox.ts';
import { TaskTopics } from './task-topics.ts';

interface Reader {
  readonly audience: string;
  readonly mailbox: Mailbox;
}

const frame = (text: string): Frame => ({ data: Buffer.from(text), binary: false });
const reader = (): Reader => ({ audience: 'ann\npage', mailbox: new Mailbox() });
let topics: TaskTopics<Reader>;
let watcher: Reader;

beforeEach(() => {
  [topics, watcher] = [new TaskTopics<Reader>(), reader()];
});

async function told({ mailbox }: Reader): Promise<string[]> {
  const seen: string[] = [];
  mailbox.close(1000, 'enough');
  for await (const frames of mailbox.frames()) for (const { data } of frames) seen.push(data.toString());
  return seen;
}

const caughtUp = (one: Reader, seq: number): void => void Object.assign(topics.join(one, 't', one.audience), { seq, catchingUp: false });

describe('who subscribed to a task', () => {
  it('hears of each event once, from where it had caught up', async () => {
    caughtUp(watcher, 2);
    for (const seq of [1, 2, 3, 3, 4, 2]) topics.tell('t', seq, frame(`${seq}`));
    expect(await told(watcher)).toEqual(['3', '4']);
  });

  it('hears nothing while it is told the past, and learns that it has missed something', async () => {
    const seen = topics.join(watcher, 't', watcher.audience);
    topics.progress('t', frame('half'));
    expect(seen.missed).toBe(false);
    topics.tell('t', 1, frame('1'));
    expect(seen.missed).toBe(true);
    expect(await told(watcher)).toEqual([]);
  });

  it('hears of the newest progress alone when it reads slowly', async () => {
    caughtUp(watcher, 0);
    for (const n of [1, 2, 3]) topics.progress('t', frame(`progress ${n}`));
    topics.tell('t', 1, frame('1'));
    expect(await told(watcher)).toEqual(['progress 3', '1']);
  });

  it('hears nothing any more when it has left, or the task is over', async () => {
    const other = reader();
    for (const one of [watcher, other]) caughtUp(one, 0);
    topics.leave(watcher, 't');
    topics.tell('t', 1, frame('1'));
    topics.forget('t');
    topics.tell('t', 2, frame('2'));
    expect([await told(watcher), await told(other)]).toEqual([[], ['1']]);
    expect([topics.isWatched('t'), topics.count(other), topics.has(other, 't')]).toEqual([false, 0, false]);
  });

  it('is counted, once per task, and leaves all of them at once', () => {
    for (const id of ['a', 'b', 'a']) topics.join(watcher, id, watcher.audience);
    expect(topics.count(watcher)).toBe(2);
    topics.leaveAll(watcher);
    topics.leave(watcher, 'a');
    expect([topics.count(watcher), topics.isWatched('a'), topics.isWatched('b')]).toEqual([0, false, false]);
  });

  it('is told of its prompts only where they are of the same audience', () => {
    topics.join(watcher, 't', 'ann\npage');
    expect([...topics.members('t', 'ann\npage')]).toEqual([watcher]);
    expect([[...topics.members('t', 'bob\npage')], [...topics.members('other', 'ann\npage')], [...topics.members(undefined, 'ann\npage')]]).toEqual([[], [], []]);
  });
});
