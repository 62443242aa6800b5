/**
 * What RunningHub's codes mean, as data. The first generation of calls has them in `code`, the second as text in
 * `errorCode`; the message beside them varies and is never decided by.
 */
import type { ErrorCode } from '../../core/errors.ts';
import type { HubState } from '../../models/runninghub.ts';

export type CodeClass =
  | 'ok' | 'auth' | 'plan' | 'balance' | 'config' | 'workflow_not_found' | 'task_not_found' | 'invalid_input' | 'too_large'
  | 'busy' | 'rate_limited' | 'queued' | 'running' | 'failed' | 'ended' | 'transient' | 'unknown';

/**
 * `no`: never. `once`: one more try. `yes`: with pauses. `backoff`: refused before anything was created, so a submit may be
 * repeated after a pause. `reads`: what only looks may be repeated, a submit never. `poll`: the task goes on. `end`: the task is over. `done`: there is no need.
 */
export type RetryRule = 'no' | 'once' | 'yes' | 'backoff' | 'reads' | 'poll' | 'end' | 'done';

export interface CodeRow {
  readonly name: string;
  readonly kind: CodeClass;
  readonly retry: RetryRule;
  /** Ours; none where nothing is wrong. */
  readonly error: ErrorCode | undefined;
  /** What happened and what to do. */
  readonly sentence: string;
  /** Milliseconds to wait before the first repetition. */
  readonly afterMs?: number;
  /** It also happens when a key or id of the other site is used. */
  readonly site?: true;
}

type Line = readonly [code: number, name: string, kind: CodeClass, retry: RetryRule, error: ErrorCode | undefined, sentence: string, more?: Pick<CodeRow, 'afterMs' | 'site'>];

