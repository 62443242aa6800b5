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

  it('does not let __proto__ reach the prototype', () => {
    parseJson('{"__proto__":{"polluted":12345678901234567890}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
