import { expect, it } from 'vitest';
import { isPassing, pauseAfter } from './retry.ts';

it('a pause doubles up to half a minute, and half of it may be taken off', () => {
  expect([1, 2, 3, 7, 40].map((failures) => pauseAfter(failures, 0))).toEqual([500, 1_000, 2_000, 30_000, 30_000]);
  expect(pauseAfter(2, 1)).toBe(500);
});

it('a pause is as long as the server asks, up to a minute', () => {
  expect([2_000, 60_000, 3_600_000, 100].map((asked) => pauseAfter(1, 0, asked))).toEqual([2_000, 60_000, 60_000, 500]);
});

it('some answers pass, others stay', () => {
  expect([408, 425, 429, 500, 503, 599].every(isPassing)).toBe(true);
  expect([200, 302, 400, 401, 403, 404, 410, 416].some(isPassing)).toBe(false);
});
