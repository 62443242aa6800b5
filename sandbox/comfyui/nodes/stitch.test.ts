import { afterAll, describe, expect, it } from 'vitest';
import { filled } from './pictures/picture.ts';
import { gray, rowsOf, sizeOf } from './testing/frames.ts';
import { listening, makeFolders, runForFrames, runNode } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

const a = gray([[1, 2]]);
const b = gray([[3, 4]]);
const DEFAULTS = { image1: [a], image2: [b], direction: 'right', match_image_size: true, spacing_width: 0, spacing_color: 'white' };
const stitch = (inputs: Record<string, unknown>) => runForFrames('ImageStitch', { ...DEFAULTS, ...inputs }, context);

describe('ImageStitch', () => {
  it.each([
    ['right', [[1, 2, 3, 4]]],
    ['left', [[3, 4, 1, 2]]],
    ['down', [[1, 2], [3, 4]]],
    ['up', [[3, 4], [1, 2]]],
  ])('puts the second picture %s', async (direction, rows) => {
    expect(rowsOf((await stitch({ direction }))[0])).toEqual(rows);
  });

  it('passes a lone picture on', async () => {
    expect(await stitch({ image2: undefined })).toEqual([a]);
  });

  it.each([
    ['white', [255, 255, 255]],
    ['black', [0, 0, 0]],
    ['red', [255, 0, 0]],
    ['green', [0, 255, 0]],
    ['blue', [0, 0, 255]],
  ])('leaves an even gap in %s', async (color, [red, green, blue]) => {
    const [frame] = await stitch({ spacing_width: 1, spacing_color: color });
    expect(rowsOf(frame, 0)).toEqual([[1, 2, red, red, 3, 4]]);
    expect(rowsOf(frame, 1)).toEqual([[1, 2, green, green, 3, 4]]);
    expect(rowsOf(frame, 2)).toEqual([[1, 2, blue, blue, 3, 4]]);
  });

  it('scales the second picture to the first one\'s height or width, proportions kept', async () => {
    const big = filled({ width: 8, height: 4, channels: 3 }, 1);
    expect(sizeOf(await stitch({ image2: [big] }))).toEqual([4, 1, 1]);
    expect(sizeOf(await stitch({ image2: [big], direction: 'down' }))).toEqual([2, 2, 1]);
  });

  it('centres the smaller one when sizes are not matched, black beside a coloured gap', async () => {
    const tall = gray([[9], [9], [9]]);
    const white = await stitch({ image2: [tall], match_image_size: false });
    expect(rowsOf(white[0])).toEqual([[255, 255, 9], [1, 2, 9], [255, 255, 9]]);
    const red = await stitch({ image2: [tall], match_image_size: false, spacing_color: 'red' });
    expect(rowsOf(red[0])).toEqual([[0, 0, 9], [1, 2, 9], [0, 0, 9]]);
  });

  it('gives both an alpha if one has it, the gap opaque', async () => {
    const [frame] = await stitch({ image2: [filled({ width: 1, height: 1, channels: 4 }, 0.2)], spacing_width: 2 });
    expect(rowsOf(frame, 3)).toEqual([[255, 255, 255, 255, 51]]);
  });

  it('repeats the last frame of the shorter batch', async () => {
    const batch = await stitch({ image1: [a, b], image2: [b] });
    expect(batch.map((frame) => rowsOf(frame))).toEqual([[[1, 2, 3, 4]], [[3, 4, 3, 4]]]);
  });

  it('cannot shrink a picture to nothing', async () => {
    const sliver = filled({ width: 1, height: 500, channels: 3 }, 0);
    await expect(runNode('ImageStitch', { ...DEFAULTS, image2: [sliver] }, context)).rejects.toMatchObject({ exceptionType: 'ValueError' });
  });

  it('refuses a result beyond the limit', async () => {
    const line = filled({ width: 16000, height: 1, channels: 3 }, 0);
    const column = filled({ width: 1, height: 16000, channels: 3 }, 0);
    const huge = runNode('ImageStitch', { ...DEFAULTS, image1: [line], image2: [column], match_image_size: false }, context);
    await expect(huge).rejects.toMatchObject({ exceptionType: 'torch.OutOfMemoryError' });
  });
});
