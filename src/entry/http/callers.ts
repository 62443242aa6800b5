import type { Response } from 'express';
import type { Caller } from '../../models/caller.ts';

/** Who calls an open route without a valid key. */
export const stranger: Caller = Object.freeze({ key: '', admin: false });

const callers = new WeakMap<Response, Caller>();

/** Who was found to call; undefined before authentication and on paths that are unknown. */
export const callerOf = (response: Response): Caller | undefined => callers.get(response);

export const setCaller = (response: Response, caller: Caller): void => void callers.set(response, caller);
