import type { Batch, Picture } from '../node.ts';
import type { Family } from './inputs.ts';
import { answer, frames, int, node, text } from './inputs.ts';
import { eachFrame, filled, firstOf } from './pictures/picture.ts';
import { cut } from './pictures/place.ts';
import { everyRow } from './pictures/rows.ts';

/** Where the pixel at x, y of the result comes from. */
type Origin = (x: number, y: number) => number;

const rearranged = async (picture: Picture, size: { width: number; height: number }, origin: Origin): Promise<Picture> => {
  const { channels, data } = picture;
  const result = filled({ ...size, channels }, 0);
  await everyRow(size.height, (y) => {
    for (let x = 0; x < size.width; x++) {
      const from = origin(x, y) * channels;
      result.data.set(data.subarray(from, from + channels), (y * size.width + x) * channels);
    }
  });
  return result;
};

/** Clockwise by quarter turns. */
const turned = (picture: Picture, quarters: number): Promise<Picture> | Picture => {
  const { width, height } = picture;
  switch (quarters) {
    case 1:
      return rearranged(picture, { width: height, height: width }, (x, y) => (height - 1 - x) * width + y);
    case 2:
      return rearranged(picture, { width, height }, (x, y) => (height - 1 - y) * width + (width - 1 - x));
    case 3:
      return rearranged(picture, { width: height, height: width }, (x, y) => x * width + (width - 1 - y));
    default:
      return picture;
  }
};

const flipped = (picture: Picture, method: string): Promise<Picture> | Picture => {
  const { width, height } = picture;
  if (method.startsWith('x')) return rearranged(picture, { width, height }, (x, y) => (height - 1 - y) * width + x);
  if (method.startsWith('y')) return rearranged(picture, { width, height }, (x, y) => y * width + (width - 1 - x));
  return picture;
};

/** What lies outside is left out: the result may be smaller than asked for, but holds at least the last pixel. */
const cropped = (image: Batch, area: { x: number; y: number; width: number; height: number }): Promise<Picture[]> => {
  const { width, height } = firstOf(image);
  const x = Math.min(area.x, width - 1);
  const y = Math.min(area.y, height - 1);
  const inside = { x, y, width: Math.min(area.width, width - x), height: Math.min(area.height, height - y) };
  return eachFrame(image, (frame) => cut(frame, inside));
};

/** Moving pixels without changing them. */
export const transform: Family = {
  ImageCrop: node({ image: frames, width: int, height: int, x: int, y: int }, async ({ image, ...area }) => answer(await cropped(image, area))),

  ImageRotate: node({ image: frames, rotation: text }, async ({ image, rotation }) => {
    const quarters = ['90', '180', '270'].findIndex((angle) => rotation.startsWith(angle)) + 1;
    return answer(await eachFrame(image, (frame) => turned(frame, quarters)));
  }),

  ImageFlip: node({ image: frames, flip_method: text }, async ({ image, flip_method: method }) =>
    answer(await eachFrame(image, (frame) => flipped(frame, method))),
  ),
};
