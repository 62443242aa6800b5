import { describe, expect, it } from 'vitest';
import { limits } from '../../constants/limits.ts';
import { note, nothingSeen, ToldTasks, wasTold } from './told.ts';

const after = (...events: number[]): number[] => {
  const seen = nothingSeen();
  for (const event of events) note(seen, event);
  return [0, 1, 2, 3, 4, 5, 6, 7].filter((event) => wasTold(seen, event));
};

describe('what was told of a task', () => {
  it.each([
    [[], []],
    [[1], [1]],
    [[3, 4, 5], [3, 4, 5]],
    [[3, 2, 4], [2, 3, 4]],
    [[1, 2, 5], [5]],
    [[4, 5, 1], [4, 5]],
    [[2, 2, 3, 2], [2, 3]],
  ])('when %j were told, is %j: an unbroken row', (events, row) => {
    expect(after(...events)).toEqual(row);
  });

  it('is known of a limited number of tasks, those heard of last', () => {
    const told = new ToldTasks();
    const first = nothingSeen();
    told.keep('first', first);
    told.keep('second', nothingSeen());
    for (let n = 2; n < limits.toldTasks; n += 1) told.keep(`t${n}`, nothingSeen());
    told.keep('first', first);
    told.keep('one more', nothingSeen());
    expect([told.size, told.get('first'), told.get('second')]).toEqual([limits.toldTasks, first, undefined]);
    expect([told.take('first'), told.get('first'), told.size]).toEqual([first, undefined, limits.toldTasks - 1]);
  });
});
