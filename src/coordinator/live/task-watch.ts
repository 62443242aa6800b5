import { type Caller, owns } from '../../models/caller.ts';
import type { TaskRecord, TaskStore } from '../../models/task-store.ts';
import { isTerminal, type TaskStatus } from '../../models/task.ts';
import { audienceOf, type EventFeed, messageFrame, type Watcher } from '../../molecules/event-feed/feed.ts';
import { type Seen, wasTold } from '../../molecules/event-feed/told.ts';

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
  /** One after the other: two that tell of one task at once would not know of each other. */
  #joining: Promise<unknown> = Promise.resolve();

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
   * Tells what was stored after `since`; without it, what happens from now on, or how it ended; never what the socket was told
   * before. `full`: the socket has too many subscriptions; `reset`: nothing after that number was ever told.
   */
  join(task: TaskRecord, since: number | undefined): Promise<'joined' | 'full' | 'reset'> {
    const joined = this.#joining.then(() => this.#join(task, since));
    this.#joining = joined.catch(() => undefined);
    return joined;
  }

  leave(taskId: string): void {
    this.#feed.leaveTask(this.#watcher, taskId);
  }

  async #join(task: TaskRecord, since: number | undefined): Promise<'joined' | 'full' | 'reset'> {
    if (since !== undefined && since > task.seq) return 'reset';
    const seen = this.#feed.joinTask(this.#watcher, task.id, audienceOf(task.owner, task.clientId));
    if (!seen) return 'full';
    const over = isTerminal(task.status);
    const start = since ?? (seen.hearing ? beforeNewest(seen) : over ? task.seq - 1 : task.seq);
    seen.hearing = true;
    try {
      const status = await this.#catchUp(task, start, seen);
      if (isTerminal(status)) this.leave(task.id);
      return 'joined';
    } catch (error) {
      this.leave(task.id);
      throw error;
    }
  }

  /** Tells what is stored after `start` and was not told, until there is no more or it has left. Answers how the task is then. */
  async #catchUp(task: TaskRecord, start: number, seen: Seen): Promise<TaskStatus> {
    const before = { from: seen.from, seq: seen.seq };
    let [seq, status] = [start, task.status];
    for (;;) {
      if (wasTold(before, seq + 1)) seq = beforeNewest(before);
      seen.missed = false;
      const events = await this.#tasks.events(task.id, seq, PAGE);
      if (!seen.catchingUp) return status;
      for (const { data, ...event } of events) {
        [seq, status] = [event.seq, event.status];
        if (!wasTold(before, seq)) this.#watcher.mailbox.push(messageFrame('task', { ...data, ...event }), 'state');
      }
      if (events.length === 0 && !seen.missed) break;
    }
    const row = start <= before.seq ? Math.min(before.from, start + 1) : start + 1;
    Object.assign(seen, { from: row, seq: Math.max(seq, before.seq), catchingUp: false });
    return status;
  }
}

/** The newest that it was told is read again for what it says of the task. */
const beforeNewest = (seen: Pick<Seen, 'from' | 'seq'>): number => (wasTold(seen, seen.seq) ? seen.seq - 1 : seen.seq);
