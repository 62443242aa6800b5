/** Everything thrown becomes one `application/problem+json` answer, here and nowhere else. */
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { errorTable, fail, GatewayError } from '../../core/errors.ts';
import { currentRequestId } from '../../core/logger.ts';
import { limits } from '../../constants/limits.ts';
import type { Fault, Problem } from '../../models/problem.ts';
import { drain } from './body.ts';
import { faultsOf } from './fault-words.ts';

export const problemType = 'application/problem+json';

/** Puts a code on whatever was thrown. Library errors keep their text as `cause`, for the log only. */
export function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof z.ZodError) return invalid('the value has faults', error);
  const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 500;
  if (status >= 400 && status < 500) return fail('VALIDATION_ERROR', 'the address cannot be read', { cause: error, status });
  return fail('INTERNAL_ERROR', 'unexpected', { cause: error });
}

/** A VALIDATION_ERROR with one fault per issue. `where` is `body`, `query`, …; `given` is what the schema did not take. */
export function invalid(where: string, error: z.ZodError, given?: unknown): GatewayError {
  const faults = error.issues.slice(0, limits.faults).flatMap((issue) => faultsOf(issue, given)).slice(0, limits.faults).map(bounded);
  const [first] = faults;
  const told = first === undefined ? where : `${where}: ${first.input ? `${first.input}: ` : ''}${first.reason}`;
  return fail('VALIDATION_ERROR', faults.length > 1 ? `${told} (and ${faults.length - 1} more)` : told, { faults });
}

/** The body of a problem, bounded whatever a caller or a server said. Of an INTERNAL_ERROR it tells the request id and nothing else. */
export function toProblem(error: GatewayError, requestId: string): Problem {
  const hidden = error.code === 'INTERNAL_ERROR';
  return {
    type: `urn:comfyui-gateway:problem:${error.code}`,
    title: errorTable[error.code].title,
    status: error.status,
    detail: hidden ? `${errorTable.INTERNAL_ERROR.title}${error.told === undefined ? '' : `: ${error.told}`}; its log tells more under the request id ${requestId}.` : cut(error.message, limits.sentence),
    code: error.code,
    request_id: requestId,
    retryable: error.retryable,
    ...(error.promptId === undefined ? {} : { prompt_id: error.promptId }),
    ...(error.taskId === undefined ? {} : { task_id: error.taskId }),
    ...(error.faults.length === 0 || hidden ? {} : { errors: error.faults.slice(0, limits.faults).map(bounded) }),
  };
}

/** In few letters; a nearest value whole or not at all, since it is there to be used. */
function bounded({ nearest, ...fault }: Fault): Fault {
  const short = Object.entries(fault).flatMap(([name, text]) => (text === undefined ? [] : [[name, cut(text, name === 'reason' ? limits.sentence : limits.told)] as const]));
  return { ...fault, ...Object.fromEntries(short), ...(nearest === undefined || nearest.length > limits.sentence ? {} : { nearest }) };
}

/** With an ellipsis where something is missing, never inside of a letter. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** What went wrong in a call, for its line in the log. */
const causes = new WeakMap<Response, GatewayError>();
export const causeOf = (response: Response): GatewayError | undefined => causes.get(response);

const enveloped = new WeakSet<Response>();

/** Of a call whose callers read `{code, msg, data}`: its problem has these, too. */
export const inEnvelope: RequestHandler = (_request, response, next) => {
  enveloped.add(response);
  next();
};

/** Answers with the problem; where an answer has begun it cuts the connection, so that nobody takes a part for the whole. */
// eslint-disable-next-line max-params -- express knows an error handler by its four parameters
export const problemHandler: ErrorRequestHandler = (thrown: unknown, request, response, _next) => {
  const error = asGatewayError(thrown);
  causes.set(response, error);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  for (const name of ['Content-Disposition', 'Content-Length', 'Content-Range', 'ETag', 'Last-Modified', 'Accept-Ranges']) response.removeHeader(name);
  if (error.retryAfter !== undefined) response.setHeader('Retry-After', String(Math.max(1, Math.ceil(error.retryAfter))));
  if (error.code === 'UNAUTHORIZED') response.setHeader('WWW-Authenticate', 'Bearer');
  response.setHeader('Cache-Control', 'no-store');
  const problem = toProblem(error, currentRequestId() ?? '');
  const text = JSON.stringify(enveloped.has(response) ? { ...problem, msg: problem.detail, data: null } : problem);
  response.writeHead(error.status, { 'Content-Type': problemType, 'Content-Length': Buffer.byteLength(text) }).end(text);
  drain(request);
};
