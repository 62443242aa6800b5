import { expect, it } from 'vitest';
import { createRedaction } from './redaction.ts';

it.each(['http://user:pass@host:1/x', 'ws://user:pass@host', 'see https://user@host and postgres://a:b@host'])('hides who logs in where in %s', (line) => {
  const told = createRedaction([]).text(line);
  expect(told).not.toMatch(/user|pass|a:b/);
  expect(told).toContain('host');
});

it('leaves a long line of dots as it is, up to its limit', () => {
  const line = 'a.'.repeat(4_000);
  expect(createRedaction([]).text(line)).toBe(line);
});
