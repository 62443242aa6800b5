/** From the answer of a submit to its outcome. Pure. */
import { fail, type GatewayError } from '../../core/errors.ts';
import type { HttpFailure } from '../../core/http-failure.ts';
import type { HubSubmitOutcome } from '../../models/runninghub.ts';
import { type Answer, errorOf, unreadable } from './answer.ts';
import { type CodeClass, stateOf } from './codes.ts';
import { tipFaults } from './prompt-tips.ts';
import { isId, isRecord, Submitted } from './wire.ts';

/** What came of a submit. `base`: the address that was asked. */
export function submitted(answer: Answer, base: string): HubSubmitOutcome {
  const given = Submitted.parse(isRecord(answer.data) ? answer.data : answer.body);
  const taskId = given.taskId !== undefined && isId(given.taskId) ? given.taskId : undefined;
  if (answer.row.kind === 'ok' && taskId !== undefined) {
    return { kind: 'accepted', taskId, state: stateOf(given.taskStatus ?? given.status), faults: tipFaults(given.promptTips) };
  }
  if (answer.row.retry === 'backoff') return { kind: 'refused', error: errorOf(answer, base), again: { afterMs: answer.row.afterMs ?? 0 } };
  const error = answer.row.kind === 'ok' ? unreadable(answer, 'a task id', { retryable: false }) : errorOf(answer, base, { retryable: false });
  if (taskId !== undefined || undecided.has(answer.row.kind)) return { kind: 'unknown', error, taskId, late: LATE.has(answer.status) };
  return { kind: 'refused', error, again: undefined };
}

/** After these a task may exist. */
const undecided: ReadonlySet<CodeClass> = new Set(['ok', 'transient', 'queued', 'running', 'failed', 'ended', 'unknown']);
/** What a gateway says that had no answer in time from the server behind it. */
const LATE = new Set([408, 504, 524]);

/** Milliseconds before RunningHub, which was not reached, is tried again. */
const UNREACHED = 5_000;

/** What came of a submit without an answer. Only one that never reached the other side is known to have done nothing. */
export function unsent(error: GatewayError, kind: HttpFailure['kind']): HubSubmitOutcome {
  if (kind === 'refused') return { kind: 'refused', error, again: { afterMs: UNREACHED } };
  return { kind: 'unknown', error: fail(error.code, error.detail, { cause: error.cause, retryable: false }), taskId: undefined, late: kind === 'timeout' };
}
