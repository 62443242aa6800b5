import { HttpFailure } from '../../core/http-failure.ts';

const NEVER_REACHED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);

/** An error of node about one call. `stood`: its connection had been made, so the other side may have seen something. */
export function failureOf(error: unknown, stood: boolean): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  if (name === 'AbortError') return new HttpFailure('aborted', 'the caller gave up', { cause: error });
  const code = codeOf(error);
  if (code === 'HPE_HEADER_OVERFLOW') return new HttpFailure('too_large', 'the headers of the answer are too large', { cause: error });
  if (!stood || NEVER_REACHED.has(code)) return new HttpFailure('refused', `cannot connect (${code || message})`, { cause: error });
  return new HttpFailure('cut', `the connection broke (${code || message})`, { cause: error });
}

/** Of several attempts to connect the first tells. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}
