import type { RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit, type Store } from 'express-rate-limit';
import { fail } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';
import { callerOf } from './callers.ts';

const windowMs = 60_000;
/** Callers counted at once; beyond that the oldest count is forgotten. */
const maxCounts = 50_000;

export interface RateLimitOptions {
  /** Calls per minute and key; 0 for no limit. */
  readonly perMinute: number;
  /** Whether callers are told apart by key; else they are by address. */
  readonly authenticated: boolean;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface RateLimit {
  /** Counts the call, sets the RateLimit headers, and throws RATE_LIMITED beyond the limit. */
  readonly middleware: RequestHandler;
  /** Counts one deed of a caller elsewhere, such as a socket message. `retryAfter` is in seconds. */
  consume(caller: Caller, address?: string): { readonly limited: boolean; readonly retryAfter: number };
  /** Counts a failed authentication of an address; throws RATE_LIMITED beyond the limit. A valid key is never locked out by others. */
  countFailure(address: string | undefined): void;
}

interface Count {
  hits: number;
  readonly resetAt: number;
}

/** Counts in windows that begin with a key's first call. No timers: what is over goes when room is needed. */
class Counts implements Store {
  readonly localKeys = true;
  readonly #counts = new Map<string, Count>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(key: string): Count {
    const known = this.#counts.get(key);
    if (known !== undefined && known.resetAt > this.#now()) {
      known.hits += 1;
      return known;
    }
    this.#counts.delete(key);
    this.#makeRoom();
    const count = { hits: 1, resetAt: this.#now() + windowMs };
    this.#counts.set(key, count);
    return count;
  }

  /** Windows are equally long, so the first in the map is the first to be over. */
  #makeRoom(): void {
    for (const [key, { resetAt }] of this.#counts) {
      if (resetAt > this.#now() && this.#counts.size < maxCounts) return;
      this.#counts.delete(key);
    }
  }

  increment(key: string): { totalHits: number; resetTime: Date } {
    const { hits, resetAt } = this.add(key);
    return { totalHits: hits, resetTime: new Date(resetAt) };
  }

  decrement(key: string): void {
    const count = this.#counts.get(key);
    if (count !== undefined) count.hits -= 1;
  }

  resetKey(key: string): void {
    this.#counts.delete(key);
  }
}

export function createRateLimit({ perMinute, authenticated, now = Date.now }: RateLimitOptions): RateLimit {
  const counts = new Counts(now);
  const keyOf = (caller: Caller | undefined, address: string | undefined): string => (authenticated && caller?.key ? `key ${caller.key}` : `address ${ipKeyGenerator(address ?? '')}`);
  const refusal = (retryAfter: number) => fail('RATE_LIMITED', `more than ${perMinute} calls in a minute (RATE_LIMIT_PER_MINUTE)`, { retryAfter });
  const count = (key: string): { limited: boolean; retryAfter: number } => {
    if (perMinute === 0) return { limited: false, retryAfter: 0 };
    const { hits, resetAt } = counts.add(key);
    return { limited: hits > perMinute, retryAfter: Math.max(1, Math.ceil((resetAt - now()) / 1_000)) };
  };
  const counting = rateLimit({
    windowMs,
    limit: perMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: 'calls',
    store: counts,
    validate: false,
    keyGenerator: (request, response) => keyOf(callerOf(response), request.ip),
    handler: (_request, response) => {
      throw refusal(Number(response.getHeader('Retry-After') ?? 60));
    },
  });
  return {
    middleware: perMinute === 0 ? (_request, _response, next) => next() : counting,
    consume: (caller, address) => count(keyOf(caller, address)),
    countFailure(address) {
      const { limited, retryAfter } = count(`failure ${ipKeyGenerator(address ?? '')}`);
      if (limited) throw refusal(retryAfter);
    },
  };
}
