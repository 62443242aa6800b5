import type { Records } from './schema.ts';

/** Writes that share a transaction: whoever reads waits until it is through. */
const together = 32;

interface Waiting {
  readonly run: (step: Records) => Promise<void>;
  /** Tells the caller what the newest run answered. */
  readonly done: () => void;
  readonly failed: (reason: unknown) => void;
}

/**
 * Lets writes that come while another is under way share a transaction: a commit costs more than what it commits. Each is
 * committed when it resolves. When one fails, what shared its transaction is written again, each alone: so a failure is
 * its own, and `work` may run twice.
 */
export class GroupCommit {
  readonly #db: Records;
  readonly #waiting: Waiting[] = [];
  #busy = false;

  constructor(db: Records) {
    this.#db = db;
  }

  write<T>(work: (step: Records) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let answer: Promise<T>;
      const run = async (step: Records): Promise<void> => {
        answer = work(step);
        await answer;
      };
      this.#waiting.push({ run, done: () => resolve(answer), failed: reject });
      if (!this.#busy) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#busy = true;
    for (let batch = this.#waiting.splice(0, together); batch.length > 0; batch = this.#waiting.splice(0, together)) {
      if (await this.#writeBatch(batch)) continue;
      for (const alone of batch) await this.#writeBatch([alone]);
    }
    this.#busy = false;
  }

  /** False when each is to be written alone. */
  async #writeBatch(batch: readonly Waiting[]): Promise<boolean> {
    let begun = false;
    try {
      await this.#db.transaction().execute(async (step) => {
        begun = true;
        for (const { run } of batch) await run(step);
      });
      for (const { done } of batch) done();
    } catch (error) {
      if (begun && batch.length > 1) return false;
      for (const { failed } of batch) failed(error);
    }
    return true;
  }
}
