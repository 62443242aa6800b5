import { fail } from '../../core/errors.ts';
import type { FileBody } from '../../models/file.ts';

export interface Room {
  /** Bytes, of all keys and of one. */
  readonly bytes: number;
  readonly bytesPerKey: number;
}

/** Seconds after which a caller who was sent away may try again. */
const LATER = 5;

/** What lies on disk until its readers have it: slow readers must not fill the disk. */
export class Held {
  readonly #room: Room;
  readonly #bytes = new Map<string, number>();

  constructor(room: Room) {
    this.#room = room;
  }

  /** Throws QUEUE_FULL while too much waits for its readers: 429 for the share of the key, 503 for all. */
  check(key: string): void {
    const all = this.#bytes.values().reduce((sum, bytes) => sum + bytes, 0);
    if (all >= this.#room.bytes) throw fail('QUEUE_FULL', 'too many converted pictures wait for their readers.', { retryAfter: LATER, status: 503 });
    if ((this.#bytes.get(key) ?? 0) >= this.#room.bytesPerKey) throw fail('QUEUE_FULL', 'too many converted pictures of this key wait for their readers.', { retryAfter: LATER });
  }

  /** Counts a body until it has been poured or discarded. */
  count(key: string, size: number, body: FileBody): FileBody {
    this.#change(key, size);
    let counted = true;
    const release = (): void => {
      if (counted) this.#change(key, -size);
      counted = false;
    };
    return {
      pour: (into, signal) => body.pour(into, signal).finally(release),
      discard: () => {
        body.discard();
        release();
      },
    };
  }

  #change(key: string, size: number): void {
    const bytes = (this.#bytes.get(key) ?? 0) + size;
    if (bytes > 0) this.#bytes.set(key, bytes);
    else this.#bytes.delete(key);
  }
}
