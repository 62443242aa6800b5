import { fail } from '../../core/errors.ts';

/** Lets a few run at a time and a bounded number wait, in order. Whoever gives up waiting leaves the line at once. */
export class Turns {
  readonly #atOnce: number;
  readonly #waiting: number;
  readonly #line = new Set<() => void>();
  #running = 0;

  constructor(limits: { readonly atOnce: number; readonly waiting: number }) {
    this.#atOnce = limits.atOnce;
    this.#waiting = limits.waiting;
  }

  /** Throws QUEUE_FULL, or why `signal` fired while it waited. */
  async take<T>(deed: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#running >= this.#atOnce) await this.#wait(signal);
    else this.#running += 1;
    try {
      return await deed();
    } finally {
      this.#next();
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (this.#line.size >= this.#waiting) throw fail('QUEUE_FULL', `${this.#waiting} conversions wait already.`, { retryAfter: 2 });
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const go = (): void => resolve(undefined);
    const leave = (): void => {
      if (this.#line.delete(go)) reject(signal.reason);
    };
    this.#line.add(go);
    signal.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  /** The turn goes to the next in line without being free in between. */
  #next(): void {
    const [next] = this.#line;
    if (!next) this.#running -= 1;
    else if (this.#line.delete(next)) next();
  }
}
