import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { errorTable } from '../../core/errors.ts';
import { type CodeClass, codes, type RetryRule, stateOf, statusRow } from './codes.ts';

const Known = z.object({ codes: z.array(z.object({ code: z.number(), name: z.string(), category: z.string(), retryable: z.string() })) });
const known = Known.parse(JSON.parse(readFileSync(new URL('../../../tests/fixtures/runninghub/error-codes.json', import.meta.url), 'utf8'))).codes;

const rules: Readonly<Record<string, RetryRule>> = { 'n/a': 'done', no: 'no', once: 'once', yes: 'yes', backoff: 'backoff', 'reads-only': 'reads', poll: 'poll', terminal: 'end' };
/** Which of our classes a category of the reference may be. */
const classes: Readonly<Record<string, readonly CodeClass[]>> = {
  ok: ['ok'],
  auth: ['auth', 'plan'],
  balance: ['balance'],
  config: ['config'],
  user: ['workflow_not_found', 'task_not_found', 'invalid_input', 'too_large', 'config'],
  capacity: ['busy'],
  concurrency: ['busy'],
  rate: ['rate_limited'],
  state: ['queued', 'running', 'failed', 'ended'],
  'task-failed': ['failed'],
  server: ['transient', 'failed'],
};

describe('the table of codes', () => {
  it('has every code that is written down, and no other', () => {
    expect([...codes.keys()].toSorted((a, b) => a - b)).toEqual(known.map((one) => one.code).toSorted((a, b) => a - b));
  });

  test.each(known)('has $code $name as it is written down', ({ code, name, category, retryable }) => {
    const row = codes.get(code);
    expect(row?.name).toBe(name);
    expect(row?.retry).toBe(rules[retryable]);
    expect(classes[category]).toContain(row?.kind);
  });

  it('has a sentence for each, and an error of ours for each that is one', () => {
    for (const [code, row] of codes) {
      expect(row.sentence, String(code)).toMatch(/^[A-Z].+\.$/);
      expect(row.error === undefined, String(code)).toBe(['ok', 'queued', 'running'].includes(row.kind));
    }
  });

  it('says how long to wait exactly where a submit may be repeated, and that error may be repeated', () => {
    for (const [code, row] of codes) {
      expect((row.afterMs ?? 0) > 0, String(code)).toBe(row.retry === 'backoff');
      if (row.retry === 'backoff') expect(errorTable[row.error ?? 'INTERNAL_ERROR'].retryable, String(code)).toBe(true);
    }
  });
});

describe('an HTTP status without a code', () => {
  test.each([
    [200, 'transient', 'reads'], [204, 'transient', 'reads'], [301, 'config', 'no'], [308, 'config', 'no'], [400, 'config', 'no'], [401, 'auth', 'no'], [403, 'auth', 'no'],
    [404, 'config', 'no'], [408, 'transient', 'reads'], [413, 'too_large', 'no'], [429, 'rate_limited', 'backoff'], [500, 'transient', 'reads'], [502, 'transient', 'reads'], [504, 'transient', 'reads'],
  ])('%i is %s, to be repeated: %s', (status, kind, retry) => {
    expect(statusRow(status)).toMatchObject({ kind, retry });
  });
});

describe('a word for a state', () => {
  test.each([
    ['CREATE', 'queued'], ['QUEUED', 'queued'], ['RUNNING', 'running'], [' running ', 'running'], ['SUCCESS', 'succeeded'], ['FAILED', 'failed'],
    ['CANCEL', 'cancelled'], ['CANCELED', 'cancelled'], ['CANCELLED', 'cancelled'], ['', 'unknown'], ['PAUSED', 'unknown'], [undefined, 'unknown'],
  ])('%s is %s', (word, state) => {
    expect(stateOf(word)).toBe(state);
  });
});
