import { NodeFailure } from '../../node.ts';
import type { Bitmap } from '../pictures/picture.ts';
import { everyRow } from '../pictures/rows.ts';
import type { Rgb } from './median-cut.ts';
import { medianCut } from './median-cut.ts';

const BLACK: Rgb = [0, 0, 0];

/** How many places a palette has; unused ones are black and can be chosen, as in the original. */
const PLACES = 256;

/** Colours are looked up in cells of 4 x 4 x 4 by their darkest corner, and remembered. */
const lookup = (colours: readonly Rgb[]): ((red: number, green: number, blue: number) => Rgb) => {
  const palette = colours.length < PLACES ? [...colours, BLACK] : colours;
  const known = new Map<number, Rgb>();
  const nearest = (red: number, green: number, blue: number): Rgb => {
    let best = palette[0] ?? BLACK;
    let least = Infinity;
    for (const colour of palette) {
      const distance = (red - colour[0]) ** 2 + (green - colour[1]) ** 2 + (blue - colour[2]) ** 2;
      if (distance < least) [best, least] = [colour, distance];
    }
    return best;
  };
  return (red, green, blue) => {
    const cell = ((red >> 2) << 12) | ((green >> 2) << 6) | (blue >> 2);
    const found = known.get(cell) ?? nearest(red & 252, green & 252, blue & 252);
    known.set(cell, found);
    return found;
  };
};

const toByte = (value: number): number => Math.min(255, Math.max(0, Math.trunc(value)));

/** Each pixel by itself, after `offset` was added to it. */
const mapPixels = async (bitmap: Bitmap, palette: readonly Rgb[], offset: (x: number, y: number) => number): Promise<Bitmap> => {
  const { width, height, data } = bitmap;
  const find = lookup(palette);
  const result = new Uint8Array(data.length);
  await everyRow(height, (y) => {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      const shift = offset(x, y);
      const value = (channel: number): number => toByte((data[at + channel] ?? 0) + shift);
      result.set(find(value(0), value(1), value(2)), at);
    }
  });
  return { ...bitmap, data: result };
};

/** Hands each pixel's error on: 7/16 to the right, 3, 5 and 1 to the row below (Floyd and Steinberg 1976). */
const diffuse = async (bitmap: Bitmap, palette: readonly Rgb[]): Promise<Bitmap> => {
  const { width, height, data } = bitmap;
  const find = lookup(palette);
  const result = new Uint8Array(data.length);
  let below = new Int32Array((width + 2) * 3);
  await everyRow(height, (y) => {
    const here = below;
    below = new Int32Array(here.length);
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      const cell = (x + 1) * 3;
      const wanted = [0, 1, 2].map((channel) => toByte((data[at + channel] ?? 0) + Math.trunc((here[cell + channel] ?? 0) / 16)));
      const chosen = find(wanted[0] ?? 0, wanted[1] ?? 0, wanted[2] ?? 0);
      result.set(chosen, at);
      for (let channel = 0; channel < 3; channel++) {
        const error = (wanted[channel] ?? 0) - (chosen[channel] ?? 0);
        here[cell + 3 + channel] = (here[cell + 3 + channel] ?? 0) + error * 7;
        below[cell - 3 + channel] = (below[cell - 3 + channel] ?? 0) + error * 3;
        below[cell + channel] = (below[cell + channel] ?? 0) + error * 5;
        below[cell + 3 + channel] = (below[cell + 3 + channel] ?? 0) + error;
      }
    }
  });
  return { ...bitmap, data: result };
};

/** The ordered pattern of a side of 2, 4, 8 …: values around 0, less than half a unit away (Bayer 1973). */
const bayer = (side: number): ((x: number, y: number) => number) => {
  if (side <= 1) return () => 0;
  const finer = bayer(side / 2);
  const shares = 4 ** Math.log2(side);
  return (x, y) => {
    const [right, low] = [x % side >= side / 2, y % side >= side / 2];
    const corner = low ? (right ? -0.5 : 1.5) : right ? 0.5 : -1.5;
    return finer(x % (side / 2), y % (side / 2)) + corner / shares;
  };
};

/** A 3-channel picture in at most `colours` colours of its own, and black. `dither`: none, floyd-steinberg or bayer-N. */
export const quantized = async (bitmap: Bitmap, colours: number, dither: string): Promise<Bitmap> => {
  const palette = medianCut(bitmap, colours);
  if (dither === 'none') return mapPixels(bitmap, palette, () => 0);
  if (dither === 'floyd-steinberg') return diffuse(bitmap, palette);
  const side = Number(/^bayer-(2|4|8|16)$/u.exec(dither)?.[1]);
  if (Number.isNaN(side)) throw new NodeFailure('UnboundLocalError', `unknown dither: ${dither}`);
  const pattern = bayer(side);
  const spread = 512 / palette.length;
  return mapPixels(bitmap, palette, (x, y) => spread * pattern(x, y) + 0.5);
};
