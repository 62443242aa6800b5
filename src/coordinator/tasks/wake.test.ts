import { describe, expect, it } from 'vitest';
import { gone } from '../../../tests/support/scripted-task-engine.ts';
import { Wake } from './wake.ts';

const forEver = new AbortController().signal;
const never = (_: number, signal: AbortSignal): Promise<void> => gone(signal);

describe('waiting', () => {
  it('ends with the next call, and says so', async () => {
    const wake = new Wake();
    const [woken, slept] = [wake.next(forEver), new Wake().within(5, () => Promise.resolve(), forEver)];
    wake.now();
    expect([await woken, await slept]).toEqual([true, false]);
  });

  it('does not begin where the call came before, once', async () => {
    const wake = new Wake();
    wake.now();
    wake.now();
    expect(await wake.next(forEver)).toBe(true);
    expect(await wake.next(AbortSignal.timeout(5))).toBe(false);
    wake.now();
    expect(await wake.within(5, never, forEver)).toBe(true);
  });

  it('ends when the signal fires', async () => {
    const leave = new AbortController();
    const all = [new Wake().next(leave.signal), new Wake().within(5, never, leave.signal)];
    leave.abort();
    expect(await Promise.all(all)).toEqual([false, false]);
    expect(await new Wake().within(5, never, leave.signal)).toBe(false);
  });

  it('begins no sleep anew for each call, and ends with the one that goes on', async () => {
    const wake = new Wake();
    const begun: (() => void)[] = [];
    const sleep = (): Promise<void> => new Promise((resolve) => void begun.push(resolve));
    for (let n = 0; n < 100; n += 1) {
      const woken = wake.within(5, sleep, forEver);
      wake.now();
      expect(await woken).toBe(true);
    }
    const waiting = wake.within(5, sleep, forEver);
    expect(begun).toHaveLength(1);
    begun[0]?.();
    expect(await waiting).toBe(false);
    const next = wake.within(5, sleep, forEver);
    expect(begun).toHaveLength(2);
    wake.now();
    expect(await next).toBe(true);
  });
});
