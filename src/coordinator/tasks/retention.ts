import { reasonOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { OutputStorage } from '../../models/output-storage.ts';
import type { TaskStore } from '../../models/task-store.ts';

export interface RetentionParts {
  readonly store: Pick<TaskStore, 'expire'>;
  readonly storage: OutputStorage;
  readonly log: Logger;
  /** Milliseconds that a finished task is kept; 0 for ever. */
  readonly age: number;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const HOUR = 3_600_000;

/** Lets finished tasks go that are too old, with their events and outputs. */
export class Retention {
  readonly #parts: RetentionParts;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  /** At once, then every hour, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#parts.age > 0) {
      await this.sweep(signal).catch((error: unknown) => this.#parts.log.error('old tasks could not be removed', { reason: reasonOf(error) }));
      await this.#parts.sleep(HOUR, signal).catch(() => undefined);
    }
  }

  /** Answers how many went. */
  async sweep(signal: AbortSignal): Promise<number> {
    const { store, storage, log, age, now } = this.#parts;
    let count = 0;
    while (!signal.aborted) {
      const gone = await store.expire(now() - age);
      if (gone.length === 0) break;
      for (const id of gone.flatMap(({ id, jobIds }) => [...jobIds, id])) await storage.remove(id).catch((error: unknown) => log.error('outputs of an old task could not be removed', { folder: id, reason: reasonOf(error) }));
      count += gone.length;
    }
    if (count > 0) log.info('old tasks were removed', { tasks: count });
    return count;
  }
}
