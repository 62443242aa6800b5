import { describe, expect, it } from 'vitest';
import { eachText, type Place, unwrapped, withTexts } from './texts.ts';

const textsIn = (value: unknown): [string, Place][] => {
  const found: [string, Place][] = [];
  eachText(value, (text, at) => void found.push([text, [...at]]));
  return found;
};

describe('the texts of a value', () => {
  it('are found wherever they lie, with their place', () => {
    expect(textsIn('a')).toEqual([['a', []]]);
    expect(textsIn({ __value__: ['a', 1, { b: 'c' }] })).toEqual([['a', ['__value__', 0]], ['c', ['__value__', 2, 'b']]]);
  });

  it.each([1, null, true, undefined, [1, 2], {}, JSON.rawJSON('18446744073709551615'), [JSON.rawJSON('1e400')]])('are none in %j', (value) => {
    expect(textsIn(value)).toEqual([]);
  });

  it('are replaced by place, and what lies beside them stays', () => {
    const seed = JSON.rawJSON('18446744073709551615');
    const value = { list: ['a', 'b', { deep: 'c' }], seed, other: 'd' };
    const changed = withTexts(value, [{ at: ['list', 1], text: 'B' }, { at: ['list', 2, 'deep'], text: 'C' }]);
    expect(changed).toEqual({ list: ['a', 'B', { deep: 'C' }], seed, other: 'd' });
    expect(changed).toHaveProperty('seed', seed);
    expect(value.list[1]).toBe('b');
    expect(withTexts('a', [{ at: [], text: 'A' }])).toBe('A');
    expect(withTexts(value, [])).toBe(value);
  });

  it('are replaced under a key that means something to JavaScript', () => {
    const value: unknown = JSON.parse('{"__proto__":"a","x":1}');
    expect(JSON.stringify(withTexts(value, [{ at: ['__proto__'], text: 'A' }]))).toBe('{"__proto__":"A","x":1}');
  });
});

it('a wrapped value is unwrapped, however often it is wrapped', () => {
  expect(unwrapped({ __value__: { __value__: 'a', more: 1 } })).toBe('a');
  expect(unwrapped(['a'])).toEqual(['a']);
  expect(unwrapped({ value: 'a' })).toEqual({ value: 'a' });
});
