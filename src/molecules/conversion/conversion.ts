import type { Readable } from 'node:stream';
import { openPart } from '../../atoms/files/open.ts';
import { pourInto, scratch } from '../../atoms/files/scratch.ts';
import { removePartial } from '../../atoms/files/sweep.ts';
import { convertPicture } from '../../atoms/picture/picture.ts';
import { fail } from '../../core/errors.ts';
import type { Conversion, FileBody } from '../../models/file.ts';
import { Held, type Room } from './held.ts';
import { type Bounds, Turns } from './turns.ts';

type Made = Omit<Converted<ConversionSource>, 'source'>;

const MEBIBYTE = 1024 * 1024;
/** Two cores are busy with two conversions; a third turn is kept free for other keys. */
const BOUNDS: Bounds & Room = { atOnce: 3, perKey: 2, waiting: 64, waitingPerKey: 32, bytes: 2_048 * MEBIBYTE, bytesPerKey: 512 * MEBIBYTE };
/** Bytes of a file that is fetched to be converted. */
const MAX_BYTES = 256 * MEBIBYTE;

/** A picture to convert: a file of ours, or one that is on its way. */
export type ConversionSource = { readonly path: string } | { readonly body: Readable };

/** `body` must be poured or discarded. */
export interface Converted<S extends ConversionSource> {
  readonly source: S;
  readonly body: FileBody;
  readonly size: number;
  readonly contentType: string;
}

export interface ConversionOrder<S extends ConversionSource> {
  /** Whose share it is. */
  readonly key: string;
  /** Called when the turn has come. */
  readonly open: () => Promise<S>;
  readonly conversion: Conversion;
}

/** Converts pictures, a few at a time. Whatever is made lies on disk until it is fetched, so that slow readers hold no memory. */
export class Converter {
  readonly #turns: Turns;
  readonly #held: Held;
  readonly #folder: string;
  /** Once what an earlier process left is gone. */
  #clean: Promise<void> | undefined;

  /** `folder` is its own, for files that nobody sees. */
  constructor(folder: string, bounds: Bounds & Room = BOUNDS) {
    this.#folder = folder;
    this.#turns = new Turns(bounds);
    this.#held = new Held(bounds);
  }

  /**
   * Throws QUEUE_FULL, UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, TASK_TIMEOUT, FILE_OPERATION_ERROR, CONNECTION_ERROR when the
   * source breaks off, or why `signal` fired; what runs then cannot be stopped, and counts until it has ended.
   */
  async convert<S extends ConversionSource>({ key, open, conversion }: ConversionOrder<S>, signal: AbortSignal): Promise<Converted<S>> {
    const deed = async (): Promise<Converted<S>> => {
      this.#held.check(key);
      await (this.#clean ??= removePartial(this.#folder, Infinity, signal).catch(() => undefined));
      const source = await open();
      const made = await ('path' in source ? this.#convert(source.path, conversion) : this.#fetchAndConvert(source.body, conversion, signal));
      if (!signal.aborted) return { source, ...made, body: this.#held.count(key, made.size, made.body) };
      made.body.discard();
      throw signal.reason;
    };
    return this.#turns.take(key, deed, signal);
  }

  async #fetchAndConvert(body: Readable, conversion: Conversion, signal: AbortSignal): Promise<Made> {
    return scratch(this.#folder, async (path) => {
      await pourInto(path, body, { maxBytes: MAX_BYTES, signal }).catch((error: unknown) => {
        throw body.errored === error && !signal.aborted ? fail('CONNECTION_ERROR', 'the instance broke off while the file was fetched.', { cause: error }) : error;
      });
      return this.#convert(path, conversion);
    });
  }

  async #convert(from: string, conversion: Conversion): Promise<Made> {
    return scratch(this.#folder, async (to) => {
      const made = await convertPicture(from, to, conversion);
      const body = await openPart(to, { start: 0, end: made.size - 1 });
      if (!body) throw fail('FILE_OPERATION_ERROR', 'a converted picture vanished.');
      return { ...made, body };
    });
  }
}

/** Whether anything is to be converted at all. */
export function wanted(conversion: Conversion): boolean {
  return conversion.format !== undefined || conversion.width !== undefined || conversion.height !== undefined || conversion.quality !== undefined;
}
