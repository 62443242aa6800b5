import type { Request, RequestHandler, Response } from 'express';
import { v7 } from 'uuid';
import { withRequestId, type Logger } from '../../core/logger.ts';
import { callerOf } from './callers.ts';
import { causeOf } from './problem.ts';

const sane = /^[\w.:-]{1,128}$/;

/** Gives every call an id, the caller's own where it is sane, and answers it as X-Request-Id. */
export const requestId: RequestHandler = (request, response, next) => {
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && sane.test(given) ? given : v7();
  response.setHeader('X-Request-Id', id);
  withRequestId(id, next);
};

/** One line per call when it is over: failures of ours as errors, refusals at info, the rest at http. */
export function accessLog(log: Logger): RequestHandler {
  return (request, response, next) => {
    const began = performance.now();
    response.once('close', () => writeLine(log, { request, response, began }));
    next();
  };
}

/** A 503 that was answered on purpose, such as "not ready", is no failure. */
const levelOf = (status: number): 'info' | 'http' => (status < 400 ? 'http' : 'info');

/** Status in the log of a call whose caller went away before the answer was complete. */
const abandoned = 499;

function writeLine(log: Logger, { request, response, began }: { readonly request: Request; readonly response: Response; readonly began: number }): void {
  const status = response.writableFinished ? response.statusCode : abandoned;
  const error = causeOf(response);
  // An answer that broke off through a failure of ours may have any status.
  const ours = error !== undefined && (status >= 500 || error.code === 'INTERNAL_ERROR');
  const level = ours ? 'error' : levelOf(status);
  const caller = callerOf(response);
  log[level](`${request.method} ${request.originalUrl} ${status}`, {
    status,
    ms: Math.round((performance.now() - began) * 10) / 10,
    ...(caller ? { key: caller.key } : {}),
    address: request.ip,
    ...(error === undefined ? {} : ours ? { error } : { code: error.code, reason: error.detail }),
  });
}
