import { fail } from '../../core/errors.ts';
import type { TaskRecord, TaskStore } from '../../models/task-store.ts';
import { isTerminal, type TaskEvent } from '../../models/task.ts';
import type { TaskFeed, TaskNews } from '../../molecules/task-feed/task-feed.ts';
import { Wake } from './wake.ts';

/** A stored event, or passing progress, which carries the newest number. The same object for all who hear of it as it happens. */
export interface TaskTold {
  readonly seq: number;
  readonly event: TaskEvent['event'] | 'progress';
  /** Whether it has the number as its own. */
  readonly numbered: boolean;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Parts {
  readonly store: Pick<TaskStore, 'find' | 'events'>;
  readonly feed: TaskFeed;
}

/** Events read from the store at a time. */
const PAGE = 200;
/** News that may wait for a slow reader, who is told the rest from the store. */
const WAITING = 256;
/** Milliseconds after which the store is asked although nothing was told. */
const ASK_EVERY = 5_000;
/** Events that nothing follows. */
const last = (event: string): boolean => event === 'completed' || event === 'failed' || event === 'cancelled';

/** Resolves when the task has ended, or when `signal` fires. The news wake us; the store is right. */
export async function untilEnded(task: TaskRecord, { store, feed }: Parts, signal: AbortSignal): Promise<void> {
  if (isTerminal(task.status)) return;
  const wake = new Wake();
  const leave = feed.listen(task.id, (news) => (last(news.event) ? wake.now() : undefined));
  try {
    while (!signal.aborted) {
      const now = await store.find(task.id);
      if (!now || isTerminal(now.status)) return;
      await wake.next(AbortSignal.any([signal, AbortSignal.timeout(ASK_EVERY)]));
    }
  } finally {
    leave();
  }
}

/** Events after `since` from the store, then news as they come; none missing, none twice, in order. Ends after the last one. Throws VALIDATION_ERROR at once for a number that there never was. */
export function following(task: TaskRecord, parts: Parts, options: { readonly since: number; readonly signal: AbortSignal }): AsyncGenerator<TaskTold, void> {
  if (options.since > task.seq) throw fail('VALIDATION_ERROR', `the newest event of task ${task.id} has the number ${task.seq}; nothing after ${options.since} was ever told.`);
  return told(task, parts, options);
}

async function* told(task: TaskRecord, { store, feed }: Parts, { since, signal }: { readonly since: number; readonly signal: AbortSignal }): AsyncGenerator<TaskTold, void> {
  const waiting: TaskNews[] = [];
  const wake = new Wake();
  const leave = feed.listen(task.id, (news) => {
    if (waiting.length >= WAITING) waiting.shift();
    waiting.push(news);
    wake.now();
  });
  try {
    let seq = since;
    let behind = true;
    while (!signal.aborted) {
      const page: readonly TaskEvent[] = behind ? await store.events(task.id, seq, PAGE) : [];
      const next = page.length === PAGE ? { ready: [], behind: true } : inOrder(waiting, page.at(-1)?.seq ?? seq);
      for (const one of [...page.map((event) => toldOf({ ...event, taskId: task.id })), ...next.ready.map(toldOnce)]) {
        if (one.numbered) seq = one.seq;
        yield one;
        if (last(one.event) && !(await goesOn(task.id, seq, store))) return;
      }
      behind = next.behind;
      if (behind || (await wake.next(AbortSignal.any([signal, AbortSignal.timeout(ASK_EVERY)])))) continue;
      behind = true;
      if (!(await store.find(task.id))) return;
    }
  } finally {
    leave();
  }
}

/** Takes the news that can be told after `seq`. `behind`: one is missing before the next, and the store has them all. */
function inOrder(waiting: TaskNews[], seq: number): { readonly ready: readonly TaskNews[]; readonly behind: boolean } {
  const ready: TaskNews[] = [];
  let newest = seq;
  for (const news of waiting.splice(0)) {
    if (news.event !== 'progress' && news.seq <= newest) continue;
    if (news.event !== 'progress' && news.seq > newest + 1) return { ready, behind: true };
    ready.push(news);
    if (news.event !== 'progress') newest = news.seq;
  }
  return { ready, behind: false };
}

const made = new WeakMap<TaskNews, TaskTold>();

/** What is told to many is made once. */
function toldOnce(news: TaskNews): TaskTold {
  const known = made.get(news) ?? toldOf(news);
  made.set(news, known);
  return known;
}

function toldOf({ taskId, seq, event, status, at, data }: Pick<TaskNews, 'taskId' | 'seq' | 'event' | 'status' | 'at' | 'data'>): TaskTold {
  return { seq, event, numbered: event !== 'progress', data: { ...data, task_id: taskId, seq, event, status, at } };
}

/** It was tried again after it had ended. */
async function goesOn(id: string, seq: number, store: Parts['store']): Promise<boolean> {
  return ((await store.find(id))?.seq ?? seq) > seq;
}
