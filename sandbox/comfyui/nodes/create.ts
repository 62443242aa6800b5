import type { Picture } from '../node.ts';
import type { Family } from './inputs.ts';
import { answer, float, int, node } from './inputs.ts';
import { assertFits } from './pictures/budget.ts';
import { filled, fromBitmap } from './pictures/picture.ts';

const size = { width: int, height: int };

/** A frame of one colour, `color` being 0xRRGGBB. */
const solid = (width: number, height: number, color: number): Picture => {
  const pixel = [(color >> 16) & 0xff, (color >> 8) & 0xff, color & 0xff];
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = pixel[i % 3] ?? 0;
  return fromBitmap({ width, height, channels: 3, data });
};

/** EmptyImage: `batch_size` frames of one colour. SolidMask: one frame of one value. */
export const create: Family = {
  EmptyImage: node({ ...size, batch_size: int, color: int }, ({ width, height, batch_size: count, color }) => {
    assertFits(width, height, count);
    return answer(new Array<Picture>(count).fill(solid(width, height, color)));
  }),

  SolidMask: node({ ...size, value: float }, ({ width, height, value }) => {
    assertFits(width, height);
    return answer([filled({ width, height, channels: 1 }, value)]);
  }),
};
