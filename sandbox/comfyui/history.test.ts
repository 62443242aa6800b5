import { describe, expect, it } from 'vitest';
import { History, type HistoryEntry } from './history.ts';

const entry: HistoryEntry = { prompt: [], outputs: {}, status: { status_str: 'success', completed: true, messages: [] }, meta: {} };

function ofFive(): History {
  const history = new History();
  for (const id of ['a', 'b', 'c', 'd', 'e']) history.add(id, entry);
  return history;
}

describe('the history pages as recorded (ws 23)', () => {
  it.each<[number | undefined, number | undefined, string]>([
    [undefined, undefined, 'abcde'], [2, undefined, 'de'], [2, 0, 'ab'], [2, 1, 'bc'], [undefined, 3, 'de'], [2, 4, 'e'], [99, undefined, 'abcde'],
    [0, undefined, ''], [-1, undefined, ''], [2, 99, ''], [undefined, -2, 'abcde'],
  ])('max_items=%s offset=%s gives %s', (maxItems, offset, ids) => {
    expect([...ofFive().page(maxItems, offset).keys()].join('')).toBe(ids);
  });
});

it('replaces the entry of a prompt id that ran again', () => {
  const history = ofFive();
  const again = { ...entry, outputs: { 1: {} } };
  history.add('b', again);
  expect([...history.page(undefined, undefined).keys()].join('')).toBe('abcde');
  expect(history.one('b').get('b')).toBe(again);
});

it('keeps 10000 entries and drops the oldest', () => {
  const history = new History();
  for (let count = 0; count <= 10_000; count += 1) history.add(String(count), entry);
  expect([...history.page(1, 0).keys()]).toEqual(['1']);
});
