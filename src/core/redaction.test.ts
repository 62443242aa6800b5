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

it.each(['/hooks/runninghub/task/to-ken', '/HOOKS/runninghub/task/to-ken', '/hooks/runninghub/task%2Fto-ken', '/hooks/runninghub%2Ftask/%C3%A9to-ken'])('hides what stands below the address for RunningHub: %s', (path) => {
  const told = createRedaction([]).text(`POST ${path} 404 (12 ms)`);
  expect(told).not.toMatch(/to-ken|task/);
  expect(told).toContain(' 404 (12 ms)');
});
