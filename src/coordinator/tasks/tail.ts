import { reasonOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { TaskStore } from '../../models/task-store.ts';
import type { TaskFeed } from '../../molecules/task-feed/task-feed.ts';
import { Wake } from './wake.ts';

export interface TailParts {
  readonly store: Pick<TaskStore, 'tail' | 'list'>;
  readonly feed: TaskFeed;
  readonly log: Logger;
  /** Whether anybody in this process wants to hear of tasks. */
  readonly heard: () => boolean;
  /** Name of this process in claims: it tells of the progress of its own tasks itself. */
  readonly name: string;
  readonly now: () => number;
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
  readonly #wake = new Wake();
  #progress: ReadonlyMap<string, number> = new Map();
  #progressAt = 0;

  constructor(parts: TailParts) {
    this.#parts = parts;
  }

  /** Something was written by this process. Where nobody listens, that can wait for the next look. */
  wake(): void {
    if (this.#parts.heard()) this.#wake.now();
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look().catch((error: unknown) => this.#parts.log.warn('events of tasks could not be read; trying again', { reason: reasonOf(error) }));
      await this.#wake.within(LOOK, this.#parts.sleep, signal);
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

  /** Of tasks that another process works on: its own are told by whoever works on them. */
  async #tellProgress(): Promise<void> {
    const { store, feed, name, now } = this.#parts;
    if (now() - this.#progressAt < LOOK) return;
    this.#progressAt = now();
    const tasks = (await store.list(undefined, { status: 'processing', limit: PAGE })).filter((task) => task.worker !== name);
    const fresh = tasks.filter((task) => this.#progress.get(task.id) !== task.progress);
    this.#progress = new Map(tasks.map((task) => [task.id, task.progress]));
    for (const task of fresh) {
      const data = { progress: task.progress, ...(task.current ? { current: task.current } : {}) };
      feed.tell({ taskId: task.id, owner: task.owner, clientId: task.clientId, seq: task.seq, status: task.status, event: 'progress', at: now(), data });
    }
  }
}
