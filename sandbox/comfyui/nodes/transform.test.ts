import { afterAll, describe, expect, it } from 'vitest';
import { gray, rowsOf, sizeOf } from './testing/frames.ts';
import { listening, makeFolders, runForFrames } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

const picture = gray([
  [1, 2, 3],
  [4, 5, 6],
]);

describe('ImageCrop', () => {
  const crop = async (x: number, y: number, width: number, height: number): Promise<number[][]> =>
    rowsOf((await runForFrames('ImageCrop', { image: [picture], x, y, width, height }, context))[0]);

  it('cuts a rectangle out', async () => {
    expect(await crop(1, 0, 2, 1)).toEqual([[2, 3]]);
    expect(await crop(0, 1, 2, 1)).toEqual([[4, 5]]);
  });

  it('gives less than asked for at the edge', async () => {
    expect(await crop(1, 1, 512, 512)).toEqual([[5, 6]]);
  });

  it('keeps the last pixel when the corner lies outside', async () => {
    expect(await crop(100, 100, 2, 2)).toEqual([[6]]);
  });

  it('cuts every frame alike', async () => {
    const batch = await runForFrames('ImageCrop', { image: [picture, picture], x: 0, y: 0, width: 1, height: 2 }, context);
    expect(sizeOf(batch)).toEqual([1, 2, 2]);
  });
});

describe('ImageRotate', () => {
  it.each([
    ['none', [[1, 2, 3], [4, 5, 6]]],
    ['90 degrees', [[4, 1], [5, 2], [6, 3]]],
    ['180 degrees', [[6, 5, 4], [3, 2, 1]]],
    ['270 degrees', [[3, 6], [2, 5], [1, 4]]],
  ])('turns clockwise: %s', async (rotation, rows) => {
    expect(rowsOf((await runForFrames('ImageRotate', { image: [picture], rotation }, context))[0])).toEqual(rows);
  });
});

describe('ImageFlip', () => {
  it.each([
    ['x-axis: vertically', [[4, 5, 6], [1, 2, 3]]],
    ['y-axis: horizontally', [[3, 2, 1], [6, 5, 4]]],
    ['neither', [[1, 2, 3], [4, 5, 6]]],
  ])('%s', async (method, rows) => {
    expect(rowsOf((await runForFrames('ImageFlip', { image: [picture], flip_method: method }, context))[0])).toEqual(rows);
  });
});
