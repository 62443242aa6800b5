import { describe, expect, it } from 'vitest';
import { together } from './task-usage.ts';

describe('what two runs took', () => {
  it.each([
    [undefined, { seconds: 2 }, { seconds: 2 }],
    [{ seconds: 2, coins: 6 }, { seconds: 3, money: 0.083 }, { seconds: 5, coins: 6, money: 0.083 }],
    [{ money: 0.1 }, { money: 0.2 }, { money: 0.3 }],
    [undefined, {}, {}],
  ])('%j and %j are %j', (one, other, sum) => {
    expect(together(one, other)).toEqual(sum);
  });
});
