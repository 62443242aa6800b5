import { afterAll, describe, expect, it } from 'vitest';
import { frames } from './inputs.ts';
import { filled } from './pictures/picture.ts';
import { gray, rowsOf, sizeOf } from './testing/frames.ts';
import { listening, makeFolders, runNode } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

const NONE = { left: 0, top: 0, right: 0, bottom: 0, feathering: 0 };
const pad = async (inputs: Record<string, unknown>) => {
  const { outputs } = await runNode('ImagePadForOutpaint', { ...NONE, ...inputs }, context);
  return { image: frames.parse(outputs[0]), mask: frames.parse(outputs[1]) };
};

describe('ImagePadForOutpaint', () => {
  it('surrounds the picture with gray and masks what is new', async () => {
    const { image, mask } = await pad({ image: [gray([[10]])], left: 1, bottom: 1 });
    expect(rowsOf(image[0])).toEqual([[127.5, 10], [127.5, 127.5]]);
    expect(rowsOf(mask[0])).toEqual([[255, 0], [255, 255]]);
  });

  it('softens the mask along padded edges only, by the square of the distance', async () => {
    const { mask } = await pad({ image: [filled({ width: 7, height: 7, channels: 3 }, 0)], left: 1, feathering: 2 });
    expect(rowsOf(mask[0])[3]).toEqual([255, 255, 63.75, 0, 0, 0, 0, 0]);
    expect(rowsOf(mask[0])[0]).toEqual([255, 255, 63.75, 0, 0, 0, 0, 0]);
  });

  it('does not soften a picture narrower than both bands', async () => {
    const { mask } = await pad({ image: [filled({ width: 4, height: 9, channels: 3 }, 0)], left: 1, feathering: 2 });
    expect(rowsOf(mask[0])[0]).toEqual([255, 0, 0, 0, 0]);
  });

  it('pads every frame and gives one mask', async () => {
    const { image, mask } = await pad({ image: [gray([[1]]), gray([[2]])], top: 2, right: 3 });
    expect([sizeOf(image), sizeOf(mask)]).toEqual([[4, 3, 2], [4, 3, 1]]);
  });

  it('refuses margins beyond the limit', async () => {
    await expect(pad({ image: [gray([[1]])], left: 16384, bottom: 16384 })).rejects.toMatchObject({ exceptionType: 'torch.OutOfMemoryError' });
  });
});
