import pLimit, { type LimitFunction } from 'p-limit';
import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';

/** Seconds after which a caller who was sent away may try again. */
const LATER = 5;

/** A few downloads at a time, and a bounded line of those that wait. */
export class Turns {
  readonly #limit: LimitFunction;

  constructor(atOnce: number) {
    this.#limit = pLimit(atOnce);
  }

  /**
   * Throws QUEUE_FULL when nobody may wait any more, and the reason of `signal` when that fires while it waits. From then on the
   * deed itself must honour the signal: this ends when the deed has ended.
   */
  async take<T>(deed: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#limit.pendingCount >= limits.downloadsWaiting) throw fail('QUEUE_FULL', `${limits.downloadsWaiting} downloads wait already.`, { retryAfter: LATER, status: 503 });
    const { promise: gone, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    const turn = this.#limit(async () => {
      signal.removeEventListener('abort', leave);
      signal.throwIfAborted();
      return deed();
    });
    return Promise.race([gone, turn]);
  }
}
