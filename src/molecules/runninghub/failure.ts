/** Why a task failed, as RunningHub tells it. Pure. */
import { limits } from '../../constants/limits.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { PromptError } from '../../models/prompt-state.ts';
import type { Answer } from './answer.ts';
import { FailedReason, isRecord, jsonOf, textOf } from './wire.ts';

/** Who raised what, where RunningHub says so. The reason is an object, a text that holds one, or just words. */
export function failureOf(answer: Answer, reason: unknown): PromptError {
  const parsed = typeof reason === 'string' ? (jsonOf(reason) ?? reason) : reason;
  const raised = FailedReason.parse(isRecord(parsed) ? parsed : { exception_message: textOf(parsed) });
  const traceback = linesOf(raised.traceback);
  return {
    code: raised.node_id === undefined ? failureCode(answer) : 'WORKFLOW_EXECUTION_ERROR',
    reason: sentenceOf(raised) ?? plainReason(answer),
    ...(raised.node_id === undefined ? {} : { node_id: raised.node_id }),
    ...(raised.node_name === undefined ? {} : { class_type: raised.node_name }),
    ...(raised.exception_type === undefined ? {} : { exception_type: raised.exception_type }),
    ...(raised.exception_message === undefined ? {} : { exception_message: cut(raised.exception_message) }),
    ...(traceback.length > 0 ? { traceback } : {}),
  };
}

const cut = (text: string): string => text.trim().slice(0, limits.sentence);

function sentenceOf({ node_id: id, node_name: name, exception_type: type, exception_message: message }: FailedReason): string | undefined {
  if (id === undefined && type === undefined) return message === undefined ? undefined : `RunningHub says "${cut(message)}".`;
  const where = id === undefined ? 'A node' : `Node ${id}${name ? ` (${name})` : ''}`;
  return `${where} raised ${type ?? 'an exception'}${message ? `: ${cut(message)}` : '.'}`;
}

/** What a task fails for by itself keeps its code; a server that says no more than "failed" does not make it another. */
function failureCode({ row }: Answer): ErrorCode {
  const own = row.kind === 'failed' || row.kind === 'invalid_input' || row.kind === 'too_large' || row.kind === 'balance';
  return (own ? row.error : undefined) ?? 'WORKFLOW_EXECUTION_ERROR';
}

function plainReason({ code, row, said }: Answer): string {
  const words = said === row.name || said === 'success' ? '' : said.slice(0, limits.told);
  const number = code === undefined || code === '0' ? '' : ` (code ${code.slice(0, limits.told)})`;
  return words === '' ? `The task failed, and RunningHub does not say why${number}.` : `RunningHub says "${words}"${number}.`;
}

/** A list, a text that holds one, or lines. */
function linesOf(traceback: unknown): string[] {
  const parsed = typeof traceback === 'string' ? (jsonOf(traceback) ?? traceback.split('\n')) : traceback;
  const lines = Array.isArray(parsed) ? parsed.flatMap((line: unknown) => textOf(line) ?? []) : [];
  return lines.slice(0, limits.faults).map((line) => line.slice(0, limits.sentence));
}
