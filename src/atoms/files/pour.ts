import type { Writable } from 'node:stream';
import { fail } from '../../core/errors.ts';

/** Bytes on disk, or on their way there. */
export interface Source {
  /** Fills `buffer` with what is there from `position` on, waiting for the first byte. Resolves with how many bytes; 0 when there are no more. */
  read(buffer: Buffer, position: number, signal: AbortSignal): Promise<number>;
}

/** Bytes `start` to `end`, both included; of an empty file `end` is before `start`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Bytes of one read. More is no faster. */
const CHUNK = 256 * 1024;

/**
 * Writes that part of `source` at the pace of `into`, and ends it. Two buffers take turns, one being filled while the other is
 * sent: a stream of node takes new memory for every chunk, which costs twice as much as reading and sending do.
 * Rejects when the source fails or ends too early, when `into` is closed, and when `signal` fires; `into` is destroyed then.
 */
export async function pour(source: Source, { start, end }: Span, { into, signal }: { readonly into: Writable; readonly signal: AbortSignal }): Promise<void> {
  const stop = (): void => void into.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    let sending = Promise.resolve();
    const size = Math.max(0, Math.min(CHUNK, end - start + 1));
    const buffers = [Buffer.allocUnsafeSlow(size)];
    for (let position = start, turn = 0; position <= end; turn += 1) {
      const buffer = (buffers[turn % 2] ??= Buffer.allocUnsafeSlow(size));
      const count = await source.read(buffer.subarray(0, Math.min(size, end - position + 1)), position, signal);
      if (count === 0) throw fail('FILE_OPERATION_ERROR', 'a file is shorter than it was.');
      await sending;
      sending = sent(into, buffer.subarray(0, count));
      sending.catch(() => undefined);
      position += count;
    }
    await sending;
    into.end();
  } catch (error) {
    into.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Resolves when the bytes are with the operating system: their buffer may be used again. */
function sent(into: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(fail('CONNECTION_ERROR', 'the reader went away.'));
    if (into.destroyed) return onClose();
    into.once('close', onClose);
    into.write(bytes, (error) => {
      into.off('close', onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}
