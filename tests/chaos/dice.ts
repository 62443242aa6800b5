/** Randomness that can be repeated: the same seed gives the same decisions. */
export interface Dice {
  /** From 0 on, below `below`. */
  whole(below: number): number;
  chance(share: number): boolean;
  /** Throws TypeError when there is none. */
  pick<T>(among: readonly T[]): T;
}

/** mulberry32. */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (below: number): number => Math.floor(next() * below);
  return {
    whole,
    chance: (share) => next() < share,
    pick(among) {
      const chosen = among[whole(among.length)];
      if (chosen === undefined) throw new TypeError('there is nothing to pick from');
      return chosen;
    },
  };
}
