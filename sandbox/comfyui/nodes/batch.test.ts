import { afterAll, describe, expect, it } from 'vitest';
import { filled } from './pictures/picture.ts';
import { gray, rowsOf, sizeOf } from './testing/frames.ts';
import { listening, makeFolders, runForFrames, runNode } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

describe('ImageBatch', () => {
  it('puts the second batch behind the first', async () => {
    const batch = await runForFrames('ImageBatch', { image1: [gray([[1]]), gray([[2]])], image2: [gray([[3]])] }, context);
    expect(batch.map((frame) => rowsOf(frame))).toEqual([[[1]], [[2]], [[3]]]);
  });

  it('fits the second to the size of the first, proportions kept', async () => {
    const wide = gray([[1, 2, 3, 4], [5, 6, 7, 8]]);
    const batch = await runForFrames('ImageBatch', { image1: [filled({ width: 2, height: 2, channels: 3 }, 0)], image2: [wide] }, context);
    expect(sizeOf(batch)).toEqual([2, 2, 2]);
    expect(rowsOf(batch[1])).toEqual([[2, 3], [6, 7]]);
  });

  it('gives every frame an opaque alpha if one has alpha', async () => {
    const batch = await runForFrames('ImageBatch', { image1: [gray([[1]])], image2: [filled({ width: 1, height: 1, channels: 4 }, 0.2)] }, context);
    expect(batch.map((frame) => [frame.channels, rowsOf(frame, 3)[0]?.[0]])).toEqual([[4, 255], [4, 51]]);
  });
});

describe('GetImageSize', () => {
  it('answers three numbers and says them to the watchers', async () => {
    const { context: listener, heard } = listening(folders);
    const { outputs } = await runNode('GetImageSize', { image: [gray([[1, 2]]), gray([[3, 4]])] }, listener);
    expect(outputs).toEqual([2, 1, 2]);
    expect(heard.texts).toEqual(['width: 2, height: 1\n batch size: 2']);
  });
});
