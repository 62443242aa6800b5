import type { Picture } from '../../node.ts';
import { filled } from './picture.ts';

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The part of a frame inside `area`, which must lie within the frame. */
export const cut = (picture: Picture, { x, y, width, height }: Area): Picture => {
  const { channels, data } = picture;
  const values = new Float32Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * picture.width + x) * channels;
    values.set(data.subarray(start, start + width * channels), row * width * channels);
  }
  return { width, height, channels, data: values };
};

/** A copy of `under` with `over` (same channels, fully inside) copied onto it at x, y. */
export const pasted = (under: Picture, over: Picture, { x, y }: { readonly x: number; readonly y: number }): Picture => {
  const { width, height, channels } = under;
  const data = under.data.slice();
  for (let row = 0; row < over.height; row++) {
    const line = over.data.subarray(row * over.width * channels, (row + 1) * over.width * channels);
    data.set(line, ((y + row) * width + x) * channels);
  }
  return { width, height, channels, data };
};

/** The frame on a bigger ground of one value; `area` says where the frame lies and how big the result is. */
export const padded = (picture: Picture, area: Area, value: number): Picture => {
  const { width, height, x, y } = area;
  return pasted(filled({ width, height, channels: picture.channels }, value), picture, { x, y });
};
