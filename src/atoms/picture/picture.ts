import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Sharp } from 'sharp';
import { fail, failedWith, reasonOf } from '../../core/errors.ts';

export interface PictureChange {
  readonly format: 'webp' | 'jpeg' | 'png' | 'avif' | undefined;
  readonly quality: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
}

/** Pixels of a picture that is opened at all: a small file may unfold to gigabytes. */
const MAX_PIXELS = 100_000_000;
/** Bytes of a picture that is opened at all: sharp holds what it is fed until it has all of it. */
const MAX_BYTES = 128 * 1024 * 1024;
/** Seconds that sharp may work on one picture. */
const MAX_SECONDS = 60;

/**
 * Re-encodes a picture through sharp, which is loaded on first use. Fits into width and height, never enlarges, turns it as
 * its EXIF says; of a moving picture the first frame. Throws UNSUPPORTED_MEDIA_TYPE for what is no picture,
 * PAYLOAD_TOO_LARGE for too many bytes or pixels, and what the source fails with. The source is destroyed in any case.
 */
export async function convertPicture(source: Readable, change: PictureChange, signal: AbortSignal): Promise<{ bytes: Buffer; contentType: string }> {
  // A source that fails before sharp is there to hear of it must not end the process.
  source.on('error', () => undefined);
  try {
    const picture = await open(change);
    return await encoded(source, picture, signal);
  } finally {
    source.destroy();
  }
}

async function encoded(source: Readable, picture: Sharp, signal: AbortSignal): Promise<{ bytes: Buffer; contentType: string }> {
  try {
    await pipeline(source, bounded, picture, { signal });
    const { data, info } = await picture.toBuffer({ resolveWithObject: true });
    return { bytes: data, contentType: `image/${info.format === 'heif' ? 'avif' : info.format}` };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw failedWith(error) || error === source.errored ? error : translated(error);
  }
}

async function open({ format, quality, width, height }: PictureChange): Promise<Sharp> {
  const { default: sharp } = await import('sharp');
  sharp.cache(false);
  const picture = sharp({ limitInputPixels: MAX_PIXELS, sequentialRead: true }).autoOrient().timeout({ seconds: MAX_SECONDS });
  if (width !== undefined || height !== undefined) picture.resize(width ?? null, height ?? null, { fit: 'inside', withoutEnlargement: true });
  if (format !== undefined) picture.toFormat(format, quality === undefined || format === 'png' ? {} : { quality });
  else if (quality !== undefined) picture.jpeg({ quality, force: false }).webp({ quality, force: false }).avif({ quality, force: false });
  return picture;
}

async function* bounded(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > MAX_BYTES) throw fail('PAYLOAD_TOO_LARGE', `the file has more than ${MAX_BYTES} bytes and is not converted; fetch it as it is.`);
    yield chunk;
  }
}

/** What sharp says about a picture that it does not like has many words. */
function translated(error: unknown): Error {
  const reason = reasonOf(error);
  if (/pixel limit/i.test(reason)) return fail('PAYLOAD_TOO_LARGE', `the picture has more than ${MAX_PIXELS} pixels and is not converted; fetch it as it is.`, { cause: error });
  if (/timeout: \d+%/i.test(reason)) return fail('TASK_TIMEOUT', `the picture was not converted within ${MAX_SECONDS} seconds.`, { cause: error });
  return fail('UNSUPPORTED_MEDIA_TYPE', 'the file is not a picture that can be converted; fetch it as it is.', { cause: error });
}
