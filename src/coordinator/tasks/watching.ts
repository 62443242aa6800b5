import { fail } from '../../core/errors.ts';
import type { TaskRecord, TaskStore } from '../../models/task-store.ts';
import { isTerminal, type TaskEvent } from '../../models/task.ts';
import type { TaskFeed, TaskNews } from '../../molecules/task-feed/task-feed.ts';

/** A stored event, or passing progress, which carries the newest number. */
export interface TaskTold {
  readonly seq: number;
  readonly event: TaskEvent['event'] | 'progress';
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
const ASK_EVERY = 2_000;
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
    while (!signal.aborted) {
      const events = await store.events(task.id, seq, PAGE);
      for (const event of events) {
        seq = event.seq;
        yield { seq, event: event.event, data: { ...event.data, status: event.status, at: event.at } };
        if (last(event.event) && !(await goesOn(task.id, seq, store))) return;
      }
      if (events.length === PAGE) continue;
      for (let news = waiting.shift(); news; news = waiting.shift()) {
        if (news.event === 'progress') yield { seq, event: 'progress', data: { ...news.data, status: news.status, at: news.at } };
        else if (news.seq > seq) break;
      }
      await wake.next(AbortSignal.any([signal, AbortSignal.timeout(ASK_EVERY)]));
      if (!(await store.find(task.id))) return;
    }
  } finally {
    leave();
  }
}

/** It was tried again after it had ended. */
async function goesOn(id: string, seq: number, store: Parts['store']): Promise<boolean> {
  return ((await store.find(id))?.seq ?? seq) > seq;
}

/** Something to wait for that may have come before the waiting begins. */
class Wake {
  #come = false;
  #resolve: (() => void) | undefined;

  now(): void {
    this.#come = true;
    this.#resolve?.();
  }

  /** Resolves at the next call of `now`, at once if that was before, and when the signal fires. */
  async next(signal: AbortSignal): Promise<void> {
    if (!this.#come && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.#come = false;
    this.#resolve = undefined;
  }
}
