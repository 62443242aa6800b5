import type { Metadata, Sharp } from 'sharp';
import { fail, failedWith, reasonOf } from '../../core/errors.ts';

export interface PictureChange {
  readonly format: 'webp' | 'jpeg' | 'png' | 'avif' | undefined;
  readonly quality: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
}

/** Pixels of a picture that is opened at all: a small file may unfold to gigabytes. 50 million take up to 0.5 GB. */
const MAX_PIXELS = 50_000_000;
/** Pixels of what is made, by format: an AVIF of 8.4 million takes 0.3 GB and 1 s, a WebP of 33.6 million 0.3 GB and 10 s. */
const MAX_MADE: Readonly<Record<string, number>> = { avif: 2 ** 23, webp: 2 ** 25 };
/** Seconds that sharp may work on one picture. */
const MAX_SECONDS = 60;
/** Of 0 to 9. Each step up takes twice the time for a few percent of the size. */
const AVIF_EFFORT = 0;

const KEPT = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const;
type Format = (typeof KEPT)[number];

/**
 * Re-encodes a picture file into another through sharp, which is loaded on first use; neither is held in memory as a file. Fits
 * into width and height, never enlarges, turns it as its EXIF says; of a moving picture the first frame. Throws
 * UNSUPPORTED_MEDIA_TYPE for what is no picture, PAYLOAD_TOO_LARGE for too many pixels, TASK_TIMEOUT, IMAGE_NOT_FOUND, and
 * FILE_OPERATION_ERROR when the result cannot be written. It cannot be stopped: whoever counts what runs counts it until this settles.
 */
export async function convertPicture(from: string, to: string, change: PictureChange): Promise<{ size: number; contentType: string }> {
  const { default: sharp } = await import('sharp');
  sharp.cache(false);
  try {
    const picture = sharp(from, { limitInputPixels: MAX_PIXELS, sequentialRead: true });
    const found = await picture.metadata();
    const format = change.format ?? formatOf(found);
    check(found, change, format);
    const { size } = await changed(picture, change, format).toFile(to);
    return { size, contentType: `image/${format}` };
  } catch (error) {
    throw failedWith(error) ? error : translated(error);
  }
}

/** What cannot be made becomes a PNG. */
function formatOf({ format }: Metadata): Format {
  return format === 'heif' ? 'avif' : (KEPT.find((known) => known === format) ?? 'png');
}

function check(found: Metadata, { width = Infinity, height = Infinity }: PictureChange, format: Format): void {
  const { width: across, height: down } = found.autoOrient;
  if (across * down > MAX_PIXELS) throw fail('PAYLOAD_TOO_LARGE', `the picture has more than ${MAX_PIXELS} pixels and is not converted; fetch it as it is.`);
  const scale = Math.min(1, width / across, height / down);
  const most = MAX_MADE[format] ?? MAX_PIXELS;
  if (across * down * scale ** 2 > most) throw fail('PAYLOAD_TOO_LARGE', `a picture of ${across} x ${down} is too large for ${format}, which is made of up to ${most} pixels; give a smaller width or height, or take another format.`);
}

function changed(picture: Sharp, { quality, width, height }: PictureChange, format: Format): Sharp {
  const sized = width === undefined && height === undefined ? picture : picture.resize(width ?? null, height ?? null, { fit: 'inside', withoutEnlargement: true });
  const lossy = quality === undefined || format === 'png' || format === 'gif' ? {} : { quality };
  return sized.autoOrient().toFormat(format, format === 'avif' ? { ...lossy, effort: AVIF_EFFORT } : lossy).timeout({ seconds: MAX_SECONDS });
}

/** What sharp says about a picture that it does not like has many words. */
function translated(error: unknown): Error {
  const reason = reasonOf(error);
  if (/pixel limit/i.test(reason)) return fail('PAYLOAD_TOO_LARGE', `the picture has more than ${MAX_PIXELS} pixels and is not converted; fetch it as it is.`, { cause: error });
  if (/timeout: \d+%/i.test(reason)) return fail('TASK_TIMEOUT', `the picture was not converted within ${MAX_SECONDS} seconds.`, { cause: error });
  if (/write error|unable to open for write/i.test(reason)) return fail('FILE_OPERATION_ERROR', 'the disk refused a converted picture.', { cause: error });
  if (/file is missing/i.test(reason)) return fail('IMAGE_NOT_FOUND', 'the file went away before it was converted.', { cause: error });
  return fail('UNSUPPORTED_MEDIA_TYPE', 'the file is not a picture that can be converted; fetch it as it is.', { cause: error });
}
