import type { Batch, Picture } from '../../node.ts';

/** A frame from rows of bytes: `gray([[0, 255]])` is 2 x 1 with three equal channels. */
export const gray = (rows: readonly (readonly number[])[]): Picture => {
  const bytes = rows.flatMap((row) => row.flatMap((value) => [value, value, value]));
  return { width: rows[0]?.length ?? 0, height: rows.length, channels: 3, data: Float32Array.from(bytes, (byte) => byte / 255) };
};

/** A mask from rows of values 0..1. */
export const maskOf = (rows: readonly (readonly number[])[]): Picture => ({
  width: rows[0]?.length ?? 0,
  height: rows.length,
  channels: 1,
  data: Float32Array.from(rows.flat()),
});

/** One channel of a frame as rows, in 0..255 rounded to two places. */
export const rowsOf = (picture: Picture | undefined, channel = 0): number[][] => {
  if (!picture) return [];
  const { width, height, channels, data } = picture;
  const value = (x: number, y: number): number => Math.round((data[(y * width + x) * channels + channel] ?? 0) * 25500) / 100;
  return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_unused, x) => value(x, y)));
};

/** Width, height and number of frames. */
export const sizeOf = (batch: Batch): number[] => [batch[0]?.width ?? 0, batch[0]?.height ?? 0, batch.length];
