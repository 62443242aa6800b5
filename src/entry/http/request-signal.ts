import type { Response } from 'express';
import { fail } from '../../core/errors.ts';

/** Why a call was given up because its caller went away. Nobody reads the answer. */
export const hungUp = 'the caller hung up';

/**
 * The signal of one call. It fires when the connection closes before the answer is complete, and after `deadline`
 * milliseconds (0 for never); its reason is an error with the code to answer with.
 */
export function requestSignal(response: Response, deadline: number): AbortSignal {
  const controller = new AbortController();
  const timer = deadline > 0 ? setTimeout(() => controller.abort(fail('TASK_TIMEOUT', `the call took longer than ${deadline / 1_000} s`)), deadline) : undefined;
  response.once('close', () => {
    clearTimeout(timer);
    if (!response.writableFinished) controller.abort(fail('CONNECTION_ERROR', hungUp));
  });
  return controller.signal;
}
