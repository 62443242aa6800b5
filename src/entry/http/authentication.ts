import type { Request, RequestHandler } from 'express';
import { failedWith } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';
import { setCaller, stranger } from './callers.ts';
import type { RateLimit } from './rate-limit.ts';

/** The part of the access coordinator that a door needs. */
export interface Authenticator {
  authenticate(credentials: { authorization?: string | undefined; apiKey?: string | undefined }): Caller;
}

/** Lets nobody in without a key. Failed attempts count by address, and beyond the limit answer RATE_LIMITED. */
export function keyNeeded(access: Authenticator, rateLimit: RateLimit): RequestHandler {
  return (request, response, next) => {
    try {
      setCaller(response, identify(access, request));
    } catch (error) {
      if (failedWith(error, 'UNAUTHORIZED')) rateLimit.countFailure(request.ip);
      throw error;
    }
    next();
  };
}

/** Finds out who calls, and lets strangers in too. */
export function keyWelcome(access: Authenticator): RequestHandler {
  return (request, response, next) => {
    try {
      setCaller(response, identify(access, request));
    } catch (error) {
      if (!failedWith(error, 'UNAUTHORIZED')) throw error;
      setCaller(response, stranger);
    }
    next();
  };
}

function identify(access: Authenticator, request: Request): Caller {
  const { authorization, 'x-api-key': apiKey } = request.headers;
  return access.authenticate({ authorization, apiKey: typeof apiKey === 'string' ? apiKey : apiKey?.[0] });
}
