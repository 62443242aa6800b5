import type { Batch, Picture } from '../node.ts';
import type { Family } from './inputs.ts';
import { answer, flag, frames, int, node } from './inputs.ts';
import { toChannels } from './pictures/channels.ts';
import { firstOf } from './pictures/picture.ts';
import { everyRow } from './pictures/rows.ts';
import { resampled } from './pictures/resample.ts';

interface Layer {
  readonly source: Picture;
  /** One channel, the source's size; 1 where the source covers. */
  readonly mask: Picture | undefined;
  readonly x: number;
  readonly y: number;
}

/** `destination` with a layer on it; what lies outside is left out. */
const laid = async (destination: Picture, { source, mask, x, y }: Layer): Promise<Picture> => {
  const { width, height, channels } = destination;
  const data = destination.data.slice();
  const left = Math.max(0, x);
  const right = Math.min(width, x + source.width);
  const top = Math.max(0, y);
  await everyRow(Math.max(0, Math.min(height, y + source.height) - top), (row) => {
    for (let column = left; column < right; column++) {
      const pixel = (top + row - y) * source.width + (column - x);
      const share = mask ? (mask.data[pixel] ?? 0) : 1;
      const at = ((top + row) * width + column) * channels;
      for (let channel = 0; channel < channels; channel++) {
        const over = Math.fround(share * (source.data[pixel * channels + channel] ?? 0));
        const under = Math.fround(Math.fround(1 - share) * (data[at + channel] ?? 0));
        data[at + channel] = over + under;
      }
    }
  });
  return { width, height, channels, data };
};

/** The frame for place `i`: a shorter batch starts over. */
const cycled = (batch: Batch, i: number): Picture => batch[i % batch.length] ?? firstOf(batch);

/** ImageCompositeMasked: as many frames as the destination has. */
export const composite: Family = {
  ImageCompositeMasked: node(
    { destination: frames, source: frames, x: int, y: int, resize_source: flag, mask: frames.optional() },
    async ({ destination, source, x, y, resize_source: resize, mask }) => {
      const { channels } = firstOf(destination);
      const result: Picture[] = [];
      for (const [i, under] of destination.entries()) {
        const plain = await toChannels(cycled(source, i), channels);
        const over = resize ? await resampled(plain, { width: under.width, height: under.height, method: 'bilinear' }) : plain;
        const cover = mask && (await resampled(cycled(mask, i), { width: over.width, height: over.height, method: 'bilinear' }));
        result.push(await laid(under, { source: over, mask: cover, x, y }));
      }
      return answer(result);
    },
  ),
};
