import { type Caller, owns } from '../../models/caller.ts';
import type { TaskRecord, TaskStore } from '../../models/task-store.ts';
import { isTerminal } from '../../models/task.ts';
import { audienceOf, type EventFeed, messageFrame, type Watcher } from '../../molecules/event-feed/feed.ts';

/** Events read at a time. */
const PAGE = 200;

export interface TaskSubscription {
  readonly task_id: string;
  /** Number of the newest event that the client has seen. */
  readonly since?: number | undefined;
}

/** What one socket hears of tasks: what the store has of the past, then what happens; no event missing, none twice. */
export class TaskWatch {
  readonly #tasks: Pick<TaskStore, 'findMany' | 'events'>;
  readonly #feed: EventFeed;
  readonly #watcher: Watcher;

  constructor(parts: { readonly tasks: Pick<TaskStore, 'findMany' | 'events'>; readonly feed: EventFeed }, watcher: Watcher) {
    this.#tasks = parts.tasks;
    this.#feed = parts.feed;
    this.#watcher = watcher;
  }

  /** Those of the tasks that are the caller's. */
  async find(caller: Caller, items: readonly TaskSubscription[]): Promise<ReadonlyMap<string, TaskRecord>> {
    const found = items.length > 0 ? await this.#tasks.findMany(items.map((item) => item.task_id)) : [];
    return new Map(found.filter((task) => owns(caller, task.owner)).map((task) => [task.id, task]));
  }

  /**
   * Tells what was stored after `since`; without it, what happens from now on, or how it ended. `full`: the socket has too many subscriptions;
   * `reset`: nothing after that number was ever told.
   */
  async join(task: TaskRecord, since: number | undefined): Promise<'joined' | 'full' | 'reset'> {
    if (since !== undefined && since > task.seq) return 'reset';
    const seen = this.#feed.joinTask(this.#watcher, task.id, audienceOf(task.owner, task.clientId));
    if (!seen) return 'full';
    let over = isTerminal(task.status);
    let seq = since ?? (over ? task.seq - 1 : task.seq);
    for (;;) {
      seen.missed = false;
      const events = await this.#tasks.events(task.id, seq, PAGE);
      for (const { data, ...event } of events) {
        seq = event.seq;
        over = isTerminal(event.status);
        this.#watcher.mailbox.push(messageFrame('task', { ...data, ...event }), 'state');
      }
      if (events.length > 0 || seen.missed) continue;
      Object.assign(seen, { seq, catchingUp: false });
      if (over) this.leave(task.id);
      return 'joined';
    }
  }

  leave(taskId: string): void {
    this.#feed.leaveTask(this.#watcher, taskId);
  }
}
