import type { Batch, Picture } from '../../node.ts';
import { NodeFailure } from '../../node.ts';
import { everyRow } from './rows.ts';

export type Channels = Picture['channels'];

/** 8-bit samples, row by row, channels interleaved. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly channels: Channels;
  readonly data: Uint8Array;
}

export interface Shape {
  readonly width: number;
  readonly height: number;
  readonly channels: Channels;
}

/** A frame of one value in every channel. */
export const filled = ({ width, height, channels }: Shape, value: number): Picture => {
  const data = new Float32Array(width * height * channels);
  return { width, height, channels, data: value === 0 ? data : data.fill(value) };
};

/** Byte to 0..1 and exactly back: `toBitmap(fromBitmap(b))` equals `b`. */
const UNIT = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

export const fromBitmap = async ({ width, height, channels, data }: Bitmap): Promise<Picture> => {
  const values = new Float32Array(width * height * channels);
  const row = width * channels;
  await everyRow(height, (y) => {
    for (let i = y * row; i < (y + 1) * row; i++) values[i] = UNIT[data[i] ?? 0] ?? 0;
  });
  return { width, height, channels, data: values };
};

/** 0..1 to a byte: clipped, then cut (0.999 becomes 254). NaN becomes 0. */
const toByte = (value: number): number => Math.min(255, Math.max(0, Math.fround(255 * value)));

/** The frame as 8-bit samples, in the way the save nodes write it. */
export const toBitmap = async ({ width, height, channels, data }: Picture): Promise<Bitmap> => {
  const bytes = new Uint8Array(data.length);
  const row = width * channels;
  await everyRow(height, (y) => {
    for (let i = y * row; i < (y + 1) * row; i++) bytes[i] = toByte(data[i] ?? 0);
  });
  return { width, height, channels, data: bytes };
};

/** A frame of the same shape, each sample computed from its index and value. */
export const mapped = async (picture: Picture, compute: (value: number, index: number) => number): Promise<Picture> => {
  const { width, height, channels, data } = picture;
  const values = new Float32Array(data.length);
  const row = width * channels;
  await everyRow(height, (y) => {
    for (let i = y * row; i < (y + 1) * row; i++) values[i] = compute(data[i] ?? 0, i);
  });
  return { width, height, channels, data: values };
};

/** A frame with other channels, each pixel's computed from its number (row by row). */
export const withChannels = async (
  { width, height }: Picture,
  channels: Channels,
  sample: (pixel: number, channel: number) => number,
): Promise<Picture> => {
  const values = new Float32Array(width * height * channels);
  await everyRow(height, (y) => {
    for (let i = y * width * channels; i < (y + 1) * width * channels; i++) values[i] = sample(Math.trunc(i / channels), i % channels);
  });
  return { width, height, channels, data: values };
};

/** Applies `change` to every frame in order; a frame that occurs several times is computed once. */
export const eachFrame = async (batch: Batch, change: (frame: Picture) => Picture | Promise<Picture>): Promise<Picture[]> => {
  const done = new Map<Picture, Picture>();
  const frames: Picture[] = [];
  for (const frame of batch) {
    const result = done.get(frame) ?? (await change(frame));
    done.set(frame, result);
    frames.push(result);
  }
  return frames;
};

/** The first frame, whose size speaks for the batch. An empty batch is refused. */
export const firstOf = (batch: Batch): Picture => {
  const [first] = batch;
  if (!first) throw new NodeFailure('RuntimeError', 'expected a non-empty batch of pictures');
  return first;
};

export const sameSize = (a: Picture, b: Picture): boolean => a.width === b.width && a.height === b.height;
