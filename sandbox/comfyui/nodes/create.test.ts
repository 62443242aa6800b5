import { afterAll, describe, expect, it } from 'vitest';
import { rowsOf, sizeOf } from './testing/frames.ts';
import { listening, makeFolders, runForFrames, runNode } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

describe('EmptyImage', () => {
  it('fills every frame with the colour 0xRRGGBB', async () => {
    const batch = await runForFrames('EmptyImage', { width: 3, height: 2, batch_size: 2, color: 0x0180ff }, context);
    expect(sizeOf(batch)).toEqual([3, 2, 2]);
    expect(batch.map((frame) => [0, 1, 2].map((channel) => rowsOf(frame, channel)[1]?.[2]))).toEqual([[1, 128, 255], [1, 128, 255]]);
  });

  it('takes integers that arrive as bigints', async () => {
    expect(sizeOf(await runForFrames('EmptyImage', { width: 4n, height: 1n, batch_size: 1n, color: 0n }, context))).toEqual([4, 1, 1]);
  });

  it('refuses a batch that no memory could hold, at once', async () => {
    const absurd = runNode('EmptyImage', { width: 16384, height: 16384, batch_size: 4096, color: 0 }, context);
    await expect(absurd).rejects.toMatchObject({ name: 'NodeFailure', exceptionType: 'torch.OutOfMemoryError' });
    await expect(absurd).rejects.toThrow('4096 x 16384 x 16384 pixels exceed the limit of 67108864');
  });

  it('counts frames against the limit even though they share their memory', async () => {
    const tooMany = runNode('EmptyImage', { width: 1024, height: 1024, batch_size: 65, color: 0 }, context);
    await expect(tooMany).rejects.toMatchObject({ exceptionType: 'torch.OutOfMemoryError' });
    expect(await runForFrames('EmptyImage', { width: 1024, height: 1024, batch_size: 64, color: 0 }, context)).toHaveLength(64);
  });
});

describe('SolidMask', () => {
  it('is one channel of one value', async () => {
    const [mask] = await runForFrames('SolidMask', { value: 0.25, width: 2, height: 3 }, context);
    expect(mask).toMatchObject({ width: 2, height: 3, channels: 1 });
    expect([...(mask?.data ?? [])]).toEqual(new Array(6).fill(0.25));
  });

  it('refuses an absurd size', async () => {
    await expect(runNode('SolidMask', { value: 1, width: 16384, height: 16384 }, context)).rejects.toMatchObject({ exceptionType: 'torch.OutOfMemoryError' });
  });
});

describe('inputs that passed validation and do not fit', () => {
  it('are a TypeError when missing', async () => {
    const short = runNode('SolidMask', { value: 1, width: 2 }, context);
    await expect(short).rejects.toMatchObject({ exceptionType: 'TypeError', message: "missing 1 required positional argument: 'height'" });
  });

  it('are an AttributeError when a plain value stands where a picture should', async () => {
    await expect(runNode('ImageInvert', { image: 'text' }, context)).rejects.toMatchObject({ exceptionType: 'AttributeError' });
    await expect(runNode('ImageInvert', { image: [] }, context)).rejects.toThrow("'list' object cannot be used as input 'image'");
    await expect(runNode('ImageInvert', { image: 7 }, context)).rejects.toThrow("'int' object");
  });
});
