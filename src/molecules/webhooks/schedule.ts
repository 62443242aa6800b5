/** When a webhook that failed is tried again. Pure: time and randomness are handed in. */
const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000] as const;

/** Pauses after the first, second, … try; the last one repeats. */
const PAUSES = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR, 8 * HOUR] as const;
/** Milliseconds after its creation from which on a webhook is not tried any more. */
const LIFETIME = 24 * HOUR;
/** Share of a pause that is added or taken off at random, so that what failed together does not come back together. */
const JITTER = 0.2;
/** Milliseconds by which a receiver may prolong a pause. */
const ASKED = HOUR;
const GONE = 410;

export interface FailedTry {
  /** Tries before this one. */
  readonly attempts: number;
  readonly createdAt: number;
  readonly now: number;
  readonly status: number | undefined;
  /** Milliseconds that the receiver asks to wait. */
  readonly retryAfterMs: number | undefined;
  /** 0 to 1. */
  readonly random: number;
}

/**
 * When the next try is due; undefined when there is none: the receiver says that it is gone for good, or a day is over. What
 * the receiver asks for prolongs the pause, by an hour and into the last moment of the day at most, and never shortens it.
 */
export function nextTry({ attempts, createdAt, now, status, retryAfterMs = 0, random }: FailedTry): number | undefined {
  if (status === GONE) return undefined;
  const pause = Math.round((PAUSES[attempts] ?? 8 * HOUR) * (1 - JITTER + 2 * JITTER * random));
  const last = createdAt + LIFETIME - 1;
  if (now + pause > last) return undefined;
  return Math.min(now + Math.max(pause, Math.min(retryAfterMs, pause + ASKED)), last);
}
