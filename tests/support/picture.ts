import { randomBytes } from 'node:crypto';
import sharp from 'sharp';
import { fresh } from './graphs.ts';

/** A PNG that nobody handed over before. */
export async function png({ width = 8, height = 8, colour = fresh() }: { width?: number; height?: number; colour?: number } = {}): Promise<Buffer> {
  const background = { r: colour >> 16, g: (colour >> 8) & 255, b: colour & 255 };
  return sharp({ create: { width, height, channels: 3, background } }).png().toBuffer();
}

/** A PNG that does not compress. */
export async function noisyPng(size = 512): Promise<Buffer> {
  return sharp(randomBytes(size * size * 3), { raw: { width: size, height: size, channels: 3 } }).png({ compressionLevel: 0 }).toBuffer();
}