const lines: readonly Line[] = [
  [0, 'SUCCESS', 'ok', 'done', undefined, 'Fine.'],
  [-1, '', 'auth', 'once', 'ENGINE_UNAUTHORIZED', 'The key was rejected; now and then that happens to good keys, too.', { site: true }],
  [1, '', 'invalid_input', 'no', 'VALIDATION_ERROR', 'The call was refused.'],
  [200, '', 'ok', 'done', undefined, 'Fine.'],
  [301, 'PARAMS_INVALID', 'invalid_input', 'no', 'VALIDATION_ERROR', 'A parameter is missing or wrong.'],
  [380, 'WORKFLOW_NOT_EXISTS', 'workflow_not_found', 'no', 'ENGINE_WORKFLOW_NOT_FOUND', 'There is no workflow with this id; an AI app goes by its own (webapp_id).', { site: true }],
  [401, '', 'auth', 'no', 'ENGINE_UNAUTHORIZED', 'The key was rejected.', { site: true }],
  [412, 'TOKEN_INVALID', 'config', 'no', 'UPSTREAM_ERROR', 'The address of the call is wrong, in spite of the name; check the base URL.'],
  [415, 'TASK_INSTANCE_MAXED', 'busy', 'backoff', 'QUEUE_FULL', 'No machine of the account is free.', { afterMs: 30_000 }],
  [416, 'TASK_CREATE_FAILED_BY_NOT_ENOUGH_WALLET', 'balance', 'no', 'UPSTREAM_ERROR', 'The account has too few coins or too little money; top it up.'],
  [421, 'TASK_QUEUE_MAXED', 'busy', 'backoff', 'QUEUE_FULL', 'The account runs as many tasks as it may at once.', { afterMs: 5_000 }],
  [423, 'TASK_NOT_FOUNED', 'task_not_found', 'no', 'PROMPT_LOST', 'There is no task with this id.'],
  [433, 'VALIDATE_PROMPT_FAILED', 'invalid_input', 'no', 'WORKFLOW_VALIDATION_ERROR', 'The graph is not valid with these inputs.'],
  [435, 'TASK_USER_EXCLAPI_INSTANCE_NOT_FOUND', 'invalid_input', 'no', 'VALIDATION_ERROR', 'The account has no machine of this instanceType.'],
  [436, 'TASK_USER_EXCLAPI_REQUIRED', 'plan', 'no', 'ENGINE_UNAUTHORIZED', 'The plan with machines of its own is missing or has expired.'],
  [500, 'UNKNOWN_ERROR', 'transient', 'reads', 'UPSTREAM_ERROR', 'RunningHub failed.'],
  [605, '', 'balance', 'no', 'UPSTREAM_ERROR', 'The balance of the account is too low; top it up.'],
  [801, 'APIKEY_UNSUPPORTED_FREE_USER', 'plan', 'no', 'ENGINE_UNAUTHORIZED', 'Free accounts may not use the API; a paid plan is needed.'],
  [802, 'APIKEY_UNAUTHORIZED', 'auth', 'no', 'ENGINE_UNAUTHORIZED', 'The key may not do this; one that is taken in the header alone needs key_place: header.'],
  [803, 'APIKEY_INVALID_NODE_INFO', 'invalid_input', 'no', 'VALIDATION_ERROR', 'An entry of nodeInfoList does not fit the workflow: node, field or value is unknown to it.'],
  [804, 'APIKEY_TASK_IS_RUNNING', 'running', 'poll', undefined, 'The task runs.'],
  [805, 'APIKEY_TASK_STATUS_ERROR', 'failed', 'end', 'WORKFLOW_EXECUTION_ERROR', 'The task failed or was interrupted.'],
  [806, 'APIKEY_USER_NOT_FOUND', 'auth', 'no', 'ENGINE_UNAUTHORIZED', 'Nobody has this key.', { site: true }],
  [807, 'APIKEY_TASK_NOT_FOUND', 'task_not_found', 'no', 'PROMPT_LOST', 'There is no task with this id.'],
  [808, 'APIKEY_UPLOAD_FAILED', 'transient', 'yes', 'UPSTREAM_ERROR', 'The upload failed; it may be repeated.'],
  [809, 'APIKEY_FILE_SIZE_EXCEEDED', 'too_large', 'no', 'PAYLOAD_TOO_LARGE', 'The file is too large; up to 30 MB are taken.'],
  [810, 'WORKFLOW_NOT_SAVED_OR_NOT_RUNNING', 'workflow_not_found', 'no', 'ENGINE_WORKFLOW_NOT_FOUND', 'The workflow must be saved and run once on the website before the API can run it.'],
  [811, 'CORPAPIKEY_INVALID', 'auth', 'no', 'ENGINE_UNAUTHORIZED', 'The enterprise key is not valid.'],
  [812, 'CORPAPIKEY_INSUFFICIENT_FUNDS', 'balance', 'no', 'UPSTREAM_ERROR', 'The balance of the enterprise account is too low; top it up.'],
  [813, 'APIKEY_TASK_IS_QUEUED', 'queued', 'poll', undefined, 'The task waits.'],
  [814, 'PERSONAL_QUEUE_COUNT_LIMIT', 'busy', 'backoff', 'QUEUE_FULL', 'The personal queue is full.', { afterMs: 30_000 }],
  [817, 'APIKEY_TASK_CANCEL_NOT_ALLOWED', 'ended', 'no', 'CONFLICT', 'The task can no longer be cancelled.'],
  [901, 'WEBAPP_NOT_EXISTS', 'workflow_not_found', 'no', 'ENGINE_WORKFLOW_NOT_FOUND', 'There is no AI app with this id; a workflow goes by its own (workflow_id).', { site: true }],
  [1000, '', 'transient', 'reads', 'UPSTREAM_ERROR', 'RunningHub failed, and does not say why.'],
  [1001, '', 'config', 'no', 'UPSTREAM_ERROR', 'The address of the call is wrong; check the base URL.'],
  [1002, '', 'auth', 'no', 'ENGINE_UNAUTHORIZED', 'The key is not valid.', { site: true }],
  [1003, '', 'rate_limited', 'backoff', 'RATE_LIMITED', 'Too many calls in this minute.', { afterMs: 30_000 }],
  [1004, '', 'task_not_found', 'no', 'PROMPT_LOST', 'There is no task with this id, or no more.'],
  [1005, '', 'transient', 'reads', 'UPSTREAM_ERROR', 'RunningHub failed.'],
  [1006, '', 'failed', 'end', 'TASK_TIMEOUT', 'The task took longer than RunningHub allows.'],
  [1007, '', 'invalid_input', 'no', 'VALIDATION_ERROR', 'A parameter is wrong.'],
  [1008, '', 'too_large', 'no', 'PAYLOAD_TOO_LARGE', 'The file is too large.'],
  [1009, '', 'config', 'no', 'UPSTREAM_ERROR', 'The method of the call is not supported.'],
  [1010, '', 'transient', 'reads', 'UPSTREAM_ERROR', 'RunningHub is not available now.'],
  [1011, '', 'transient', 'reads', 'UPSTREAM_ERROR', 'RunningHub is busy.'],
  [1012, '', 'failed', 'end', 'UPSTREAM_ERROR', 'A service behind RunningHub failed.'],
  [1013, '', 'invalid_input', 'no', 'VALIDATION_ERROR', 'A file could not be processed.'],
  [1014, '', 'plan', 'no', 'ENGINE_UNAUTHORIZED', 'This needs an enterprise key.'],
  [1015, '', 'failed', 'end', 'WORKFLOW_EXECUTION_ERROR', 'The generation failed.'],
  [1101, '', 'invalid_input', 'no', 'VALIDATION_ERROR', 'An entry of nodeInfoList does not fit the workflow.'],
  [1501, '', 'invalid_input', 'no', 'VALIDATION_ERROR', 'The moderation refused the content.'],
  [1504, '', 'failed', 'end', 'TASK_TIMEOUT', 'The model took longer than RunningHub allows.'],
  [1505, '', 'invalid_input', 'no', 'VALIDATION_ERROR', 'Pictures of real people are not allowed there.'],
  [1520, '', 'busy', 'backoff', 'QUEUE_FULL', 'The account runs as many tasks as it may at once.', { afterMs: 5_000 }],
  [1601, '', 'config', 'no', 'ENGINE_UNAUTHORIZED', 'The key did not arrive where this call looks for it; send it in the body, too.'],
];

