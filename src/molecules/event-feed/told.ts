import { limits } from '../../constants/limits.ts';

/** What one watcher has been told of one task. */
export interface Seen {
  /** Number of the oldest event of the unbroken row that it was told; beyond `seq` when it was told none. */
  from: number;
  /** Number of the newest event that it was told. */
  seq: number;
  /** Whatever happened after `seq` has been, or will be told to it. */
  hearing: boolean;
  /** It is being told what is stored: what happens meanwhile is found there. */
  catchingUp: boolean;
  /** Something happened meanwhile. */
  missed: boolean;
}

export const nothingSeen = (): Seen => ({ from: 1, seq: 0, hearing: false, catchingUp: false, missed: false });

export const wasTold = ({ from, seq }: Pick<Seen, 'from' | 'seq'>, event: number): boolean => from <= event && event <= seq;

/** The event has been told, too. What lies before a gap is forgotten: it may be told again, but nothing is left out. */
export function note(seen: Seen, event: number): void {
  if (seen.from > seen.seq || event > seen.seq + 1) seen.from = event;
  else if (event === seen.from - 1) seen.from = event;
  seen.seq = Math.max(seen.seq, event);
}

/** What one watcher was told of tasks that it is not subscribed to: those of its own client, and those that it left or that have ended. */
export class ToldTasks {
  readonly #seen = new Map<string, Seen>();

  get size(): number {
    return this.#seen.size;
  }

  get(taskId: string): Seen | undefined {
    return this.#seen.get(taskId);
  }

  /** As the one that was heard of last. */
  keep(taskId: string, seen: Seen): void {
    this.#seen.delete(taskId);
    this.#seen.set(taskId, seen);
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= limits.toldTasks) return;
      this.#seen.delete(oldest);
    }
  }

  /** It is subscribed to from now on. */
  take(taskId: string): Seen | undefined {
    const seen = this.#seen.get(taskId);
    this.#seen.delete(taskId);
    return seen;
  }
}
