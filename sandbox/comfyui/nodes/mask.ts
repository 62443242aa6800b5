import { NodeFailure } from '../node.ts';
import type { Family } from './inputs.ts';
import { answer, frames, node, text } from './inputs.ts';
import { channelOf, toChannels } from './pictures/channels.ts';
import { eachFrame, firstOf, mapped, withChannels } from './pictures/picture.ts';
import { resampled } from './pictures/resample.ts';

const CHANNELS = ['red', 'green', 'blue', 'alpha'];

/** Between masks and pictures. Alpha is opacity, a mask is transparency: one is 1 minus the other. */
export const mask: Family = {
  MaskToImage: node({ mask: frames }, async (inputs) => answer(await eachFrame(inputs.mask, (frame) => toChannels(frame, 3)))),

  ImageToMask: node({ image: frames, channel: text }, async ({ image, channel }) => {
    const index = CHANNELS.indexOf(channel);
    const { channels } = firstOf(image);
    if (index < 0 || index >= channels) throw new NodeFailure('IndexError', `index ${index} is out of bounds for dimension 3 with size ${channels}`);
    return answer(await eachFrame(image, (frame) => channelOf(frame, index)));
  }),

  InvertMask: node({ mask: frames }, async (inputs) => answer(await eachFrame(inputs.mask, (frame) => mapped(frame, (value) => 1 - value)))),

  /** The mask is scaled to the picture; as many frames as the shorter of both batches. */
  JoinImageWithAlpha: node({ image: frames, alpha: frames }, async ({ image, alpha }) => {
    const joined = image.slice(0, alpha.length).map(async (frame, i) => {
      const fitted = await resampled(alpha[i] ?? firstOf(alpha), { width: frame.width, height: frame.height, method: 'bilinear' });
      return withChannels(frame, 4, (pixel, channel) =>
        channel === 3 ? 1 - (fitted.data[pixel] ?? 0) : (frame.data[pixel * frame.channels + channel] ?? 0),
      );
    });
    return answer(await Promise.all(joined));
  }),
};
