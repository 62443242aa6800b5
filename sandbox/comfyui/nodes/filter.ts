import type { Batch, Picture } from '../node.ts';
import { NodeFailure } from '../node.ts';
import { blendFrames, blendOf } from './filters/blend.ts';
import { convolved } from './filters/convolve.ts';
import { gaussian, sharpening } from './filters/gaussian.ts';
import { normalNoise } from './filters/normal-noise.ts';
import { quantized } from './filters/quantize.ts';
import type { Family } from './inputs.ts';
import { answer, float, frames, int, node, seed, text } from './inputs.ts';
import { toChannels } from './pictures/channels.ts';
import { eachFrame, firstOf, fromBitmap, mapped, toBitmap } from './pictures/picture.ts';
import { scaled } from './pictures/resample.ts';

const clipped = (value: number): number => Math.min(1, Math.max(0, value));

/** Two batches side by side: equally long, or one of them a single frame that serves for all. */
const paired = (a: Batch, b: Batch): (readonly [Picture, Picture])[] => {
  const count = Math.max(a.length, b.length);
  if ((a.length !== count && a.length !== 1) || (b.length !== count && b.length !== 1)) {
    throw new NodeFailure(
      'RuntimeError',
      `The size of tensor a (${a.length}) must match the size of tensor b (${b.length}) at non-singleton dimension 0`,
    );
  }
  return Array.from({ length: count }, (_, i) => [a[i] ?? firstOf(a), b[i] ?? firstOf(b)]);
};

const noisy = async (image: Batch, noiseSeed: bigint, strength: number): Promise<Picture[]> => {
  const size = firstOf(image).data.length;
  const noise = await normalNoise(noiseSeed, size * image.length);
  const amount = Math.fround(strength);
  return Promise.all(image.map((frame, n) => mapped(frame, (value, i) => clipped(value + Math.fround(amount * (noise[n * size + i] ?? 0))))));
};

/** Filters over whole pictures. */
export const filter: Family = {
  /** The upper picture is fitted to the lower one's size. */
  ImageBlend: node({ image1: frames, image2: frames, blend_factor: float, blend_mode: text }, async (inputs) => {
    const blend = blendOf(inputs.blend_mode);
    const result = paired(inputs.image1, inputs.image2).map(async ([under, over]) => {
      const { width, height, channels } = under;
      const fitted = await scaled(over, { width, height, method: 'bicubic', crop: 'center' });
      return blendFrames(under, await toChannels(fitted, channels), { blend, share: inputs.blend_factor });
    });
    return answer(await Promise.all(result));
  }),

  ImageBlur: node({ image: frames, blur_radius: int, sigma: float }, async ({ image, blur_radius: radius, sigma }) => {
    if (radius === 0) return answer(image);
    const kernel = gaussian(radius, sigma);
    return answer(await eachFrame(image, (frame) => convolved(frame, kernel)));
  }),

  ImageSharpen: node({ image: frames, sharpen_radius: int, sigma: float, alpha: float }, async (inputs) => {
    const { image, sharpen_radius: radius, sigma, alpha } = inputs;
    if (radius === 0) return answer(image);
    const kernel = sharpening(gaussian(radius, sigma), alpha);
    return answer(await eachFrame(image, async (frame) => mapped(await convolved(frame, kernel), clipped)));
  }),

  ImageQuantize: node({ image: frames, colors: int, dither: text }, async ({ image, colors, dither }) =>
    answer(await eachFrame(image, async (frame) => fromBitmap(await quantized(await toBitmap(await toChannels(frame, 3)), colors, dither)))),
  ),

  ImageAddNoise: node({ image: frames, seed, strength: float }, async (inputs) => answer(await noisy(inputs.image, inputs.seed, inputs.strength))),
};
