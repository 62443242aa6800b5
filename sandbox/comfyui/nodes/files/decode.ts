import type { Metadata } from 'sharp';
import sharp from 'sharp';
import { NodeFailure } from '../../node.ts';
import { assertFits } from '../pictures/budget.ts';
import type { Bitmap, Channels } from '../pictures/picture.ts';

/** What Pillow opens too. Vector formats are left out on purpose: they can name other files. */
const FORMATS: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']);

/** A decoded file: frames of equal size, 3 or 4 channels. */
export interface Decoded {
  readonly frames: readonly Bitmap[];
}

const unidentified = (file: string): NodeFailure => new NodeFailure('PIL.UnidentifiedImageError', `cannot identify image file '${file}'`);

const metadataOf = async (file: string): Promise<Metadata> => {
  const metadata = await sharp(file, { limitInputPixels: false }).metadata().catch(() => undefined);
  if (!metadata || !FORMATS.has(metadata.format)) throw unidentified(file);
  return metadata;
};

const framesOf = (data: Buffer, size: { width: number; height: number; channels: Channels }, count: number): Bitmap[] => {
  const { width, height, channels } = size;
  const bytes = width * height * channels;
  return Array.from({ length: count }, (_, i) => ({ width, height, channels, data: data.subarray(i * bytes, (i + 1) * bytes) }));
};

/** Decodes a picture file: all frames of GIF and WebP, upright by its EXIF orientation, colours as stored. */
export const decode = async (file: string): Promise<Decoded> => {
  const metadata = await metadataOf(file);
  const count = metadata.format === 'heif' || metadata.format === 'tiff' ? 1 : (metadata.pages ?? 1);
  assertFits(metadata.width, metadata.pageHeight ?? metadata.height, count);
  const source = sharp(file, { pages: count, ignoreIcc: true, failOn: 'none', limitInputPixels: false });
  const upright = count === 1 ? source.autoOrient() : source;
  const { data, info } = await upright
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw new NodeFailure('OSError', `broken data stream when reading image file '${file}': ${cause instanceof Error ? cause.message : 'unreadable'}`);
    });
  const channels = info.channels === 4 ? 4 : 3;
  return { frames: framesOf(data, { width: info.width, height: info.height / count, channels }, count) };
};
