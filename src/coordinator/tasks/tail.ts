import { reasonOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { isTerminal } from '../../models/task.ts';
import type { TaskStore } from '../../models/task-store.ts';
import type { TaskFeed } from '../../molecules/task-feed/task-feed.ts';

export interface TailParts {
  readonly store: Pick<TaskStore, 'tail' | 'findMany'>;
  readonly feed: TaskFeed;
  readonly log: Logger;
  /** Whether anybody in this process wants to hear of tasks. */
  readonly heard: () => boolean;
  /** Name of this process in claims: it tells of the progress of its own tasks itself. */
  readonly name: string;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Milliseconds between looks for what other processes wrote. */
const LOOK = 200;
/** Events read at a time. */
const PAGE = 500;

/** Reads what was written of tasks, by whichever process, and tells whoever watches here: in the order of its writing, each event once. */
export class Tail {
  readonly #parts: TailParts;
  /** Up to where it was told, or where nobody listened. */
  #mark: number | undefined;
  #wake: (() => void) | undefined;
  #woken = false;
  readonly #progress = new Map<string, number>();

  constructor(parts: TailParts) {
    this.#parts = parts;
  }

  /** Something was written by this process. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#woken = false;
      await this.#look().catch((error: unknown) => this.#parts.log.warn('events of tasks could not be read; trying again', { reason: reasonOf(error) }));
      if (this.#woken || signal.aborted) continue;
      const rest = new AbortController();
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await Promise.race([woken, this.#parts.sleep(LOOK, AbortSignal.any([signal, rest.signal])).catch(() => undefined)]);
      rest.abort();
      this.#wake = undefined;
    }
  }

  async #look(): Promise<void> {
    const { store, feed, heard } = this.#parts;
    if (this.#mark === undefined || !heard()) {
      const { mark } = await store.tail(undefined, PAGE);
      // Who came meanwhile may have missed what was written meanwhile.
      if (this.#mark === undefined || !heard()) {
        this.#mark = mark;
        return;
      }
    }
    for (let full = true; full; ) {
      const { mark, events } = await store.tail(this.#mark, PAGE);
      this.#mark = mark;
      for (const { task_id: taskId, owner, clientId, seq, status, event, at, data } of events) feed.tell({ taskId, owner, clientId, seq, status, event, at, data });
      full = events.length === PAGE;
    }
    await this.#tellProgress();
  }

  /** Of tasks that somebody watches here and another process works on. */
  async #tellProgress(): Promise<void> {
    const { store, feed, name } = this.#parts;
    const { watched } = feed;
    for (const id of this.#progress.keys()) if (!watched.includes(id)) this.#progress.delete(id);
    const tasks = watched.length > 0 ? await store.findMany(watched.slice(0, PAGE)) : [];
    for (const task of tasks) {
      if (task.status !== 'processing' || task.worker === name || isTerminal(task.status) || this.#progress.get(task.id) === task.progress) continue;
      this.#progress.set(task.id, task.progress);
      const data = { progress: task.progress, ...(task.current ? { current: task.current } : {}) };
      feed.tell({ taskId: task.id, owner: task.owner, clientId: task.clientId, seq: task.seq, status: task.status, event: 'progress', at: Date.now(), data });
    }
  }
}
