import type { Readable } from 'node:stream';
import { failedWith } from '../../core/errors.ts';
import type { OpenSource } from './open.ts';

/** Opens the same bytes elsewhere, from `position` on. */
export type Elsewhere = (position: number, signal: AbortSignal) => Promise<Readable>;

/** A source whose bytes come from elsewhere once the disk has failed it, so that its reader notices nothing. It must be read from front to back. */
export function rescued(source: OpenSource, elsewhere: Elsewhere): OpenSource {
  let rest: Rest | undefined;
  return {
    read: async (buffer, position, signal) => {
      if (rest) return rest.read(buffer);
      try {
        return await source.read(buffer, position, signal);
      } catch (error) {
        if (!failedWith(error, 'FILE_OPERATION_ERROR')) throw error;
        rest = new Rest(await elsewhere(position, signal));
        return rest.read(buffer);
      }
    },
    close: async () => {
      rest?.close();
      await source.close();
    },
  };
}

/** A stream that is read into buffers. */
class Rest {
  readonly #body: Readable;
  readonly #chunks: AsyncIterator<unknown>;
  #left: Buffer = Buffer.alloc(0);

  constructor(body: Readable) {
    this.#body = body;
    this.#chunks = body[Symbol.asyncIterator]();
  }

  /** How many bytes; 0 at the end. */
  async read(buffer: Buffer): Promise<number> {
    while (this.#left.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return 0;
      this.#left = Buffer.isBuffer(next.value) ? next.value : Buffer.from(String(next.value));
    }
    const count = this.#left.copy(buffer);
    this.#left = this.#left.subarray(count);
    return count;
  }

  close(): void {
    this.#body.on('error', () => undefined).destroy();
  }
}
