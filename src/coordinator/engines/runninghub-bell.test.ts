import { describe, expect, it } from 'vitest';
import type { PromptProgress } from '../../models/prompt-state.ts';
import { Bell } from './runninghub-bell.ts';

const never = new AbortController().signal;
const halfway: PromptProgress = { node: '3', overall: 0.5 };

/** A clock that goes on while somebody sleeps, to the end of it or until it is broken off by `during`. */
function clockOf(during: (n: number) => void = () => undefined) {
  const slept: number[] = [];
  const clock = {
    at: 0,
    slept,
    now: () => clock.at,
    sleep: async (ms: number, signal: AbortSignal): Promise<void> => {
      slept.push(ms);
      during(slept.length);
      signal.throwIfAborted();
      clock.at += ms;
    },
  };
  return clock;
}

const paused = (bell: Bell, ms: number, clock: ReturnType<typeof clockOf>, signal = never): Promise<PromptProgress[]> => Array.fromAsync(bell.pause(ms, clock, signal));

describe('the pause between two looks', () => {
  it('lasts as long as it shall', async () => {
    const clock = clockOf();
    expect(await paused(new Bell(), 5_000, clock)).toEqual([]);
    expect([clock.at, clock.slept]).toEqual([5_000, [5_000]]);
  });

  it('ends at a hint, a second after its begin at the earliest, and two more are short', async () => {
    const bell = new Bell();
    const clock = clockOf((n) => n === 1 && bell.hint());
    const ends: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      await paused(bell, 5_000, clock);
      ends.push(clock.at);
    }
    expect(ends).toEqual([1_000, 3_000, 7_000, 12_000, 17_000]);
  });

  it('is no longer for a hint than without', async () => {
    const [bell, clock] = [new Bell(), clockOf()];
    bell.hint();
    await paused(bell, 300, clock);
    expect(clock.at).toBe(300);
  });

  it('ends soon after a hint that came before it began', async () => {
    const [bell, clock] = [new Bell(), clockOf()];
    bell.hint();
    await paused(bell, 60_000, clock);
    expect(clock.at).toBe(1_000);
  });

  it('tells of progress at once, of the newest alone, and goes on', async () => {
    const bell = new Bell();
    const clock = clockOf((n) => {
      if (n > 1) return;
      bell.tell({ node: '3', overall: 0.25 });
      bell.tell(halfway);
    });
    expect(await paused(bell, 5_000, clock)).toEqual([halfway]);
    expect([clock.at, clock.slept]).toEqual([5_000, [5_000, 5_000]]);
  });

  it('breaks off with the signal', async () => {
    const leaving = new AbortController();
    const clock = clockOf(() => leaving.abort());
    await expect(paused(new Bell(), 5_000, clock, leaving.signal)).rejects.toBe(leaving.signal.reason);
  });

  it('throws what a sleep throws that nobody broke off', async () => {
    const broken = { now: () => 0, sleep: () => Promise.reject(new TypeError('no sleep')) };
    await expect(Array.fromAsync(new Bell().pause(5, broken, never))).rejects.toThrow('no sleep');
  });
});
