import { describe, expect, it } from 'vitest';
import { limits } from '../../constants/limits.ts';
import { TaskFeed, type TaskNews } from './task-feed.ts';

const news = (taskId: string): TaskNews => ({ taskId, owner: 'ann', clientId: 'page', seq: 1, status: 'pending', event: 'queued', at: 1, data: {} });

describe('the feed of tasks', () => {
  it('tells those who listen to the task, and those who listen to all', () => {
    const feed = new TaskFeed();
    const heard: string[] = [];
    feed.listen('a', ({ taskId }) => void heard.push(`one of ${taskId}`));
    feed.listen('a', ({ taskId }) => void heard.push(`other of ${taskId}`));
    feed.listenToAll(({ taskId }) => void heard.push(`all: ${taskId}`));
    for (const id of ['a', 'b']) feed.tell(news(id));
    expect(heard).toEqual(['one of a', 'other of a', 'all: a', 'all: b']);
  });

  it('tells nobody who has left, however often that is said', () => {
    const feed = new TaskFeed();
    const heard: string[] = [];
    const leave = [feed.listen('a', () => void heard.push('one')), feed.listenToAll(() => void heard.push('all'))];
    feed.listen('a', () => void heard.push('stays'));
    for (const go of [...leave, ...leave]) go();
    feed.tell(news('a'));
    expect([heard, feed.count]).toEqual([['stays'], 1]);
  });

  it('keeps the next listeners of a task when an earlier one leaves late', () => {
    const feed = new TaskFeed();
    const heard: string[] = [];
    const leave = feed.listen('a', () => undefined);
    leave();
    feed.listen('a', () => void heard.push('next'));
    leave();
    feed.tell(news('a'));
    expect([heard, feed.count]).toEqual([['next'], 1]);
  });

  it('tells all of them although one leaves or comes while it is told', () => {
    const feed = new TaskFeed();
    const heard: string[] = [];
    const leave = feed.listen('a', () => {
      leave();
      feed.listen('a', () => void heard.push('late'));
    });
    feed.listen('a', () => void heard.push('other'));
    feed.tell(news('a'));
    expect(heard).toEqual(['other']);
    feed.tell(news('a'));
    expect(heard).toEqual(['other', 'other', 'late']);
  });

  it('is full at its limit', () => {
    const feed = new TaskFeed();
    const all = Array.from({ length: limits.watchers }, (_, n) => feed.listen(`${n}`, () => undefined));
    expect(feed.full).toBe(true);
    all[0]?.();
    expect(feed.full).toBe(false);
  });
});
