/** For every output place the input places it is made of, with weights that add up to 1. */
export type Taps = readonly (readonly (readonly [source: number, weight: number])[])[];

const clamp = (value: number, last: number): number => Math.min(last, Math.max(0, value));

const tapsOf = (to: number, at: (place: number) => readonly (readonly [number, number])[]): Taps => Array.from({ length: to }, (_, place) => at(place));

/** The input pixel whose area holds the output pixel's centre. */
export const nearestTaps = (from: number, to: number): Taps => tapsOf(to, (place) => [[clamp(Math.floor((place + 0.5) * (from / to)), from - 1), 1]]);

/** Linear between the two nearest centres, edge repeated, no smoothing when shrinking. */
export const bilinearTaps = (from: number, to: number): Taps =>
  tapsOf(to, (place) => {
    const centre = Math.max(0, (place + 0.5) * (from / to) - 0.5);
    const left = clamp(Math.floor(centre), from - 1);
    const share = Math.fround(centre - left);
    return [[left, Math.fround(1 - share)], [clamp(left + 1, from - 1), share]];
  });

/** Plain mean over every input pixel that the output pixel touches. */
export const areaTaps = (from: number, to: number): Taps =>
  tapsOf(to, (place) => {
    const start = Math.floor((place * from) / to);
    const end = Math.ceil(((place + 1) * from) / to);
    return Array.from({ length: end - start }, (_, i) => [start + i, 1 / (end - start)] as const);
  });

/** Sharpness of the cubic, as in the common convolution kernel with a = -0.75. */
const A = -0.75;

const cubic = (distance: number): number => {
  const x = Math.abs(distance);
  if (x <= 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  return x < 2 ? ((A * x - 5 * A) * x + 8 * A) * x - 4 * A : 0;
};

/** Cubic over four centres, edge repeated, no smoothing when shrinking. */
export const bicubicTaps = (from: number, to: number): Taps =>
  tapsOf(to, (place) => {
    const centre = (place + 0.5) * (from / to) - 0.5;
    const left = Math.floor(centre);
    return [-1, 0, 1, 2].map((step) => [clamp(left + step, from - 1), cubic(centre - left - step)] as const);
  });
