import sharp from 'sharp';
import { PythonError } from '../python.ts';

/** `preview=webp;90`: any other format is webp, and so is everything when `channel` holds an `a` (http/view). */
export async function previewPicture(file: string, preview: string, channel: string): Promise<{ bytes: Buffer; format: 'webp' | 'jpeg' }> {
  const parts = preview.split(';');
  const format = parts[0] === 'jpeg' && !channel.includes('a') ? 'jpeg' : 'webp';
  const last = parts.at(-1) ?? '';
  const quality = /^\d+$/.test(last) ? Number(last) : 90;
  if (quality > 100) throw new PythonError('ValueError', 'invalid quality');
  const picture = sharp(file);
  const opaque = format === 'jpeg' || channel === 'rgb' ? picture.removeAlpha() : picture;
  const encoded = format === 'jpeg' ? opaque.jpeg({ quality: Math.max(1, quality) }) : opaque.webp({ quality: Math.max(1, quality) });
  return { bytes: await encoded.toBuffer(), format };
}

/** `channel=rgb`: without alpha. `channel=a`: a black picture with nothing but the alpha, opaque if there was none. */
export async function channelPng(file: string, channel: 'rgb' | 'a'): Promise<Buffer> {
  if (channel === 'rgb') return sharp(file).toColourspace('srgb').removeAlpha().png().toBuffer();
  const { data, info } = await sharp(file).toColourspace('srgb').ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  for (let at = 0; at < data.length; at += 4) data.fill(0, at, at + 3);
  return sharp(data, { raw: { width: info.width, height: info.height, channels: 4 } }).png().toBuffer();
}
