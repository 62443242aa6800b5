import type { Readable } from 'node:stream';
import { convertPicture } from '../../atoms/picture/picture.ts';
import type { Conversion } from '../../models/file.ts';
import { Turns } from './turns.ts';

/** Conversions that run and that wait; beyond that callers are sent away. */
const BOUNDS = { atOnce: 2, waiting: 64 } as const;

/** Converts pictures, a few at a time. */
export class Converter {
  readonly #turns: Turns;

  constructor(bounds: { readonly atOnce: number; readonly waiting: number } = BOUNDS) {
    this.#turns = new Turns(bounds);
  }

  /**
   * `open` is called when its turn has come. Throws QUEUE_FULL, UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, what the stream
   * fails with, or why `signal` fired.
   */
  async convert(open: () => Promise<Readable>, conversion: Conversion, signal: AbortSignal): Promise<{ bytes: Buffer; contentType: string }> {
    return this.#turns.take(async () => convertPicture(await open(), conversion, signal), signal);
  }
}

/** Whether anything is to be converted at all. */
export function wanted(conversion: Conversion): boolean {
  return conversion.format !== undefined || conversion.width !== undefined || conversion.height !== undefined || conversion.quality !== undefined;
}