export const codes: ReadonlyMap<number, CodeRow> = new Map(lines.map(([code, name, kind, retry, error, sentence, more]) => [code, { name, kind, retry, error, sentence, ...more }]));

/** Of a code that no document knows: not to be repeated when submitting, worth another look otherwise. */
export const unknownCode: CodeRow = { name: '', kind: 'unknown', retry: 'reads', error: 'UPSTREAM_ERROR', sentence: 'No document knows this code.' };

const transient = (sentence: string): CodeRow => ({ name: '', kind: 'transient', retry: 'reads', error: 'UPSTREAM_ERROR', sentence });
const wrongAddress = (sentence: string): CodeRow => ({ name: '', kind: 'config', retry: 'no', error: 'UPSTREAM_ERROR', sentence });

const statuses: ReadonlyMap<number, CodeRow> = new Map([
  [401, { name: '', kind: 'auth', retry: 'no', error: 'ENGINE_UNAUTHORIZED', sentence: 'The key was rejected.', site: true }],
  [403, { name: '', kind: 'auth', retry: 'no', error: 'ENGINE_UNAUTHORIZED', sentence: 'This key, or calls from here, are not allowed.' }],
  [408, transient('The call took too long.')],
  [413, { name: '', kind: 'too_large', retry: 'no', error: 'PAYLOAD_TOO_LARGE', sentence: 'The call is too large.' }],
  [429, { name: '', kind: 'rate_limited', retry: 'backoff', error: 'RATE_LIMITED', sentence: 'Too many calls in this minute.', afterMs: 60_000 }],
]);

/** What an HTTP status means by itself, where no code of the table came with it. A success without a code is no answer of RunningHub. */
export function statusRow(status: number): CodeRow {
  const known = statuses.get(status);
  if (known) return known;
  if (status >= 300 && status < 400) return wrongAddress('It sends calls elsewhere, where the key must not follow; set the base URL to the https address itself.');
  if (status >= 400 && status < 500) return wrongAddress('There is nothing that takes such a call; check the base URL.');
  return transient(status >= 500 ? 'RunningHub or a gateway before it failed.' : 'The answer is not one of RunningHub.');
}

const states: ReadonlyMap<string, HubState> = new Map([
  ['CREATE', 'queued'], ['QUEUED', 'queued'], ['RUNNING', 'running'], ['SUCCESS', 'succeeded'],
  ['FAILED', 'failed'], ['CANCEL', 'cancelled'], ['CANCELED', 'cancelled'], ['CANCELLED', 'cancelled'],
]);

/** The state of RunningHub's word for it; `unknown` for an empty or a new one. */
export function stateOf(word: string | undefined): HubState {
  return states.get(word?.trim().toUpperCase() ?? '') ?? 'unknown';
}
