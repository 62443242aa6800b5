/** How a prompt ended, as it is told and as it is written down. Pure. */
import type { HistoryEntry } from '../../models/comfyui.ts';
import { fileTypes } from '../../models/file.ts';
import type { OutputFile } from '../../models/file.ts';
import type { PromptError } from '../../models/prompt-state.ts';
import type { PromptEnding } from '../../models/records.ts';

export interface Ending {
  readonly state: 'completed' | 'failed' | 'interrupted';
  readonly error?: PromptError;
  readonly reason?: string;
  readonly files: readonly OutputFile[];
  readonly entry?: HistoryEntry;
  readonly startedAt?: number | undefined;
  /** When ComfyUI was done, by its own clock; `durations` are told from it. */
  readonly finishedAt?: number | undefined;
  /** ComfyUI's own fields of the last message, as node_id, node_type, executed. */
  readonly announced?: Readonly<Record<string, unknown>>;
}

/** What is left of an ending when its history entry has become text. */
export type Told = Omit<Ending, 'entry'>;

/** An ending that is another where somebody asked through us to stop the prompt: only its record knows whether another process was asked. */
export interface Verdict extends Ending {
  readonly onRequest?: Pick<Ending, 'state' | 'reason'>;
}

/** Files that an instance keeps. */
export function refsOf(files: readonly OutputFile[]): PromptEnding['outputs'] {
  return files.flatMap((file) => {
    const type = fileTypes.find((known) => known === file.type);
    return type ? [{ filename: file.filename, subfolder: file.subfolder, type, nodeId: file.node_id, kind: file.kind }] : [];
  });
}

/** `seq`: number of the newest message told of it. `history`: its entry as text. */
export function recordOf(ending: Told, { seq, endedAt, history }: { seq: number; endedAt: number; history: string | undefined }): PromptEnding {
  const { state, startedAt, error, reason } = ending;
  const last = seq + (startedAt === undefined ? 1 : 2);
  const detail = JSON.stringify({ seq: last, ...(error ? { error } : {}), ...(reason === undefined ? {} : { reason }) });
  return { state, startedAt, endedAt, detail, history, outputs: refsOf(ending.files) };
}

/** Milliseconds; the run by ComfyUI's clock alone, so that neither a clock that differs nor our own work counts. */
export function durations(times: { createdAt: number; startedAt: number | undefined; finishedAt: number | undefined; endedAt: number }): Record<string, number> {
  const { createdAt, startedAt, finishedAt, endedAt } = times;
  const total = { total_ms: Math.max(0, endedAt - createdAt) };
  return startedAt === undefined ? total : { queued_ms: Math.max(0, startedAt - createdAt), execution_ms: Math.max(0, (finishedAt ?? endedAt) - startedAt), ...total };
}
