import { fail } from '../../core/errors.ts';

export interface Bounds {
  /** Deeds that run at a time. */
  readonly atOnce: number;
  /** Those of them that one key may have: less than all, so that nobody shuts the others out. */
  readonly perKey: number;
  /** Callers that may wait, and those of one key. */
  readonly waiting: number;
  readonly waitingPerKey: number;
}

interface Waiting {
  readonly key: string;
  readonly go: () => void;
}

/** Seconds after which a caller who was sent away may try again. */
const LATER = 2;

/** Lets a few deeds run at a time and a bounded number of callers wait, in order and with a share for each key. */
export class Turns {
  readonly #bounds: Bounds;
  readonly #line = new Set<Waiting>();
  readonly #running = new Map<string, number>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /**
   * Throws QUEUE_FULL: 429 when the key has its share, 503 when nobody may wait any more. Throws the reason of `signal` as
   * soon as that fires; a deed that runs then keeps its turn until it has really ended.
   */
  async take<T>(key: string, deed: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const { promise: gone, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal.reason);
    gone.catch(() => undefined);
    signal.addEventListener('abort', leave, { once: true });
    try {
      await this.#turn(key, gone);
      const running = deed().finally(() => this.#give(key));
      running.catch(() => undefined);
      return await Promise.race([running, gone]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** Resolves when the turn has come: it is counted then, and must be given back. Rejects with `gone`. */
  async #turn(key: string, gone: Promise<never>): Promise<void> {
    if (this.#mayRun(key)) return this.#count(key, 1);
    this.#checkLine(key);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const place: Waiting = { key, go: () => resolve(undefined) };
    this.#line.add(place);
    await Promise.race([promise, gone]).catch((error: unknown) => {
      // Its turn may have come in the same moment.
      if (!this.#line.delete(place)) this.#give(key);
      throw error;
    });
  }

  #checkLine(key: string): void {
    const { waiting, waitingPerKey } = this.#bounds;
    if (this.#line.size >= waiting) throw fail('QUEUE_FULL', `${waiting} conversions wait already.`, { retryAfter: LATER, status: 503 });
    const own = [...this.#line].filter((place) => place.key === key).length;
    if (own >= waitingPerKey) throw fail('QUEUE_FULL', `${waitingPerKey} conversions of this key wait already.`, { retryAfter: LATER });
  }

  #mayRun(key: string): boolean {
    const { atOnce, perKey } = this.#bounds;
    const all = this.#running.values().reduce((sum, count) => sum + count, 0);
    return all < atOnce && (this.#running.get(key) ?? 0) < perKey;
  }

  #count(key: string, change: 1 | -1): void {
    const count = (this.#running.get(key) ?? 0) + change;
    if (count > 0) this.#running.set(key, count);
    else this.#running.delete(key);
  }

  /** The turn goes to the first in line who may run. */
  #give(key: string): void {
    this.#count(key, -1);
    const next = this.#line.values().find((place) => this.#mayRun(place.key));
    if (!next) return;
    this.#line.delete(next);
    this.#count(next.key, 1);
    next.go();
  }
}
