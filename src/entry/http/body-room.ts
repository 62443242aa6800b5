/**
 * Room for JSON bodies: a body of many small values takes twenty times its bytes once it is parsed, so the bytes in work
 * are bounded over the whole process and by key. Who does not fit waits for a while, in the order of arrival.
 */
import { setImmediate as nextRound } from 'node:timers/promises';
import { limits } from '../../constants/limits.ts';
import { fail, type GatewayError } from '../../core/errors.ts';

export interface BodyRoomSize {
  /** Bytes of all. */
  readonly bytes: number;
  readonly bytesPerKey: number;
  /** Bodies that may wait. */
  readonly waiting: number;
  readonly waitingPerKey: number;
  /** Milliseconds that one waits. */
  readonly patience: number;
}

const usual: BodyRoomSize = { bytes: limits.bodyBytes, bytesPerKey: limits.bodyBytesPerKey, waiting: limits.bodiesWaiting, waitingPerKey: limits.bodiesWaitingPerKey, patience: limits.bodyPatience };

/** Bytes of a body that need not wait for larger ones before it, nor for its turn. */
const small = 64 * 1024;
/** How much more than the room the small may fill: they are done soon, and giants must not keep everybody out. */
const slack = 1.25;
/** Seconds after which a body that did not fit may come again. */
const comeAgain = 2;

/** What one call holds of the room. */
export interface Share {
  /** Bytes held. */
  readonly held: number;
  /** Holds as many bytes more, when there is room. Throws QUEUE_FULL (as 503), and the reason of the signal. */
  grow(bytes: number, signal: AbortSignal): Promise<void>;
  /** Gives everything back, for good. */
  release(): void;
}

interface Holding {
  readonly key: string;
  bytes: number;
  released: boolean;
}

interface Waiting {
  readonly holding: Holding;
  readonly bytes: number;
  readonly enter: () => void;
}

export class BodyRoom {
  readonly #size: BodyRoomSize;
  readonly #held = new Map<string, number>();
  /** In the order of arrival. */
  readonly #waiting = new Set<Waiting>();
  #used = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(size: BodyRoomSize = usual) {
    this.#size = size;
  }

  /** A share of nothing yet. */
  open(key: string): Share {
    const holding: Holding = { key, bytes: 0, released: false };
    return {
      get held() {
        return holding.bytes;
      },
      grow: (bytes, signal) => this.#grow(holding, bytes, signal),
      release: () => {
        this.#count(holding, -holding.bytes);
        holding.released = true;
        this.#admit();
      },
    };
  }

  /** Does the work when no other large body is worked on, with a round of the event loop in between: other callers get their turn. */
  async turn<T>(bytes: number, work: () => T): Promise<T> {
    if (bytes <= small) return work();
    const before = this.#turn;
    const mine = Promise.withResolvers<void>();
    this.#turn = mine.promise;
    await before;
    try {
      await nextRound();
      return work();
    } finally {
      mine.resolve();
    }
  }

  async #grow(holding: Holding, bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const entered = Promise.withResolvers<void>();
    const waiting: Waiting = { holding, bytes, enter: entered.resolve };
    this.#waiting.add(waiting);
    this.#admit();
    if (!this.#waiting.has(waiting)) return;
    const late = setTimeout(() => entered.reject(this.#full(`it waited for ${this.#size.patience / 1_000} s`)), this.#size.patience);
    const onAbort = (): void => entered.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (this.#isCrowded(holding.key)) entered.reject(this.#full('many wait already'));
    try {
      await entered.promise;
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', onAbort);
      if (this.#waiting.delete(waiting)) this.#admit();
    }
  }

  /** Lets in who fits. Nobody overtakes one who waits for the room as a whole, except the small; who waits for the own key holds up nobody. */
  #admit(): void {
    let full = false;
    for (const waiting of this.#waiting) {
      const { holding, bytes } = waiting;
      const others = this.#used - holding.bytes;
      const sisters = (this.#held.get(holding.key) ?? 0) - holding.bytes;
      const more = bytes <= small ? slack : 1;
      const fits = others === 0 || this.#used + bytes <= this.#size.bytes * more;
      const fitsKey = sisters === 0 || sisters + holding.bytes + bytes <= this.#size.bytesPerKey * more;
      if (fits && fitsKey && (!full || bytes <= small)) {
        this.#waiting.delete(waiting);
        this.#count(holding, bytes);
        waiting.enter();
      } else if (!fits) full = true;
    }
  }

  #count(holding: Holding, bytes: number): void {
    if (holding.released) return;
    const ofKey = (this.#held.get(holding.key) ?? 0) + bytes;
    if (ofKey > 0) this.#held.set(holding.key, ofKey);
    else this.#held.delete(holding.key);
    holding.bytes += bytes;
    this.#used += bytes;
  }

  #isCrowded(key: string): boolean {
    let ofKey = 0;
    for (const { holding } of this.#waiting) if (holding.key === key) ofKey += 1;
    return this.#waiting.size > this.#size.waiting || ofKey > this.#size.waitingPerKey;
  }

  #full(why: string): GatewayError {
    const { bytes, bytesPerKey } = this.#size;
    return fail('QUEUE_FULL', `the body does not fit beside those in work, which are ${bytes} bytes at most, ${bytesPerKey} of one key; ${why}`, { status: 503, retryAfter: comeAgain });
  }
}
