import { everyRow } from '../pictures/rows.ts';
import { mersenne } from './mersenne.ts';

/** Values are drawn in blocks of 16: eight radii, then eight angles. */
const BLOCK = 16;

const { fround } = Math;

/** Turns 16 even values in place into 16 normal ones (Box and Muller 1958). */
const toNormal = (values: Float32Array, at: number): void => {
  for (let i = at; i < at + BLOCK / 2; i++) {
    const radius = fround(Math.sqrt(-2 * fround(Math.log(1 - (values[i] ?? 0)))));
    const angle = fround(fround(2 * Math.PI) * (values[i + BLOCK / 2] ?? 0));
    values[i] = radius * fround(Math.cos(angle));
    values[i + BLOCK / 2] = radius * fround(Math.sin(angle));
  }
};

/** `count` normally distributed values (mean 0, deviation 1), the same ones for the same low 32 bits of the seed. */
export const normalNoise = async (seed: bigint, count: number): Promise<Float32Array> => {
  const word = mersenne(seed);
  const even = (): number => (word() & 0xffffff) / 2 ** 24;
  const values = new Float32Array(Math.max(count, BLOCK));
  for (let i = 0; i < values.length; i++) values[i] = even();
  await everyRow(Math.trunc(values.length / BLOCK), (block) => toNormal(values, block * BLOCK));
  if (values.length % BLOCK !== 0) {
    const last = values.length - BLOCK;
    for (let i = last; i < values.length; i++) values[i] = even();
    toNormal(values, last);
  }
  return values.subarray(0, count);
};
