import type { Caller } from '../models/caller.ts';
import type { DeleteAnswer, QueueStatus } from '../models/queue.ts';
import { fail } from '../core/errors.ts';

export class QueueCoordinator {
  async status(_caller: Caller, _signal: AbortSignal): Promise<QueueStatus> { throw fail('INTERNAL_ERROR', 'not wired'); }
  /** Removes the caller's pending prompts everywhere. Answers how many. */
  async clear(_caller: Caller, _signal: AbortSignal): Promise<number> { throw fail('INTERNAL_ERROR', 'not wired'); }
  async delete(_caller: Caller, _promptIds: readonly string[], _signal: AbortSignal): Promise<DeleteAnswer> { throw fail('INTERNAL_ERROR', 'not wired'); }
}
