import { describe, expect, it } from 'vitest';
import type { TaskAttempt } from '../../models/task.ts';
import { failedBefore, failedInstances, isTransient, pauseBefore } from './retry-rule.ts';

const attempt = (n: number, over: Partial<TaskAttempt> = {}): TaskAttempt => ({ attempt: n, engine: 'comfyui', started_at: n, outcome: 'failed', ...over });

describe('whether another attempt is worth it', () => {
  it.each(['CONNECTION_ERROR', 'UPSTREAM_ERROR', 'PROMPT_LOST', 'RATE_LIMITED', 'QUEUE_FULL', 'QUEUE_OPERATION_ERROR', 'INTERNAL_ERROR'] as const)('%s may pass', (code) => {
    expect(isTransient({ code })).toBe(true);
  });

  it.each(['WORKFLOW_VALIDATION_ERROR', 'WORKFLOW_EXECUTION_ERROR', 'VALIDATION_ERROR', 'IMAGE_NOT_FOUND', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'ENGINE_NOT_REGISTERED', 'TASK_TIMEOUT'] as const)('%s would come again', (code) => {
    expect(isTransient({ code })).toBe(false);
  });

  it('a file operation may pass where the disk is at fault, not where the name is', () => {
    expect([500, 507, 400, undefined].map((status) => isTransient({ code: 'FILE_OPERATION_ERROR', ...(status === undefined ? {} : { status }) }))).toEqual([true, true, false, false]);
  });
});

describe('attempts that count', () => {
  it('are those of the same step that failed, since somebody had the task tried anew', () => {
    const attempts = [attempt(1, { step: 'a' }), attempt(2, { step: 'b' }), attempt(3, { step: 'a', outcome: 'abandoned' }), attempt(4, { step: 'a', outcome: 'cancelled' }), attempt(5, { step: 'a' }), attempt(6)];
    expect([failedBefore(attempts, 'a', 0), failedBefore(attempts, 'a', 1), failedBefore(attempts, 'b', 0), failedBefore(attempts, '', 0), failedBefore([], '', 0)]).toEqual([2, 1, 1, 1, 0]);
  });

  it('name the instances to be avoided, each once', () => {
    const attempts = [attempt(1, { instance: 'a:1' }), attempt(2, { instance: 'b:1', outcome: 'abandoned' }), attempt(3, { instance: 'a:1' }), attempt(4, { instance: 'c:1', step: 'x' }), attempt(5)];
    expect(failedInstances(attempts, '')).toEqual(['a:1']);
    expect(failedInstances(attempts, 'x')).toEqual(['c:1']);
  });
});

describe('the pause before the next attempt', () => {
  const pauses = (random: number, first = 5_000) => [1, 2, 3, 4, 5, 6, 50].map((failures) => pauseBefore(failures, { first, random, retryAfter: undefined }));

  it('doubles, up to a minute', () => {
    expect(pauses(1)).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });

  it('is shorter by up to a half at random', () => {
    expect(pauses(0)).toEqual([2_500, 5_000, 10_000, 20_000, 30_000, 30_000, 30_000]);
  });

  it('is never shorter than the first one that an operator asks for', () => {
    expect(pauses(1, 120_000)[0]).toBe(120_000);
    expect(pauses(1, 0)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it('is as long as who refused asks, within a minute, and never shorter for that', () => {
    const after = (retryAfter: number) => pauseBefore(1, { first: 5_000, random: 1, retryAfter });
    expect([1, 30, 3_600].map(after)).toEqual([5_000, 30_000, 60_000]);
  });
});
