import type { Refused } from './codes.ts';
import { jsonReply, type Reply } from './reply.ts';

/** How a family of routes says no. */
export type Dialect = (refused: Refused) => Reply;

/** HTTP 200 with `{code, msg, errorMessages, data}`; a rejected upload key is the one exception. */
export const v1: Dialect = ({ code, message }) =>
  code === -1 ? jsonReply({ code, msg: message }, 401) : jsonReply({ code, msg: message, errorMessages: null, data: null });

/** As seen of accountStatus: without errorMessages. */
export const v1Account: Dialect = ({ code, message }) => jsonReply({ code, msg: message, data: null });

/** 421 in the words of v2. */
const inV2 = ({ code, message }: Refused): string => (code === 421 ? 'api queue limit reached, please retry later' : message);

const BALANCE = [416, 605, 812];

export const v2Run: Dialect = (refused) =>
  jsonReply({ taskId: null, status: BALANCE.includes(refused.code) ? 'FAILED' : null, errorCode: String(refused.code), errorMessage: inV2(refused), results: null });

export const v2Query: Dialect = (refused) => jsonReply({ errorCode: String(refused.code), errorMessage: inV2(refused), results: null });

export const v2Envelope: Dialect = ({ code, message }) => jsonReply({ code, message, data: null }, code === 401 ? 401 : 200);

/** The dialect of brief 003 speaks in HTTP statuses. All but 401 and 404 of a workflow is a guess. */
export const alt: Dialect = ({ code, message }) => {
  const status = ALT_STATUS[code] ?? 400;
  return jsonReply({ error: ALT_TEXT[code] ?? message }, status);
};

const ALT_STATUS: Readonly<Record<number, number>> = { 380: 404, 806: 401, 807: 404, 415: 429, 421: 429, 814: 429, 416: 402, 812: 402, 809: 413, 500: 500 };
const ALT_TEXT: Readonly<Record<number, string>> = { 380: 'Workflow not found', 806: 'Unauthorized', 807: 'Task not found' };

/** Files: as an object store does. */
export const store: Dialect = ({ message }) => ({ status: 403, body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`, type: 'application/xml' });
