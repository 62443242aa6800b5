import { describe, expect, it } from 'vitest';
import { parseJson, parseLenientJson, stringifyJson } from './json.ts';

describe('lossless JSON', () => {
  it.each(['18446744073709551615', '9007199254740993', '-9007199254740993', '12345678901234567000'])('keeps every digit of %s', (digits) => {
    for (const text of [`{"seed":${digits}}`, `{"seed": ${digits}}`, `[1,${digits}]`, `[${digits}]`, digits]) {
      expect(stringifyJson(parseJson(text))).toBe(text.replace(': ', ':'));
    }
  });

  it('leaves safe integers and fractions plain numbers', () => {
    expect(parseJson('{"a":9007199254740991,"b":0.12345678901234567,"c":-1}')).toEqual({ a: 9007199254740991, b: 0.12345678901234567, c: -1 });
  });

  it('keeps a number that would become Infinity', () => {
    expect(stringifyJson(parseJson('{"a":1e400,"b":1234567890123456789}'))).toBe('{"a":1e400,"b":1234567890123456789}');
  });

  it('takes bare NaN and Infinity from Python as null, and leaves the words alone inside strings', () => {
    expect(parseLenientJson(String.raw`{"a": NaN, "b": -Infinity, "c": "NaN \" Infinity", "d": [Infinity]}`)).toEqual({ a: null, b: null, c: 'NaN " Infinity', d: [null] });
  });

  it('keeps long digits beside a bare NaN', () => {
    expect(stringifyJson(parseLenientJson('{"a": NaN, "seed": 18446744073709551615}'))).toBe('{"a":null,"seed":18446744073709551615}');
  });

  it('throws on what is not JSON', () => {
    expect(() => parseJson('{nope')).toThrow(SyntaxError);
    expect(() => parseLenientJson('{nope: NaN}')).toThrow(SyntaxError);
  });

  it('refuses what is nested too deep to be walked through, and says how deep', () => {
    const nested = (levels: number): string => `${'['.repeat(levels)}18446744073709551615${']'.repeat(levels)}`;
    expect(stringifyJson(parseJson(nested(200)))).toBe(nested(200));
    for (const levels of [201, 5_000, 999_999]) {
      expect(() => parseJson(nested(levels))).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR', detail: `the JSON is nested ${levels} levels deep; up to 200 are taken.` }) as Error);
    }
  });

  it('takes what a server says at any depth', () => {
    const text = `${'{"a":'.repeat(50_000)}[NaN,18446744073709551615]${'}'.repeat(50_000)}`;
    expect(parseLenientJson(text)).toHaveProperty('a');
  });

  it('keeps the digits of a hundred thousand long numbers, and of one among a million short ones; more are refused', () => {
    expect(() => parseJson(`[${'1234567890123456789,'.repeat(100_001)}0]`)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR', detail: 'the JSON holds 100001 numbers beyond 2^53; up to 100000 are taken.' }) as Error);
    for (const text of [`[${'1234567890123456789,'.repeat(100_000)}0]`, `[${'0,'.repeat(999_998)}{"seed":18446744073709551615}]`]) expect(stringifyJson(parseJson(text))).toBe(text);
  });

  it('refuses more than a million values, whatever they are and whether it is JSON at all, without reading on', () => {
    const refused = expect.objectContaining({ code: 'VALIDATION_ERROR', status: 422, detail: 'the JSON holds more than 1000000 values, lists and objects included; up to as many are taken.' }) as Error;
    for (const item of ['[],', '{},', '1,', '"a",', '[', '{"a":1,']) expect(() => parseJson(`[${item.repeat(1_000_000)}`)).toThrow(refused);
    expect(parseJson(`[${'1,'.repeat(999_999)}1]`)).toHaveLength(1_000_000);
    expect(parseJson(`["${',[{'.repeat(1_000_000)}"]`)).toHaveLength(1);
  });

  it('takes no text of a caller for a long number', () => {
    const text = '{"seed":18446744073709551615,"b":"18446744073709551615","c":"x:18446744073709551615"}';
    expect(parseJson(text)).toMatchObject({ b: '18446744073709551615', c: 'x:18446744073709551615' });
  });

  it('tells what is wrong with the text as it came', () => {
    expect(() => parseJson('{"seed":18446744073709551615,}')).toThrow(/^(?!.*[0-9a-f]{8}-[0-9a-f]{4}).*$/s);
    expect(() => parseJson('{"seed":-18446744073709551615.}')).toThrow(SyntaxError);
    expect(() => parseJson('[018446744073709551615]')).toThrow(SyntaxError);
  });

  it('replaces NaN beside a string of any length, with any number of escapes', () => {
    const text = `{"a":NaN,"b":"${String.raw`\"NaN `.repeat(1_000_000)}","c":"${'x'.repeat(5_000_000)}"}`;
    expect(parseLenientJson(text)).toMatchObject({ a: null, b: '"NaN '.repeat(1_000_000) });
  });

  it('does not let __proto__ reach the prototype', () => {
    parseJson('{"__proto__":{"polluted":12345678901234567890}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
