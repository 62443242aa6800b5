import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Stops } from './stops.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DAY = 86_400_000;
const now = (): number => 1_000;

describe('what stops a task', () => {
  it('is nothing at first', () => {
    const stops = new Stops(undefined, { now });
    vi.advanceTimersByTime(100 * DAY);
    expect([stops.reason, stops.signal.aborted]).toEqual([undefined, false]);
  });

  it('is its deadline when that comes, and not before', () => {
    const stops = new Stops(3_000, { now });
    vi.advanceTimersByTime(1_999);
    expect(stops.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect([stops.reason, stops.signal.aborted]).toEqual(['deadline', true]);
  });

  it('is its deadline at once where that has passed already', () => {
    const stops = new Stops(500, { now });
    vi.advanceTimersByTime(0);
    expect(stops.reason).toBe('deadline');
  });

  it('is no deadline that is further away than a timer can wait', () => {
    const stops = new Stops(1_000 + 30 * DAY, { now });
    vi.advanceTimersByTime(29 * DAY);
    expect(stops.reason).toBeUndefined();
  });

  it('is whatever came first', () => {
    const stops = new Stops(2_000, { now });
    stops.cancel();
    vi.advanceTimersByTime(5_000);
    expect(stops.reason).toBe('cancel');
    const late = new Stops(1_000, { now });
    vi.advanceTimersByTime(0);
    late.cancel();
    expect(late.reason).toBe('deadline');
  });

  it('leaves no timer behind', () => {
    const stops = new Stops(2_000, { now });
    stops.end();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is told with the time that had been set, and the step of a pipeline', () => {
    const stops = new Stops(2_000, { now });
    expect(stops.overdue('')).toEqual({ code: 'TASK_TIMEOUT', reason: 'The time limit passed: it had not ended by 1970-01-01T00:00:02.000Z, the limit that its deadline_seconds set.' });
    expect(stops.overdue('swap')).toMatchObject({ step: 'swap' });
    stops.end();
  });
});
