import type { Family } from './inputs.ts';
import { answer, frames, node } from './inputs.ts';
import { assertFits } from './pictures/budget.ts';
import { toChannels } from './pictures/channels.ts';
import { eachFrame, firstOf } from './pictures/picture.ts';
import { scaled } from './pictures/resample.ts';

/** ImageBatch: the second batch is fitted to the first one's size. GetImageSize: numbers, and a progress text. */
export const batch: Family = {
  ImageBatch: node({ image1: frames, image2: frames }, async ({ image1, image2 }) => {
    const { width, height, channels: ours } = firstOf(image1);
    const channels = Math.max(ours, firstOf(image2).channels) === 4 ? 4 : 3;
    assertFits(width, height, image1.length + image2.length);
    const fitted = await eachFrame(image2, (frame) => scaled(frame, { width, height, method: 'bilinear', crop: 'center' }));
    return answer(await eachFrame([...image1, ...fitted], (frame) => toChannels(frame, channels)));
  }),

  GetImageSize: node({ image: frames }, ({ image }, context) => {
    const { width, height } = firstOf(image);
    context.text(`width: ${width}, height: ${height}\n batch size: ${image.length}`);
    return answer(width, height, image.length);
  }),
};
