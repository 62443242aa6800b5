import { afterAll, describe, expect, it } from 'vitest';
import type { Picture } from '../node.ts';
import { filled } from './pictures/picture.ts';
import { gray, rowsOf, sizeOf } from './testing/frames.ts';
import { listening, makeFolders, runForFrames, runNode } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

const dot = gray([
  [0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0],
  [0, 0, 255, 0, 0],
  [0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0],
]);
const sum = (picture: Picture | undefined): number => rowsOf(picture).flat().reduce((total, value) => total + value, 0);

describe('ImageBlend', () => {
  const blend = async (mode: string, under: number, over: number, share = 1): Promise<number | undefined> => {
    const inputs = { image1: [gray([[under]])], image2: [gray([[over]])], blend_factor: share, blend_mode: mode };
    return rowsOf((await runForFrames('ImageBlend', inputs, context))[0])[0]?.[0];
  };

  it.each([
    ['normal', 51, 204, 204],
    ['multiply', 51, 204, 40.8],
    ['screen', 51, 204, 214.2],
    ['overlay', 51, 204, 81.6],
    ['overlay', 204, 51, 173.4],
    ['soft_light', 51, 51, 26.52],
    ['soft_light', 204, 204, 218.45],
    ['difference', 204, 51, 153],
    ['difference', 51, 204, 0],
  ])('%s of %d and %d is %d', async (mode, under, over, expected) => {
    expect(await blend(mode, under, over)).toBeCloseTo(expected, 1);
  });

  it('takes a share of the blend', async () => {
    expect(await blend('normal', 100, 200, 0.25)).toBeCloseTo(125, 5);
    expect(await blend('normal', 100, 200, 0)).toBe(100);
  });

  it.each(['nope', 'constructor', ''])('does not know the mode %j', async (mode) => {
    const refused = blend(mode, 1, 2);
    await expect(refused).rejects.toMatchObject({ exceptionType: 'ValueError', message: `Unsupported blend mode: ${mode}` });
  });

  it('fits the second picture to the first', async () => {
    const inputs = { image1: [gray([[0, 0], [0, 0]])], image2: [filled({ width: 9, height: 9, channels: 4 }, 0.2)], blend_factor: 1, blend_mode: 'normal' };
    const batch = await runForFrames('ImageBlend', inputs, context);
    expect(rowsOf(batch[0])).toEqual([[51, 51], [51, 51]]);
    expect(batch[0]?.channels).toBe(3);
  });

  it('lets one frame serve for a whole batch, and refuses other unequal batches', async () => {
    const run = (first: number, second: number) =>
      runForFrames('ImageBlend', { image1: new Array(first).fill(dot), image2: new Array(second).fill(dot), blend_factor: 1, blend_mode: 'normal' }, context);
    expect(sizeOf(await run(3, 1))).toEqual([5, 5, 3]);
    expect(sizeOf(await run(1, 2))).toEqual([5, 5, 2]);
    await expect(run(2, 3)).rejects.toThrow('The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0');
  });
});

describe('ImageBlur', () => {
  const blur = async (image: Picture, radius: number, sigma: number): Promise<Picture | undefined> =>
    (await runForFrames('ImageBlur', { image: [image], blur_radius: radius, sigma }, context))[0];

  it('spreads a dot evenly and keeps the light', async () => {
    const blurred = await blur(dot, 1, 1);
    const rows = rowsOf(blurred);
    expect(rows[1]?.[2]).toBe(rows[3]?.[2]);
    expect(rows[2]?.[1]).toBe(rows[1]?.[2]);
    expect(rows[2]?.[2]).toBeGreaterThan(rows[2]?.[1] ?? 255);
    expect(rows[0]?.[0]).toBe(0);
    expect(sum(blurred)).toBeCloseTo(255, 0);
  });

  it('leaves flat ground flat up to the edges', async () => {
    const rows = rowsOf(await blur(filled({ width: 6, height: 4, channels: 3 }, 0.4), 3, 2));
    expect(rows.flat().every((value) => Math.abs(value - 102) < 0.02)).toBe(true);
  });

  it('mirrors at the edge without repeating it', async () => {
    const rows = rowsOf(await blur(gray([[0, 255, 0], [0, 255, 0], [0, 255, 0]]), 1, 10));
    expect(rows[1]?.[0]).toBeCloseTo((255 * 2) / 3, 0);
  });

  it('cannot mirror further than the picture is wide', async () => {
    await expect(blur(gray([[1, 2], [3, 4]]), 2, 1)).rejects.toMatchObject({ exceptionType: 'RuntimeError' });
  });
});

