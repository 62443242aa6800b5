import type { Dice } from './dice.ts';

/** A smooth random value 0..1 for every point of the plane. */
export type Field = (x: number, y: number) => number;

const SIZE = 256;

const ease = (t: number): number => t * t * t * (t * (t * 6 - 15) + 10);

/** Value noise on a lattice of unit cells that repeats after 256. */
export const fieldOf = (dice: Dice): Field => {
  const values = Float32Array.from({ length: SIZE }, dice);
  const order = Uint8Array.from({ length: SIZE }, () => dice() * SIZE);
  const at = (column: number, row: number): number => values[((order[column & 255] ?? 0) + row * 57 + (order[(row * 31) & 255] ?? 0)) & 255] ?? 0;
  return (x, y) => {
    const column = Math.floor(x);
    const row = Math.floor(y);
    const across = ease(x - column);
    const down = ease(y - row);
    const top = at(column, row) + (at(column + 1, row) - at(column, row)) * across;
    const bottom = at(column, row + 1) + (at(column + 1, row + 1) - at(column, row + 1)) * across;
    return top + (bottom - top) * down;
  };
};

/** Octaves of a field on top of each other, each twice as fine and half as strong; 0..1. */
export const layered = (field: Field, octaves: number): Field => {
  const total = 2 - 2 ** (1 - octaves);
  return (x, y) => {
    let sum = 0;
    for (let octave = 0; octave < octaves; octave++) sum += field(x * 2 ** octave + octave * 19.7, y * 2 ** octave + octave * 7.3) / 2 ** octave;
    return sum / total;
  };
};
