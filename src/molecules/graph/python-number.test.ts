import { describe, expect, it } from 'vitest';
import { asFloat, asInt } from './python-number.ts';

describe('int()', () => {
  it.each([
    [16, 16], [16.9, 16], [-16.9, -16], [true, 1], ['16', 16n], [' -1_6\u001f', -16n], ['+7', 7n], ['18446744073709551615', 18446744073709551615n], [JSON.rawJSON('18446744073709551615'), 18446744073709551615n], ['\uff11\uff16', Number.NaN],
    ['', undefined], ['16.0', undefined], ['1__6', undefined], ['_1', undefined], ['0x10', undefined], ['wide', undefined], ['9'.repeat(4_301), undefined], [null, undefined], [{}, undefined], [[1], undefined], [JSON.rawJSON('1e400'), undefined],
  ])('reads %s as %s', (value, reading) => {
    expect(asInt(value)).toBe(reading);
  });
});

describe('float()', () => {
  it.each([
    [0.5, 0.5], [false, 0], ['.5', 0.5], ['5.', 5], ['1_0.2_5e+1', 102.5], [' 1E2 ', 100], ['nan', Number.NaN], ['-Infinity', Number.NaN], [JSON.rawJSON('1e400'), Number.NaN], [JSON.rawJSON('9007199254740993'), 9007199254740993n], ['\uff11.5', Number.NaN],
    ['', undefined], ['.', undefined], ['1e', undefined], ['1__0', undefined], ['much', undefined], [null, undefined], [{}, undefined],
  ])('reads %s as %s', (value, reading) => {
    expect(asFloat(value)).toBe(reading);
  });
});

it('costs each letter once', () => {
  const begun = performance.now();
  for (const text of ['9'.repeat(2_000_000), `${'9'.repeat(2_000_000)}x`, `${'9_'.repeat(1_000_000)}`, ' '.repeat(2_000_000), `1${' '.repeat(2_000_000)}1`]) expect([asInt(text), asFloat(text)]).not.toContain(0);
  expect(performance.now() - begun).toBeLessThan(1_000);
});
