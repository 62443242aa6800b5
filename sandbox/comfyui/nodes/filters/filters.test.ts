import { describe, expect, it } from 'vitest';
import { gaussian, sharpening } from './gaussian.ts';
import { medianCut } from './median-cut.ts';
import { mersenne } from './mersenne.ts';
import { normalNoise } from './normal-noise.ts';

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

describe('the Mersenne Twister', () => {
  it('gives the published sequence for the published seed', () => {
    const next = mersenne(5489n);
    expect([next(), next(), next()]).toEqual([3499211612, 581869302, 3890346734]);
    for (let i = 3; i < 9999; i++) next();
    expect(next()).toBe(4123659995);
  });

  it('uses the low 32 bits of a seed', () => {
    expect(mersenne(2n ** 32n + 7n)()).toBe(mersenne(7n)());
  });
});

describe('normal noise', () => {
  it.each([1, 15, 16, 17, 100])('gives %d finite values', async (count) => {
    const noise = await normalNoise(1n, count);
    expect(noise).toHaveLength(count);
    expect(noise.every(Number.isFinite)).toBe(true);
  });
});

describe('kernels', () => {
  it.each([[1, 1], [2, 0.1], [5, 10], [31, 1]])('of radius %d and sigma %d add up to 1', (radius, sigma) => {
    const { weights } = gaussian(radius, sigma);
    expect(weights).toHaveLength((2 * radius + 1) ** 2);
    expect(sum(weights)).toBeCloseTo(1, 5);
    expect(sum(sharpening(gaussian(radius, sigma), 2).weights)).toBeCloseTo(1, 4);
  });

  it('are symmetric and highest in the middle', () => {
    const { weights } = gaussian(2, 1);
    expect(weights).toEqual(weights.toReversed());
    expect(Math.max(...weights)).toBe(weights[12]);
  });
});

describe('the median cut', () => {
  const bitmap = (colours: readonly (readonly number[])[]) => ({ width: colours.length, height: 1, channels: 3 as const, data: Uint8Array.from(colours.flat()) });

  it('finds the colours there are, and no more', () => {
    const found = medianCut(bitmap([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 0, 0]]), 16);
    expect(found.toSorted()).toEqual([[0, 0, 255], [0, 255, 0], [255, 0, 0]]);
  });

  it('averages what shares a box by the number of pixels', () => {
    expect(medianCut(bitmap([[0, 0, 0], [0, 0, 0], [0, 0, 0], [40, 80, 120]]), 1)).toEqual([[10, 20, 30]]);
  });

  it('cuts where the eye sees most', () => {
    const found = medianCut(bitmap([[0, 0, 0], [0, 100, 0], [0, 0, 100], [0, 100, 100]]), 2);
    expect(found.map(([, green]) => green).toSorted((a, b) => a - b)).toEqual([0, 100]);
  });
});
