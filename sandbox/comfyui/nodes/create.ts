import type { Picture } from '../node.ts';
import type { Family } from './inputs.ts';
import { answer, float, int, node } from './inputs.ts';
import { assertFits } from './pictures/budget.ts';
import { filled } from './pictures/picture.ts';
import { everyRow } from './pictures/rows.ts';

const size = { width: int, height: int };

/** A frame of one colour, `color` being 0xRRGGBB. */
const solid = async (width: number, height: number, color: number): Promise<Picture> => {
  const pixel = [(color >> 16) & 0xff, (color >> 8) & 0xff, color & 0xff].map((byte) => byte / 255);
  const row = Float32Array.from({ length: width * 3 }, (_, i) => pixel[i % 3] ?? 0);
  const picture = filled({ width, height, channels: 3 }, 0);
  await everyRow(height, (y) => picture.data.set(row, y * row.length));
  return picture;
};

/** EmptyImage: `batch_size` frames of one colour. SolidMask: one frame of one value. */
export const create: Family = {
  EmptyImage: node({ ...size, batch_size: int, color: int }, async ({ width, height, batch_size: count, color }) => {
    assertFits(width, height, count);
    return answer(new Array<Picture>(count).fill(await solid(width, height, color)));
  }),

  SolidMask: node({ ...size, value: float }, ({ width, height, value }) => {
    assertFits(width, height);
    return answer([filled({ width, height, channels: 1 }, value)]);
  }),
};
