import type { Readable } from 'node:stream';
import { fail, reasonOf } from '../../core/errors.ts';

export interface PictureChange {
  readonly format: 'webp' | 'jpeg' | 'png' | 'avif' | undefined;
  readonly quality: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
}

/** Pixels of a picture that is opened at all: a small file may unfold to gigabytes. */
const MAX_PIXELS = 100_000_000;

/**
 * Re-encodes a picture through sharp, which is loaded on first use. Fits into width and height, never enlarges, turns it as
 * its EXIF says. Throws UNSUPPORTED_MEDIA_TYPE for what is no picture, PAYLOAD_TOO_LARGE for too many pixels.
 */
export async function convertPicture(source: Readable, change: PictureChange, signal: AbortSignal): Promise<{ bytes: Buffer; contentType: string }> {
  const { default: sharp } = await import('sharp');
  sharp.cache(false);
  const pipeline = sharp({ limitInputPixels: MAX_PIXELS, sequentialRead: true }).autoOrient();
  if (change.width !== undefined || change.height !== undefined) pipeline.resize(change.width ?? null, change.height ?? null, { fit: 'inside', withoutEnlargement: true });
  if (change.format !== undefined) pipeline.toFormat(change.format, change.quality === undefined || change.format === 'png' ? {} : { quality: change.quality });
  const stop = (): void => void source.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  signal.addEventListener('abort', stop, { once: true });
  source.on('error', (error) => pipeline.destroy(error));
  try {
    signal.throwIfAborted();
    source.pipe(pipeline);
    const { data, info } = await pipeline.toBuffer({ resolveWithObject: true });
    return { bytes: data, contentType: `image/${info.format === 'heif' ? 'avif' : info.format}` };
  } catch (error) {
    throw translated(error, signal);
  } finally {
    signal.removeEventListener('abort', stop);
    source.destroy();
    pipeline.destroy();
  }
}

function translated(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const reason = reasonOf(error);
  if (/pixel limit/i.test(reason)) return fail('PAYLOAD_TOO_LARGE', `the picture has more than ${MAX_PIXELS} pixels and is not converted; fetch it as it is.`, { cause: error });
  if (/unsupported image format|bad seek|corrupt|premature end|Input (file|buffer)/i.test(reason)) return fail('UNSUPPORTED_MEDIA_TYPE', 'the file is not a picture that can be converted; fetch it as it is.', { cause: error });
  return error;
}
