import { fail, type GatewayError } from './errors.ts';

/**
 * A call that got no complete answer.
 * `refused`: the other side was never reached, so nothing happened there. `cut`: the connection broke, so nobody knows.
 * `timeout`: no answer in time, so nobody knows. `aborted`: the caller gave up. `too_large`: the answer exceeds the limit.
 */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  readonly kind: 'refused' | 'cut' | 'timeout' | 'aborted' | 'too_large';
  /** The connection was a kept one: a server that had just closed it never saw the request. */
  readonly reused: boolean;

  constructor(kind: HttpFailure['kind'], message: string, options: { cause: unknown; reused?: boolean }) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.reused = options.reused ?? false;
  }
}

/** Translates a failed call to an instance into our error. Anything else passes as it is. */
export function upstreamFailure(instance: string, error: unknown): unknown {
  return error instanceof HttpFailure ? fail('CONNECTION_ERROR', `instance ${instance}: ${error.message}.`, { cause: error }) : error;
}

/** An instance answered with a status that does not belong to a good answer. `text` is shown in part. */
export function upstreamStatus(instance: string, call: string, answer: { readonly status: number; readonly text: string }): GatewayError {
  const said = answer.text.trim().slice(0, 200);
  return fail('UPSTREAM_ERROR', `instance ${instance} answered ${call} with ${answer.status}${said ? ` "${said}"` : ''}.`);
}
