import type { Readable } from 'node:stream';
import pLimit, { type LimitFunction } from 'p-limit';
import { convertPicture } from '../../atoms/picture/picture.ts';
import { fail } from '../../core/errors.ts';
import type { Conversion } from '../../models/file.ts';

/** Conversions that run and that wait; beyond that callers are sent away. */
const RUNNING = 2;
const WAITING = 64;

/** Converts pictures, a few at a time. */
export class Converter {
  readonly #limit: LimitFunction = pLimit(RUNNING);

  /** `open` is called when its turn has come. Throws QUEUE_FULL, UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, or why `signal` fired. */
  async convert(open: () => Promise<Readable>, conversion: Conversion, signal: AbortSignal): Promise<{ bytes: Buffer; contentType: string }> {
    if (this.#limit.pendingCount >= WAITING) throw fail('QUEUE_FULL', `${WAITING} conversions wait already.`, { retryAfter: 2 });
    return this.#limit(async () => {
      signal.throwIfAborted();
      return convertPicture(await open(), conversion, signal);
    });
  }
}

/** Whether anything is to be converted at all. */
export function wanted(conversion: Conversion): boolean {
  return conversion.format !== undefined || conversion.width !== undefined || conversion.height !== undefined || conversion.quality !== undefined;
}
