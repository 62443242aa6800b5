/** Which failures are worth another attempt, and when it is made. Pure. */
import type { ErrorCode } from '../../core/errors.ts';
import type { TaskAttempt } from '../../models/task.ts';

/** Nothing ran, or what ran is lost; the same task may succeed later. Everything else would only fail again. */
const AGAIN: readonly ErrorCode[] = ['CONNECTION_ERROR', 'UPSTREAM_ERROR', 'PROMPT_LOST', 'RATE_LIMITED', 'QUEUE_FULL', 'QUEUE_OPERATION_ERROR', 'INTERNAL_ERROR'];

/** Longest pause in milliseconds. */
const LONGEST = 60_000;

/** Whether a failure with that code, thrown before the engine had the job, is worth another attempt. FILE_OPERATION_ERROR is where the disk is at fault. */
export function isTransient({ code, status, retryable }: { readonly code: ErrorCode; readonly status?: number; readonly retryable?: boolean }): boolean {
  // It was tried as often as is worth it where it failed: a file that a caller names by URL.
  if (retryable === false && (code === 'CONNECTION_ERROR' || code === 'UPSTREAM_ERROR')) return false;
  return AGAIN.includes(code) || (code === 'FILE_OPERATION_ERROR' && status !== undefined && status >= 500);
}

/** Attempts of that step that failed and count, the one that just failed not among them. `from`: those up to this number were made before somebody had the task tried anew. */
export function failedBefore(attempts: readonly TaskAttempt[], step: string, from: number): number {
  return attempts.filter((one) => one.attempt > from && one.outcome === 'failed' && (one.step ?? '') === step).length;
}

/** Milliseconds before the next attempt: doubling, jittered by half, and no sooner than whoever refused asked for. */
export function pauseBefore(failures: number, { first, random, retryAfter }: { readonly first: number; readonly random: number; readonly retryAfter: number | undefined }): number {
  const pause = Math.min(first * 2 ** Math.max(0, failures - 1), Math.max(LONGEST, first)) * (0.5 + random / 2);
  return Math.round(Math.max(pause, Math.min((retryAfter ?? 0) * 1_000, LONGEST)));
}

/** Instances that failed earlier attempts of this step. */
export function failedInstances(attempts: readonly TaskAttempt[], step: string): string[] {
  return [...new Set(attempts.filter((one) => one.outcome === 'failed' && (one.step ?? '') === step).flatMap((one) => one.instance ?? []))];
}
