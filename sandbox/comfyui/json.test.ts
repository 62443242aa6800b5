import { describe, expect, it } from 'vitest';
import { floatText, parseJson, writeJson } from './json.ts';

const echo = (text: string): string => writeJson(parseJson(text));

describe('JSON of the recorded server', () => {
  it.each(['18446744073709551615', '9007199254740993', '-9007199254740993', '0', '-1', '5.0', '-3.5', '0.1', '1e-05', '1e+16', '123456789012345.0', 'null', 'true', '"x"'])(
    'echoes %s digit for digit', (text) => { expect(echo(text)).toBe(text); },
  );

  it('writes separators with a blank and keeps the order of keys', () => {
    expect(echo('{"b":1,"a":[1,2,{}],"c":[]}')).toBe('{"b": 1, "a": [1, 2, {}], "c": []}');
  });

  it('escapes everything that is not ASCII', () => {
    expect(echo('"h\u00e9llo \u2603 \u{1f600}\u007f"')).toBe('"h\\u00e9llo \\u2603 \\ud83d\\ude00\\u007f"');
  });

  it('writes a bare NaN and refuses to read one', () => {
    expect(writeJson({ a: NaN, b: Infinity, c: -Infinity })).toBe('{"a": NaN, "b": Infinity, "c": -Infinity}');
    expect(() => parseJson('NaN')).toThrow(SyntaxError);
  });

  it('refuses a byte order mark', () => {
    expect(() => parseJson('\uFEFF{}')).toThrow(SyntaxError);
  });

  it('writes Maps as objects, keys that look like numbers in their own order', () => {
    expect(writeJson(new Map([['10', 1], ['2', 2]]))).toBe('{"10": 1, "2": 2}');
  });

  it('leaves out members without a value', () => {
    expect(writeJson({ a: undefined, b: 1 })).toBe('{"b": 1}');
  });

  it.each([[1e22, '1e+22'], [1e15, '1000000000000000.0'], [-0, '-0.0'], [0.0001, '0.0001'], [1.5e-7, '1.5e-07']])('prints %d as %s', (value, text) => {
    expect(floatText(value)).toBe(text);
  });
});
