import { z } from 'zod';
import { NodeFailure } from '../node.ts';
import type { Family } from './inputs.ts';
import { answer, float, frames, int, node, text } from './inputs.ts';
import { assertFits } from './pictures/budget.ts';
import { eachFrame, firstOf } from './pictures/picture.ts';
import type { Method } from './pictures/resample.ts';
import { METHODS, roundEven, scaled, targetSize } from './pictures/resample.ts';

const method: z.ZodType<Method> = z.enum(METHODS);

/** Python's round() of a float to an int. */
const toInt = (value: number): number => {
  if (Number.isNaN(value)) throw new NodeFailure('ValueError', 'cannot convert float NaN to integer');
  return Math.max(1, roundEven(value));
};

/** Scaling to a size in pixels and by a factor. */
export const scale: Family = {
  ImageScale: node({ image: frames, upscale_method: method, width: int, height: int, crop: text }, async (inputs) => {
    const { image, crop } = inputs;
    const size = targetSize(firstOf(image), inputs);
    assertFits(size.width, size.height, image.length);
    return answer(await eachFrame(image, (frame) => scaled(frame, { ...size, method: inputs.upscale_method, crop })));
  }),

  ImageScaleBy: node({ image: frames, upscale_method: method, scale_by: float }, async (inputs) => {
    const { image, scale_by: factor } = inputs;
    const { width, height } = firstOf(image);
    const size = { width: toInt(width * factor), height: toInt(height * factor) };
    assertFits(size.width, size.height, image.length);
    return answer(await eachFrame(image, (frame) => scaled(frame, { ...size, method: inputs.upscale_method, crop: 'disabled' })));
  }),
};
