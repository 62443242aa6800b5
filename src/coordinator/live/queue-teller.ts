import type { LiveParts } from './parts.ts';

const times = {
  /** Milliseconds after a change: what happens to prompts at that moment goes first. */
  soon: 3,
  /** Between two tellings. They go to everybody, and the queues of many small prompts change some hundred times a second. */
  apart: 50,
} as const;

/** Tells everybody how long the queues are, all together: soon after a change, and not after every one of a hurry. */
export class QueueTeller {
  readonly #parts: Pick<LiveParts, 'feed' | 'pool' | 'now' | 'sleep'>;
  #told: number | undefined;
  #toldAt = 0;
  #waiting = false;

  constructor(parts: Pick<LiveParts, 'feed' | 'pool' | 'now' | 'sleep'>) {
    this.#parts = parts;
  }

  /** Some queue may have changed. Resolves when that is told, or the signal aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    const { feed, pool, now, sleep } = this.#parts;
    if (this.#waiting || pool.totalRemaining() === this.#told) return;
    this.#waiting = true;
    const since = now() - this.#toldAt;
    await sleep(since < 0 ? times.soon : Math.max(times.soon, times.apart - since), signal).catch(() => undefined);
    this.#waiting = false;
    const total = pool.totalRemaining();
    if (signal.aborted || total === this.#told) return;
    this.#told = total;
    this.#toldAt = now();
    feed.status(total);
  }
}
