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

/** The value of a deed, or the reason of its signal, whichever comes first: a deed that is deaf must not hold its caller. */
export async function beforeAbort(deed: unknown, signal: AbortSignal): Promise<unknown> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([deed, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
