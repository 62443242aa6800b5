import type { Picture } from '../../node.ts';
import { cut } from './place.ts';
import { areaTaps, bicubicTaps, bilinearTaps, nearestTaps, type Taps } from './taps.ts';
import { lanczos } from './lanczos.ts';
import { everyRow } from './rows.ts';

/** Methods of the scaling nodes. `bislerp` of latents is answered with `bicubic` by the caller. */
export const METHODS = ['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos'] as const;
export type Method = (typeof METHODS)[number];

export const isMethod = (name: string): name is Method => METHODS.some((method) => method === name);

export interface Target {
  readonly width: number;
  readonly height: number;
  readonly method: Method;
}

const TAPS: Readonly<Record<Exclude<Method, 'lanczos'>, (from: number, to: number) => Taps>> = {
  'nearest-exact': nearestTaps,
  bilinear: bilinearTaps,
  area: areaTaps,
  bicubic: bicubicTaps,
};

/** Weighs rows of `line` samples: the vertical pass. */
const down = async (picture: Picture, height: number, taps: Taps): Promise<Picture> => {
  const { width, channels, data } = picture;
  const line = width * channels;
  const values = new Float32Array(height * line);
  await everyRow(height, (y) => {
    for (const [source, weight] of taps[y] ?? []) {
      for (let i = 0; i < line; i++) values[y * line + i] = (values[y * line + i] ?? 0) + weight * (data[source * line + i] ?? 0);
    }
  });
  return { width, height, channels, data: values };
};

/** Weighs pixels within each row: the horizontal pass. */
const across = async (picture: Picture, width: number, taps: Taps): Promise<Picture> => {
  const { height, channels, data } = picture;
  const values = new Float32Array(height * width * channels);
  await everyRow(height, (y) => {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * channels;
      for (const [source, weight] of taps[x] ?? []) {
        const from = (y * picture.width + source) * channels;
        for (let channel = 0; channel < channels; channel++) values[at + channel] = (values[at + channel] ?? 0) + weight * (data[from + channel] ?? 0);
      }
    }
  });
  return { width, height, channels, data: values };
};

/** The whole frame at another size. */
export const resampled = async (picture: Picture, { width, height, method }: Target): Promise<Picture> => {
  if (picture.width === width && picture.height === height) return picture;
  if (method === 'lanczos') return lanczos(picture, width, height);
  const taps = TAPS[method];
  return down(await across(picture, width, taps(picture.width, width)), height, taps(picture.height, height));
};

/** Python's round(): halves go to the even neighbour. */
export const roundEven = (value: number): number => {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
};

/** The middle part of a frame that has the target's proportions. */
const centred = (picture: Picture, { width, height }: Target): Picture => {
  const have = picture.width / picture.height;
  const want = width / height;
  const x = have > want ? roundEven((picture.width - picture.width * (want / have)) / 2) : 0;
  const y = have < want ? roundEven((picture.height - picture.height * (have / want)) / 2) : 0;
  if (x === 0 && y === 0) return picture;
  return cut(picture, { x, y, width: picture.width - 2 * x, height: picture.height - 2 * y });
};

/** The frame at another size; `crop` "center" keeps proportions and cuts, anything else stretches. */
export const scaled = (picture: Picture, target: Target & { readonly crop: string }): Promise<Picture> =>
  resampled(target.crop === 'center' ? centred(picture, target) : picture, target);

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A side of 0 follows from the other one by proportion; both 0 leave the size as it is. */
export const targetSize = (from: Size, wanted: Size): Size => {
  if (wanted.width === 0 && wanted.height === 0) return { width: from.width, height: from.height };
  const { width, height } = wanted;
  return {
    width: width === 0 ? Math.max(1, roundEven((from.width * height) / from.height)) : width,
    height: height === 0 ? Math.max(1, roundEven((from.height * width) / from.width)) : height,
  };
};
