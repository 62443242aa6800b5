import { afterAll, describe, expect, it } from 'vitest';
import type { Picture } from '../node.ts';
import { gray, maskOf, rowsOf, sizeOf } from './testing/frames.ts';
import { listening, makeFolders, runForFrames, runNode } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

const pixel: Picture = { width: 1, height: 1, channels: 4, data: Float32Array.from([0, 0.2, 0.4, 0.6]) };

describe('between masks and pictures', () => {
  it('a mask becomes three equal channels', async () => {
    const [frame] = await runForFrames('MaskToImage', { mask: [maskOf([[0, 0.2, 1]])] }, context);
    expect([0, 1, 2].map((channel) => rowsOf(frame, channel))).toEqual(new Array(3).fill([[0, 51, 255]]));
  });

  it.each([['red', 0], ['green', 51], ['blue', 102], ['alpha', 153]])('the channel %s becomes a mask as it is', async (channel, value) => {
    const [frame] = await runForFrames('ImageToMask', { image: [pixel], channel }, context);
    expect(frame?.channels).toBe(1);
    expect(rowsOf(frame)).toEqual([[value]]);
  });

  it('a picture without alpha has no fourth channel', async () => {
    await expect(runNode('ImageToMask', { image: [gray([[1]])], channel: 'alpha' }, context)).rejects.toMatchObject({
      exceptionType: 'IndexError',
      message: 'index 3 is out of bounds for dimension 3 with size 3',
    });
  });

  it('a mask is turned over', async () => {
    expect(rowsOf((await runForFrames('InvertMask', { mask: [maskOf([[0, 0.2, 1]])] }, context))[0])).toEqual([[255, 204, 0]]);
  });

  it('a picture is turned over in every channel', async () => {
    const [frame] = await runForFrames('ImageInvert', { image: [pixel] }, context);
    expect([0, 1, 2, 3].map((channel) => rowsOf(frame, channel)[0]?.[0])).toEqual([255, 204, 153, 102]);
  });
});

describe('JoinImageWithAlpha', () => {
  it('makes what is masked transparent', async () => {
    const [frame] = await runForFrames('JoinImageWithAlpha', { image: [gray([[10, 20]])], alpha: [maskOf([[0, 1]])] }, context);
    expect(frame?.channels).toBe(4);
    expect([rowsOf(frame, 0), rowsOf(frame, 3)]).toEqual([[[10, 20]], [[255, 0]]]);
  });

  it('scales the mask to the picture', async () => {
    const [frame] = await runForFrames('JoinImageWithAlpha', { image: [gray([[1, 2, 3, 4]])], alpha: [maskOf([[0, 1]])] }, context);
    expect(rowsOf(frame, 3)).toEqual([[255, 191.25, 63.75, 0]]);
  });

  it('replaces an alpha that is there and stops with the shorter batch', async () => {
    const batch = await runForFrames('JoinImageWithAlpha', { image: [pixel, pixel], alpha: [maskOf([[0]])] }, context);
    expect(sizeOf(batch)).toEqual([1, 1, 1]);
    expect(rowsOf(batch[0], 3)).toEqual([[255]]);
  });
});
