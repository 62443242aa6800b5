import { expect, it } from 'vitest';
import { retryAfterMs } from './retry-after.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

it.each([['120', 120_000], [' 0 ', 0], ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000], ['Wed, 31 Dec 2025 00:00:00 GMT', 0], ['soon', undefined], ['-5', undefined], ['', undefined]])('Retry-After: %j asks to wait %s ms', (text, ms) => {
  expect(retryAfterMs({ 'retry-after': text }, now)).toBe(ms);
});

it('an answer without the header asks for nothing', () => {
  expect(retryAfterMs({}, now)).toBeUndefined();
});
