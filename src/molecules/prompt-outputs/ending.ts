/** From a history entry to how the prompt ended. Pure. */
import type { HistoryEntry } from '../../models/comfyui.ts';
import type { PromptError } from '../../models/prompt-state.ts';
import type { Outputs } from './outputs.ts';
import { plainWords } from './plain-words.ts';

export interface EntryEnding {
  readonly state: 'completed' | 'failed' | 'interrupted';
  readonly error: PromptError | undefined;
  /** ComfyUI's times in milliseconds since 1970, where the messages carry them. */
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
}

/**
 * Interrupted is `status_str: "error"` too: only the last message tells them apart. An entry without a status (older
 * servers) that is there at all has ended well.
 */
export function endingOf(entry: HistoryEntry): EntryEnding {
  const messages = entry.status?.messages ?? [];
  const last = messages.at(-1);
  const times = { startedAt: timeOf(messages.find(([event]) => event === 'execution_start')?.[1]), endedAt: timeOf(last?.[1]) };
  if (last?.[0] === 'execution_interrupted') return { state: 'interrupted', error: undefined, ...times };
  if (last?.[0] === 'execution_error' || entry.status?.status_str === 'error') return { state: 'failed', error: errorOf(last?.[1]), ...times };
  return { state: 'completed', error: undefined, ...times };
}

/** The entry that a history should have, from the messages: `last` is the error or interrupt that they told of. */
export function entryOf(outputs: Outputs, last: { readonly type: string; readonly data: Readonly<Record<string, unknown>> } | undefined): HistoryEntry {
  return { prompt: [], outputs: { ...outputs }, status: { status_str: last ? 'error' : 'success', completed: !last, messages: last ? [[last.type, last.data]] : [] } };
}

function timeOf(data: unknown): number | undefined {
  return typeof data === 'object' && data !== null && 'timestamp' in data && typeof data.timestamp === 'number' ? data.timestamp : undefined;
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** Who raised what (ws 06), in words and as fields, with a hint where it is a well-known failure. */
export function errorOf(data: unknown): PromptError {
  const error = raised(data);
  const plain = plainWords(error);
  return plain ? { ...error, hint: plain.hint } : error;
}

function raised(data: unknown): PromptError {
  const fields: Readonly<Record<string, unknown>> = typeof data === 'object' && data !== null ? { ...data } : {};
  const nodeId = textOf(fields['node_id']);
  const classType = textOf(fields['node_type']);
  const message = textOf(fields['exception_message'])?.trim();
  const exception = textOf(fields['exception_type']);
  const traceback = Array.isArray(fields['traceback']) ? fields['traceback'].filter((line) => typeof line === 'string') : undefined;
  const where = nodeId === undefined ? 'A node' : `Node ${nodeId}${classType ? ` (${classType})` : ''}`;
  return {
    code: 'WORKFLOW_EXECUTION_ERROR',
    reason: `${where} raised ${exception ?? 'an exception'}${message ? `: ${message}` : '.'}`,
    ...(nodeId === undefined ? {} : { node_id: nodeId }),
    ...(classType === undefined ? {} : { class_type: classType }),
    ...(exception === undefined ? {} : { exception_type: exception }),
    ...(message === undefined ? {} : { exception_message: message }),
    ...(traceback === undefined ? {} : { traceback }),
  };
}
