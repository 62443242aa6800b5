import { describe, expect, test } from 'vitest';
import { instanceOf } from './address.ts';
import { PassingOver } from './passing-over.ts';
import { InstancePool } from './pool.ts';

const fail = (passing: PassingOver, now: number, random = 0): boolean => passing.failed({ began: now - 1, now }, random);

describe('the pause of an instance that does not take prompts', () => {
  test('grows from one second to a minute', () => {
    const passing = new PassingOver();
    const pauses: number[] = [];
    for (let now = 1_000_000, n = 0; n < 9; n += 1, now += 100_000) {
      fail(passing, now);
      pauses.push((passing.until(now) ?? 0) - now);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test('is shorter by up to half of it, at random', () => {
    const passing = new PassingOver();
    fail(passing, 5_000, 0.5);
    expect(passing.until(5_000)).toBe(5_750);
  });

  test('ends, and is forgotten after a success', () => {
    const passing = new PassingOver();
    expect([fail(passing, 5_000), fail(passing, 9_000), passing.until(10_999), passing.until(11_000)]).toEqual([true, false, 11_000, undefined]);
    expect([passing.succeeded(), passing.succeeded(), passing.until(9_000)]).toEqual([true, false, undefined]);
    expect([fail(passing, 20_000), passing.until(20_000)]).toEqual([true, 21_000]);
  });

  test('does not grow by hand-overs that were under way together', () => {
    const passing = new PassingOver();
    for (let n = 0; n < 20; n += 1) passing.failed({ began: 1_000, now: 4_000 + n }, 0);
    expect(passing.until(4_020)).toBe(5_000);
  });

  test('is followed by one try, not by many at once', () => {
    const passing = new PassingOver();
    passing.tried(1_000, 0);
    expect(passing.until(1_000)).toBeUndefined();
    fail(passing, 4_000);
    passing.tried(5_000, 0);
    expect(passing.until(5_500)).toBe(6_000);
  });
});

describe('a pool one of whose instances did not take a prompt', () => {
  const pool = (): InstancePool => {
    const made = new InstancePool(['http://a:1', 'http://b:2'].map(instanceOf), () => 0);
    for (const name of ['a:1', 'b:2']) made.connected(name, { at: 0, sandbox: false, version: undefined });
    return made;
  };

  test('chooses the other, however busy, until the pause is over', () => {
    const two = pool();
    two.setInFlight('b:2', 50);
    expect(two.handOverFailed('a:1', { began: 1_000, now: 4_000 })).toBe(true);
    expect([two.choose(4_999)?.name, two.choose(5_000)?.name, two.choose(5_001)?.name]).toEqual(['b:2', 'a:1', 'b:2']);
    expect([two.handOverSucceeded('a:1'), two.handOverSucceeded('a:1'), two.choose(5_002)?.name]).toEqual([true, false, 'a:1']);
  });

  test('chooses it all the same where no other is left', () => {
    const two = pool();
    two.handOverFailed('a:1', { began: 1_000, now: 4_000 });
    expect(two.choose(4_001, new Set(['b:2']))?.name).toBe('a:1');
    two.disconnected('b:2', 'away');
    expect(two.choose(4_001)?.name).toBe('a:1');
  });

  test('chooses the one whose pause ends first when all have one', () => {
    const two = pool();
    for (const now of [4_000, 6_000]) two.handOverFailed('a:1', { began: now - 1, now });
    two.handOverFailed('b:2', { began: 5_999, now: 6_000 });
    two.setInFlight('b:2', 5);
    expect(two.choose(6_001)?.name).toBe('b:2');
  });

  test('tells until when', () => {
    const two = pool();
    two.handOverFailed('a:1', { began: 1_000, now: 4_000 });
    expect(two.statuses(4_500).map((status) => status.passed_over_until)).toEqual([5_000, undefined]);
    expect(two.statuses(5_000)[0]).not.toHaveProperty('passed_over_until');
    expect([two.handOverFailed('x', { began: 0, now: 0 }), two.handOverSucceeded('x')]).toEqual([false, false]);
  });
});
