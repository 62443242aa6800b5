import type { Picture } from '../../node.ts';
import { NodeFailure } from '../../node.ts';
import { filled } from '../pictures/picture.ts';
import { everyRow } from '../pictures/rows.ts';
import type { Kernel } from './gaussian.ts';

/** Places -radius..length-1+radius, mirrored at the edges without repeating the edge itself. */
const mirrored = (length: number, radius: number): Int32Array =>
  Int32Array.from({ length: length + 2 * radius }, (_, i) => {
    const place = Math.abs(i - radius);
    return place < length ? place : 2 * (length - 1) - place;
  });

const assertMirrors = ({ width, height }: Picture, radius: number): void => {
  if (radius < width && radius < height) return;
  throw new NodeFailure(
    'RuntimeError',
    `Padding size should be less than the corresponding input dimension, but got: padding (${radius}, ${radius}) for a picture of ${width} x ${height}`,
  );
};

/** The frame with mirrored margins of `radius` pixels. */
const widened = async (picture: Picture, radius: number): Promise<Picture> => {
  const { width, height, channels, data } = picture;
  const columns = mirrored(width, radius);
  const rows = mirrored(height, radius);
  const result = filled({ width: columns.length, height: rows.length, channels }, 0);
  await everyRow(rows.length, (y) => {
    let at = y * columns.length * channels;
    for (const column of columns) {
      const from = ((rows[y] ?? 0) * width + column) * channels;
      for (let channel = 0; channel < channels; channel++) result.data[at++] = data[from + channel] ?? 0;
    }
  });
  return result;
};

/** The weighted sum around every pixel, channel by channel, mirrored at the edges. */
export const convolved = async (picture: Picture, { radius, weights }: Kernel): Promise<Picture> => {
  assertMirrors(picture, radius);
  const side = 2 * radius + 1;
  const { width: stride, channels, data } = await widened(picture, radius);
  const result = filled(picture, 0);
  const line = picture.width * channels;
  await everyRow(picture.height, (y) => {
    const sums = result.data.subarray(y * line, (y + 1) * line);
    for (let tap = 0; tap < weights.length; tap++) {
      const weight = weights[tap] ?? 0;
      const from = ((y + Math.trunc(tap / side)) * stride + (tap % side)) * channels;
      for (let i = 0; i < line; i++) sums[i] = (sums[i] ?? 0) + weight * (data[from + i] ?? 0);
    }
  });
  return result;
};
