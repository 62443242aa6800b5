import { failedWith, reasonOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';

/** Milliseconds: first and longest pause. */
const PAUSES = [200, 5_000] as const;

/**
 * Writes until the database takes it: what is known of a task must not be lost because a disk is full for a while. Throws
 * what is no failure of the database, and the reason of the signal.
 */
export async function persistently<T>(write: () => Promise<T>, parts: { readonly log: Logger; readonly sleep: (ms: number, signal: AbortSignal) => Promise<void> }, signal: AbortSignal): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await write();
    } catch (error) {
      if (!failedWith(error, 'INTERNAL_ERROR')) throw error;
      if (failures === 0) parts.log.error('what became of a task cannot be written; trying until it can', { reason: reasonOf(error) });
      await parts.sleep(Math.min(PAUSES[0] * 2 ** failures, PAUSES[1]), signal);
    }
  }
}
