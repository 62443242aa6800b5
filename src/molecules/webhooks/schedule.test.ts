import { describe, expect, it } from 'vitest';
import { type FailedTry, nextTry } from './schedule.ts';

const [MINUTE, HOUR] = [60_000, 3_600_000];
const failed = (more: Partial<FailedTry> = {}): FailedTry => ({ attempts: 0, createdAt: 0, now: 0, status: 500, retryAfterMs: undefined, random: 0.5, ...more });

/** When the tries of a receiver that always fails come, each right when it is due. */
function tries(random: number): number[] {
  const times: number[] = [0];
  for (let next = nextTry(failed({ random })); next !== undefined; next = nextTry(failed({ attempts: times.length - 1, now: next, random }))) times.push(next);
  return times;
}

describe('the tries of a webhook', () => {
  it('come quickly at first and go on for a day', () => {
    const times = tries(0.5);
    expect(times.map((time, n) => (time - (times[n - 1] ?? 0)) / 1_000)).toEqual([0, 5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800]);
    expect(times.at(-1)).toBeGreaterThan(20 * HOUR);
  });

  it('are spread by a fifth', () => {
    expect([nextTry(failed({ random: 0 })), nextTry(failed({ random: 1 }))]).toEqual([4_000, 6_000]);
    for (const random of [0, 1]) expect(tries(random).every((time) => time < 24 * HOUR)).toBe(true);
    expect(tries(0).length).toBeLessThanOrEqual(13);
  });

  it('are put off when the receiver asks for it, and never come sooner', () => {
    expect(nextTry(failed({ retryAfterMs: 5 * MINUTE, now: 1_000 }))).toBe(5 * MINUTE + 1_000);
    expect(nextTry(failed({ retryAfterMs: 0 }))).toBe(5_000);
  });

  it('are put off by an hour at most, and never given up for what the receiver asks', () => {
    for (const retryAfterMs of [2 * HOUR, 24 * HOUR, 365 * 24 * HOUR, Infinity]) expect(nextTry(failed({ retryAfterMs, now: 1_000 }))).toBe(HOUR + 6_000);
    expect(nextTry(failed({ retryAfterMs: HOUR, now: 23.5 * HOUR }))).toBe(24 * HOUR - 1);
    let [now, attempts] = [0, 0];
    for (let next = nextTry(failed({ retryAfterMs: Infinity })); next !== undefined; next = nextTry(failed({ attempts, now, retryAfterMs: Infinity }))) [now, attempts] = [next, attempts + 1];
    expect(attempts).toBeGreaterThan(8);
    expect(attempts).toBeLessThan(13);
  });

  it('end after a day, and at once for a receiver that is gone', () => {
    expect(nextTry(failed({ attempts: 10, now: 23 * HOUR }))).toBeUndefined();
    expect(nextTry(failed({ now: 24 * HOUR }))).toBeUndefined();
    expect(nextTry(failed({ status: 410 }))).toBeUndefined();
  });

  it('go on for answers that say that the request is wrong: a receiver may be mended', () => {
    expect([400, 404, undefined].map((status) => nextTry(failed({ status })))).toEqual([5_000, 5_000, 5_000]);
  });
});
