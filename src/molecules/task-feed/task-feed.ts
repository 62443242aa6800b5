import { limits } from '../../constants/limits.ts';
import type { TaskEventName, TaskStatus } from '../../models/task.ts';

/** What is told of a task. `seq` is the number of the newest event; an `event` has it as its own. */
export interface TaskNews {
  readonly taskId: string;
  readonly owner: string;
  readonly clientId: string;
  readonly seq: number;
  readonly status: TaskStatus;
  readonly event: TaskEventName | 'progress';
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export type TaskListener = (news: TaskNews) => void;

/** Tells whoever listens what happens to tasks. Keeps nothing: events are in the store. No I/O. */
export class TaskFeed {
  readonly #ofTask = new Map<string, Set<TaskListener>>();
  readonly #ofAll = new Set<TaskListener>();
  #count = 0;

  /** How many listen to a task by its name. */
  get count(): number {
    return this.#count;
  }

  /** No room for one more listener. */
  get full(): boolean {
    return this.#count >= limits.watchers;
  }

  /** From now on `listener` hears of that task, until the answer is called. */
  listen(taskId: string, listener: TaskListener): () => void {
    const listeners = this.#ofTask.get(taskId) ?? new Set();
    this.#ofTask.set(taskId, listeners.add(listener));
    this.#count += 1;
    return () => {
      if (listeners.delete(listener)) this.#count -= 1;
      if (listeners.size === 0 && this.#ofTask.get(taskId) === listeners) this.#ofTask.delete(taskId);
    };
  }

  /** Hears of every task. */
  listenToAll(listener: TaskListener): () => void {
    this.#ofAll.add(listener);
    return () => void this.#ofAll.delete(listener);
  }

  tell(news: TaskNews): void {
    for (const listener of [...(this.#ofTask.get(news.taskId) ?? [])]) listener(news);
    for (const listener of [...this.#ofAll]) listener(news);
  }
}
