import { describe, expect, it } from 'vitest';
import { breakOf, brokenAt, describeBreak, isWhole } from './json-position.ts';

describe('where a text stops being JSON', () => {
  it.each([
    ['', 0], ['{', 1], ['[1,', 3], ['{"a":x}', 5], ['{"a":1,}', 7], ['[1 2]', 3], ['{"a" 1}', 5], ['{a:1}', 1], ["{'a':1}", 1],
    ['{"a":1}}', 7], ['[01]', 1], ['[1.]', 1], ['[+1]', 1], ['[NaN]', 1], ['[nul]', 1], ['"abc', 0], ['["a\nb"]', 1], ['["\\x"]', 1], ['[1]]', 3], ['[1}', 2], ['{"a":1]', 6], ['\ufeff{}', 0],
    ['nullx', 0], ['{"a":tru}', 5], ['[1e]', 1], ['[-]', 1], ['[.5]', 1], ['["\\u12g4"]', 1], ['["\\', 1], ['{"a', 1], ['[1,]', 3], [',', 0], ['{"a":1 "b"}', 7],
  ])('%j breaks at %i', (text, at) => {
    expect(() => void JSON.parse(text)).toThrow(SyntaxError);
    expect([brokenAt(text), isWhole(text)]).toEqual([at, false]);
  });

  it.each(['{}', '[]', ' {"a" : [1, -2.5e+10, true, false, null, "\\u00e9\\n"] } ', '"x"', '0', '[[],{}]', '[{"a":{}}]'])('%j is read to its end', (text) => {
    expect(() => void JSON.parse(text)).not.toThrow();
    expect([brokenAt(text), isWhole(text)]).toEqual([text.length, true]);
  });

  it('is told by position, line and column, with what stands there', () => {
    expect(describeBreak('{\n  "a": é\n}')).toBe('position 9 (line 2, column 8): unexpected "é"');
    expect(breakOf('{\n  "a": é\n}')).toEqual({ line: 2, column: 8, found: 'unexpected "é"' });
    expect(describeBreak('{"a":')).toBe('position 5 (line 1, column 6): the text ends too early');
  });

  it('is found in a long text with a long string without running out of stack', () => {
    const text = `{"a":"${'x'.repeat(5_000_000)}","b":[${'1,'.repeat(500_000)}]}`;
    expect(brokenAt(text)).toBe(text.length - 2);
  });

  it('is found under a hundred thousand brackets', () => {
    expect(brokenAt('['.repeat(100_000))).toBe(100_000);
  });

  it.each([
    ['four million escapes', `["${String.raw`\n`.repeat(4_000_000)}`, 1],
    ['four million escaped quotation marks', `["${String.raw`\"`.repeat(4_000_000)}"x`, 8_000_003],
    ['four million digits', `[${'9'.repeat(4_000_000)}x`, 1],
    ['four million lines', `[${'\n'.repeat(4_000_000)}x`, 4_000_001],
    ['four million brackets', '['.repeat(4_000_000), 4_000_000],
  ])('is found behind %s', (_what, text, at) => {
    const begun = performance.now();
    expect(describeBreak(text)).toContain(`position ${at} (line `);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});
