import { setImmediate as turn } from 'node:timers/promises';
import { isFull, isLocked } from '../../atoms/sqlite/sqlite.ts';
import { fail, failedWith, reasonOf } from '../../core/errors.ts';

/** Rows touched in one go: statements stay below every limit on parameters, and the event loop gets its turns. */
export const batchSize = 500;

/** Does `work` on the database; what the database refuses becomes INTERNAL_ERROR that says what could not be done. */
export async function kept<T>(deed: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (failedWith(error)) throw error;
    throw fail('INTERNAL_ERROR', `the database could not ${deed} (${reasonOf(error)}).`, { cause: error, ...passing(error) });
  }
}

/** Seconds after which a call that the database did not take may be made again. */
const LATER = 5;

/** What may be told of a failure that passes: the caller is not at fault, and nothing was changed. */
function passing(error: unknown): { status?: number; retryable?: boolean; retryAfter?: number; told?: string } {
  const told = isFull(error) ? 'the disk of the database is full' : isLocked(error) ? 'the database is busy' : undefined;
  return told === undefined ? {} : { status: 503, retryable: true, retryAfter: LATER, told };
}

/** Calls `step` until it answers 0, with a turn of the event loop in between. Answers the sum. */
export async function inBatches(step: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (let count = await step(); count > 0; count = await step()) {
    sum += count;
    await turn();
  }
  return sum;
}

export function* batchesOf<T>(items: readonly T[]): Generator<readonly T[], void> {
  for (let start = 0; start < items.length; start += batchSize) yield items.slice(start, start + batchSize);
}

/** What `work` answers for each batch, with a turn of the event loop in between. */
export async function eachBatch<T, R>(items: readonly T[], work: (batch: readonly T[]) => Promise<readonly R[]>): Promise<R[]> {
  const found: R[] = [];
  for (const [n, batch] of [...batchesOf(items)].entries()) {
    if (n > 0) await turn();
    found.push(...(await work(batch)));
  }
  return found;
}
