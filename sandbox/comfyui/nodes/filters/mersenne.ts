const SIZE = 624;
const SHIFT = 397;

/** The Mersenne Twister of 32-bit words (MT19937, Matsumoto and Nishimura 1998), seeded with the low 32 bits of `seed`. */
export const mersenne = (seed: bigint): (() => number) => {
  const state = new Uint32Array(SIZE);
  state[0] = Number(seed & 0xffffffffn);
  for (let i = 1; i < SIZE; i++) {
    const before = state[i - 1] ?? 0;
    state[i] = Math.imul(before ^ (before >>> 30), 1812433253) + i;
  }
  const twist = (i: number): void => {
    const joined = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % SIZE] ?? 0) & 0x7fffffff);
    state[i] = (state[(i + SHIFT) % SIZE] ?? 0) ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
  };
  let next = SIZE;
  return () => {
    if (next === SIZE) {
      for (let i = 0; i < SIZE; i++) twist(i);
      next = 0;
    }
    let word = state[next++] ?? 0;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  };
};
