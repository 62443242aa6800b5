import type { Picture } from '../../node.ts';
import { fromBitmap, toBitmap, type Bitmap } from './picture.ts';
import { everyRow } from './rows.ts';

/** Lobes on each side of the kernel. */
const SUPPORT = 3;

/** Weights are whole numbers of this unit, so that every machine rounds alike. */
const UNIT = 2 ** 22;

interface Window {
  readonly start: number;
  readonly weights: Int32Array;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const kernel = (x: number): number => (Math.abs(x) < SUPPORT ? sinc(x) * sinc(x / SUPPORT) : 0);

/** For every output place the run of input places under the kernel, which widens when shrinking. */
const windowsOf = (from: number, to: number): Window[] => {
  const ratio = from / to;
  const widening = Math.max(1, ratio);
  const reach = SUPPORT * widening;
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * ratio;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: end - start }, (_unused, i) => kernel((start + i - centre + 0.5) / widening));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { start, weights: Int32Array.from(raw, (weight) => Math.trunc((weight / sum) * UNIT + (weight < 0 ? -0.5 : 0.5))) };
  });
};

interface Walk {
  readonly windows: readonly Window[];
  /** Samples between neighbours along the scaled axis. */
  readonly stride: number;
  /** Index of the first input sample and of the output sample for a place and a lane beside it. */
  readonly from: (lane: number) => number;
  readonly to: (place: number, lane: number) => number;
  readonly lanes: number;
}

/** One pass along one axis, rounded and clipped to bytes. */
const pass = async (source: Uint8Array, target: Uint8Array, { windows, stride, from, to, lanes }: Walk): Promise<void> => {
  await everyRow(windows.length, (place) => {
    const { start, weights } = windows[place] ?? { start: 0, weights: new Int32Array() };
    for (let lane = 0; lane < lanes; lane++) {
      let sum = UNIT / 2;
      const first = from(lane) + start * stride;
      for (let i = 0; i < weights.length; i++) sum += (source[first + i * stride] ?? 0) * (weights[i] ?? 0);
      target[to(place, lane)] = Math.min(255, Math.max(0, Math.floor(sum / UNIT)));
    }
  });
};

const across = async (bitmap: Bitmap, width: number): Promise<Bitmap> => {
  const { height, channels } = bitmap;
  const data = new Uint8Array(width * height * channels);
  const row = (lane: number): number => Math.trunc(lane / channels);
  await pass(bitmap.data, data, {
    windows: windowsOf(bitmap.width, width),
    stride: channels,
    lanes: height * channels,
    from: (lane) => row(lane) * bitmap.width * channels + (lane % channels),
    to: (place, lane) => (row(lane) * width + place) * channels + (lane % channels),
  });
  return { width, height, channels, data };
};

const down = async (bitmap: Bitmap, height: number): Promise<Bitmap> => {
  const { width, channels } = bitmap;
  const line = width * channels;
  const data = new Uint8Array(line * height);
  await pass(bitmap.data, data, {
    windows: windowsOf(bitmap.height, height),
    stride: line,
    lanes: line,
    from: (lane) => lane,
    to: (place, lane) => place * line + lane,
  });
  return { width, height, channels, data };
};

/** a x b / 255, rounded, for bytes. */
const timesShare = (a: number, b: number): number => {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
};

/** Colours weighted by their alpha, or back; transparent pixels must not bleed into their neighbours. */
const alphaWeighted = (bitmap: Bitmap, weigh: (value: number, alpha: number) => number): Bitmap => {
  if (bitmap.channels !== 4) return bitmap;
  const data = bitmap.data.map((value, i, all) => (i % 4 === 3 ? value : weigh(value, all[i - (i % 4) + 3] ?? 0)));
  return { ...bitmap, data };
};

/** Lanczos-3 on bytes, across first, then down, as Pillow does it: the frame is cut to 8 bits per channel. */
export const lanczos = async (picture: Picture, width: number, height: number): Promise<Picture> => {
  const start = alphaWeighted(await toBitmap(picture), timesShare);
  const wide = start.width === width ? start : await across(start, width);
  const done = wide.height === height ? wide : await down(wide, height);
  return fromBitmap(alphaWeighted(done, (value, alpha) => (alpha === 0 ? value : Math.min(255, Math.trunc((255 * value) / alpha)))));
};
