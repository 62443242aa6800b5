import type { Family } from './inputs.ts';
import { answer, frames, node } from './inputs.ts';
import { eachFrame, mapped } from './pictures/picture.ts';

/** ImageInvert: every channel x becomes 1 - x, alpha too. */
export const colour: Family = {
  ImageInvert: node({ image: frames }, async ({ image }) => answer(await eachFrame(image, (frame) => mapped(frame, (value) => 1 - value)))),
};
