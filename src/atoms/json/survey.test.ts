import { describe, expect, it } from 'vitest';
import { survey } from './survey.ts';

describe('a survey of a JSON text', () => {
  it.each([
    ['1', 0], ['{}', 1], ['[[]]', 2], ['{"a":[{"b":[]}]}', 4], ['[[],[],[]]', 2], [String.raw`["[[[", "\"[[", "\\"]`, 1], ['["unfinished [[', 1], ['[[[[', 4], [']]]]', 0],
  ])('%s is %i levels deep', (text, depth) => {
    expect(survey(text).depth).toBe(depth);
  });

  const numbers = (text: string): string[] => {
    const { numbers: found } = survey(text);
    return Array.from({ length: found.length / 2 }, (_, n) => text.slice(found[2 * n], found[2 * n + 1]));
  };

  it.each([
    ['18446744073709551615', ['18446744073709551615']],
    ['{"a":-9007199254740993, "b":[9007199254740992]}', ['-9007199254740993', '9007199254740992']],
    ['[1e400,-1.5E+999]', ['1e400', '-1.5E+999']],
    ['[9007199254740991, -9007199254740991, 0.12345678901234567890, 1e308, 0, -1]', []],
    [String.raw`{"18446744073709551615":"18446744073709551615 \" 18446744073709551615"}`, []],
    ['"unfinished 18446744073709551615', []],
  ])('%s holds the long numbers %j', (text, found) => {
    expect(numbers(text)).toEqual(found);
  });

  it.each([['[1,2]', 2], ['[[],{}]', 4], ['{"a":1,"b":[1,2]}', 4], ['"[,{"', 0]])('%s is crowded where fewer than %i values are taken', (text, values) => {
    expect([survey(text, values).crowded, survey(text, values - 1).crowded]).toEqual([false, true]);
  });

  it('costs each letter once', () => {
    const begun = performance.now();
    for (const text of ['"'.repeat(4_000_000), `"${'\\'.repeat(4_000_000)}`, `["${'\\"'.repeat(2_000_000)}"]`, '['.repeat(4_000_000), '9'.repeat(4_000_000), '-'.repeat(4_000_000), '1-'.repeat(2_000_000)]) survey(text);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});
