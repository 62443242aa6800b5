import { describe, expect, it } from 'vitest';
import { Float } from './json.ts';
import { repr, text, toFloat, toInt, truthy } from './python.ts';

describe('values as Python shows them', () => {
  it.each<[unknown, string]>([
    [null, 'None'], [true, 'True'], [42, '42'], [new Float(5), '5.0'], [0.5, '0.5'], [2n ** 64n - 1n, '18446744073709551615'], [NaN, 'nan'], [-Infinity, '-inf'],
    ['a', "'a'"], ["it's", '"it\'s"'], [['a', 1, [null]], "['a', 1, [None]]"], [{ a: 1 }, "{'a': 1}"],
  ])('%o is %s', (value, shown) => { expect(repr(value)).toBe(shown); });

  it('shows text without quotes where it stands alone', () => { expect(text("it's")).toBe("it's"); });
});

describe('int()', () => {
  it.each<[unknown, number | bigint]>([['16', 16], [' -7 ', -7], ['1_000', 1000], [3.9, 3], [-3.9, -3], [new Float(5), 5], [true, 1], ['18446744073709551615', 2n ** 64n - 1n]])(
    'takes %s', (value, number) => { expect(toInt(value)).toBe(number); },
  );

  it.each([['x', "invalid literal for int() with base 10: 'x'"], ['1.5', "invalid literal for int() with base 10: '1.5'"], [NaN, 'cannot convert float NaN to integer']])(
    'refuses %s', (value, message) => { expect(() => toInt(value)).toThrow(message); },
  );
});

describe('float()', () => {
  it.each<[unknown, unknown]>([['0.5', 0.5], ['-3.5', -3.5], ['1e3', new Float(1000)], [7, new Float(7)], ['nan', NaN], ['-inf', -Infinity], ['.5', 0.5]])(
    'takes %s', (value, number) => { expect(toFloat(value)).toEqual(number); },
  );

  it.each([['big', "could not convert string to float: 'big'"], [null, "float() argument must be a string or a real number, not 'NoneType'"]])(
    'refuses %s', (value, message) => { expect(() => toFloat(value)).toThrow(message); },
  );
});

it('takes empty things for false', () => {
  expect([0, new Float(0), '', [], {}, null, false].map(truthy)).not.toContain(true);
  expect([1, 'a', [0], { a: 0 }, true, NaN].map(truthy)).not.toContain(false);
});