describe('ImageSharpen', () => {
  const sharpen = async (image: Picture, alpha: number): Promise<number[][]> =>
    rowsOf((await runForFrames('ImageSharpen', { image: [image], sharpen_radius: 1, sigma: 1, alpha }, context))[0]);

  it('widens a step and stays within range', async () => {
    const [row = []] = await sharpen(gray(new Array(3).fill([100, 100, 150, 150])), 0.2);
    expect(row[0]).toBeCloseTo(100, 1);
    expect(row[1]).toBeLessThan(90);
    expect(row[2]).toBeGreaterThan(160);
    expect((await sharpen(dot, 5)).flat().every((value) => value >= 0 && value <= 255)).toBe(true);
  });

  it('changes nothing with alpha 0', async () => {
    expect(await sharpen(dot, 0)).toEqual(rowsOf(dot));
  });
});

describe('ImageAddNoise', () => {
  const noisy = async (seed: bigint | number, strength: number, images = [filled({ width: 8, height: 8, channels: 3 }, 0.5)]) =>
    runForFrames('ImageAddNoise', { image: images, seed, strength }, context);

  it('is the same for the same seed, number or bigint', async () => {
    expect(await noisy(7, 0.1)).toEqual(await noisy(7n, 0.1));
    expect(await noisy(8, 0.1)).not.toEqual(await noisy(7n, 0.1));
  });

  it('has the mean and the deviation asked for', async () => {
    const values = [...((await noisy(1, 0.1, [filled({ width: 100, height: 100, channels: 3 }, 0.5)]))[0]?.data ?? [])];
    const mean = values.reduce((total, value) => total + value, 0) / values.length;
    const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(0.5, 2);
    expect(Math.sqrt(variance)).toBeCloseTo(0.1, 2);
  });

  it('stays within range, and adds nothing with strength 0', async () => {
    expect((await noisy(3, 1))[0]?.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect((await noisy(3, 0))[0]?.data.every((value) => value === 0.5)).toBe(true);
  });

  it('differs from frame to frame, and works on a single pixel', async () => {
    const frame = filled({ width: 3, height: 3, channels: 3 }, 0.5);
    const [first, second] = await noisy(5, 0.2, [frame, frame]);
    expect(first?.data).not.toEqual(second?.data);
    expect(sizeOf(await noisy(5, 0.2, [filled({ width: 1, height: 1, channels: 3 }, 0.5)]))).toEqual([1, 1, 1]);
  });
});

describe('ImageQuantize', () => {
  const ramp = gray(Array.from({ length: 16 }, (_, y) => Array.from({ length: 16 }, (_unused, x) => y * 16 + x)));
  const quantize = async (colors: number, dither: string): Promise<number[]> =>
    rowsOf((await runForFrames('ImageQuantize', { image: [ramp], colors, dither }, context))[0]).flat();

  it.each(['none', 'floyd-steinberg', 'bayer-2', 'bayer-4', 'bayer-8', 'bayer-16'])('leaves at most the colours asked for, and black: %s', async (dither) => {
    expect(new Set(await quantize(4, dither)).size).toBeLessThanOrEqual(5);
  });

  it('puts the colours where half of the pixels lie on either side', async () => {
    expect([...new Set(await quantize(2, 'none'))].toSorted((a, b) => a - b)).toEqual([0, 63, 191]);
  });

  it('keeps the light on average when errors are handed on', async () => {
    const mean = (values: number[]): number => values.reduce((total, value) => total + value, 0) / values.length;
    expect(Math.abs(mean(await quantize(3, 'floyd-steinberg')) - 127.5)).toBeLessThan(6);
  });

  it('scatters differently by pattern than without', async () => {
    expect(await quantize(4, 'bayer-4')).not.toEqual(await quantize(4, 'none'));
  });

  it('has a single colour left with 1, and loses nothing with 256', async () => {
    expect(new Set(await quantize(1, 'none')).size).toBeLessThanOrEqual(2);
    expect((await quantize(256, 'none')).every((value, i) => Math.abs(value - i) < 4)).toBe(true);
  });

  it('does not know other patterns', async () => {
    await expect(runNode('ImageQuantize', { image: [ramp], colors: 4, dither: 'bayer-3' }, context)).rejects.toMatchObject({ name: 'NodeFailure' });
  });
});
