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

/** The weighted sum around every pixel, channel by channel, mirrored at the edges. */
export const convolved = async (picture: Picture, { radius, weights }: Kernel): Promise<Picture> => {
  assertMirrors(picture, radius);
  const { width, height, channels, data } = picture;
  const side = 2 * radius + 1;
  const columns = mirrored(width, radius);
  const rows = mirrored(height, radius);
  const result = filled(picture, 0);
  await everyRow(height, (y) => {
    const sums = new Float32Array(width * channels);
    for (let tap = 0; tap < weights.length; tap++) {
      const weight = weights[tap] ?? 0;
      const line = (rows[y + Math.trunc(tap / side)] ?? 0) * width;
      for (let i = 0; i < sums.length; i++) {
        const from = (line + (columns[Math.trunc(i / channels) + (tap % side)] ?? 0)) * channels + (i % channels);
        sums[i] = (sums[i] ?? 0) + weight * (data[from] ?? 0);
      }
    }
    result.data.set(sums, y * width * channels);
  });
  return result;
};
