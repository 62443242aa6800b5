import { afterAll, describe, expect, it } from 'vitest';
import type { Batch, Picture } from '../node.ts';
import { filled } from './pictures/picture.ts';
import { resampled, roundEven } from './pictures/resample.ts';
import { gray, rowsOf, sizeOf } from './testing/frames.ts';
import { listening, makeFolders, runForFrames, runNode } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

const ramp = gray([[0, 100, 200, 40]]);

const scale = (picture: Picture, width: number, method: string, height = picture.height): Promise<Batch> =>
  runForFrames('ImageScale', { image: [picture], upscale_method: method, width, height, crop: 'disabled' }, context);

describe('ImageScale', () => {
  it('takes the pixel under the new one\'s centre: nearest-exact', async () => {
    expect(rowsOf((await scale(ramp, 8, 'nearest-exact'))[0])).toEqual([[0, 0, 100, 100, 200, 200, 40, 40]]);
    expect(rowsOf((await scale(ramp, 2, 'nearest-exact'))[0])).toEqual([[100, 40]]);
    expect(rowsOf((await scale(ramp, 3, 'nearest-exact'))[0])).toEqual([[0, 200, 40]]);
  });

  it('draws lines between centres and repeats the edge: bilinear', async () => {
    expect(rowsOf((await scale(ramp, 8, 'bilinear'))[0])).toEqual([[0, 25, 75, 125, 175, 160, 80, 40]]);
  });

  it('takes the mean of what a pixel covers: area', async () => {
    expect(rowsOf((await scale(ramp, 2, 'area'))[0])).toEqual([[50, 120]]);
    expect(rowsOf((await scale(ramp, 3, 'area'))[0])).toEqual([[50, 150, 120]]);
  });

  it('overshoots at steps and keeps flat ground flat: bicubic', async () => {
    const step = rowsOf((await scale(gray([[0, 0, 255, 255]]), 8, 'bicubic'))[0])[0] ?? [];
    expect(step[2]).toBeLessThan(0);
    expect(step[5]).toBeGreaterThan(255);
    expect(rowsOf((await scale(gray([[90, 90, 90, 90]]), 8, 'bicubic'))[0])).toEqual([new Array(8).fill(90)]);
  });

  it('works on whole bytes and never leaves their range: lanczos', async () => {
    const step = rowsOf((await scale(gray([[0, 0, 0, 255, 255, 255]]), 12, 'lanczos'))[0])[0] ?? [];
    expect(step.every((value) => Number.isInteger(value) && value >= 0 && value <= 255)).toBe(true);
    expect(step.toSorted((a, b) => a - b).at(-1)).toBe(255);
    expect(rowsOf((await scale(gray([[90, 90], [90, 90]]), 5, 'lanczos', 3))[0])).toEqual(new Array(3).fill(new Array(5).fill(90)));
  });

  it('does not let the colour of clear pixels bleed: lanczos with alpha', async () => {
    const picture: Picture = { width: 2, height: 1, channels: 4, data: Float32Array.from([1, 0, 0, 1, 0, 1, 0, 0]) };
    const wide = await resampled(picture, { width: 4, height: 1, method: 'lanczos' });
    expect(rowsOf(wide, 1)).toEqual([[0, 0, 0, 0]]);
    expect(rowsOf(wide, 3)[0]?.[0]).toBeGreaterThan(240);
  });

  it.each(['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos'])('leaves a picture of the right size alone: %s', async (method) => {
    expect((await scale(ramp, 4, method))[0]).toBe(ramp);
  });

  it('follows proportions where a side is 0', async () => {
    const image = [filled({ width: 30, height: 20, channels: 3 }, 0)];
    const size = async (width: number, height: number): Promise<number[]> =>
      sizeOf(await runForFrames('ImageScale', { image, upscale_method: 'area', width, height, crop: 'disabled' }, context));
    expect(await size(15, 0)).toEqual([15, 10, 1]);
    expect(await size(0, 40)).toEqual([60, 40, 1]);
    expect(await size(0, 0)).toEqual([30, 20, 1]);
    expect(await size(1, 0)).toEqual([1, 1, 1]);
  });

  it('cuts the sides off to keep proportions when asked to crop', async () => {
    const crop = async (picture: Picture): Promise<number[][]> =>
      rowsOf((await runForFrames('ImageScale', { image: [picture], upscale_method: 'nearest-exact', width: 2, height: 2, crop: 'center' }, context))[0]);
    expect(await crop(gray([[1, 2, 3, 4], [5, 6, 7, 8]]))).toEqual([[2, 3], [6, 7]]);
    expect(await crop(gray([[1, 2], [3, 4], [5, 6], [7, 8]]))).toEqual([[3, 4], [5, 6]]);
  });

  it('refuses a size beyond the limit before it begins', async () => {
    const huge = runNode('ImageScale', { image: [ramp], upscale_method: 'lanczos', width: 16384, height: 16384, crop: 'disabled' }, context);
    await expect(huge).rejects.toMatchObject({ exceptionType: 'torch.OutOfMemoryError' });
  });
});

describe('ImageScaleBy', () => {
  it('rounds sides to the even neighbour, as Python does', async () => {
    const by = async (width: number, factor: number): Promise<number[]> =>
      sizeOf(await runForFrames('ImageScaleBy', { image: [filled({ width, height: 2, channels: 3 }, 0)], upscale_method: 'area', scale_by: factor }, context));
    expect(await by(5, 0.5)).toEqual([2, 1, 1]);
    expect(await by(7, 0.5)).toEqual([4, 1, 1]);
    expect(await by(3, 8)).toEqual([24, 16, 1]);
  });

  it('scales every frame', async () => {
    const batch = await runForFrames('ImageScaleBy', { image: [ramp, gray([[9, 9, 9, 9]])], upscale_method: 'nearest-exact', scale_by: 0.5 }, context);
    expect(batch.map((frame) => rowsOf(frame))).toEqual([[[100, 40]], [[9, 9]]]);
  });

  it('cannot scale by NaN', async () => {
    const refused = runNode('ImageScaleBy', { image: [ramp], upscale_method: 'area', scale_by: NaN }, context);
    await expect(refused).rejects.toMatchObject({ exceptionType: 'ValueError', message: 'cannot convert float NaN to integer' });
  });
});

describe('rounding', () => {
  it.each([[0.5, 0], [1.5, 2], [2.5, 2], [2.4, 2], [2.6, 3], [-0.6, -1], [7, 7]])('%d becomes %d', (value, rounded) => {
    expect(roundEven(value)).toBe(rounded);
  });
});
