/** What a prompt looks like to callers, from what is known of it. Pure. */
import { z } from 'zod';
import { fileUrl } from '../../models/file-url.ts';
import type { OutputFile } from '../../models/file.ts';
import { PromptError, type PromptState } from '../../models/prompt-state.ts';
import type { PromptRecord } from '../../models/records.ts';
import { filesOf, type Outputs, type UrlOf } from '../../molecules/prompt-outputs/outputs.ts';
import { progressOf } from '../../molecules/prompt-tracker/progress.ts';
import type { Tracked } from '../../molecules/prompt-tracker/tracker.ts';

/** What the ending wrote into the record. */
const Detail = z.looseObject({ error: PromptError.optional().catch(undefined), reason: z.string().optional().catch(undefined), seq: z.int().optional().catch(undefined) });

export function urlsOf(promptId: string, publicUrl: string): UrlOf {
  return (ref) => fileUrl(ref, { promptId, publicUrl });
}

/** Files of a prompt, each with its URL. */
export function outputFiles(promptId: string, outputs: Outputs, publicUrl: string): OutputFile[] {
  return filesOf(outputs, urlsOf(promptId, publicUrl));
}

export function detailOf(record: PromptRecord): z.infer<typeof Detail> {
  return record.detail === undefined ? {} : Detail.parse(JSON.parse(record.detail));
}

export function stateOfRecord(record: PromptRecord, outputs: OutputFile[]): PromptState {
  const { error, reason, seq } = detailOf(record);
  return {
    prompt_id: record.promptId,
    ...(record.taskId === undefined ? {} : { task_id: record.taskId }),
    state: record.state === 'submitted' ? 'queued' : record.state,
    instance: record.instance,
    client_id: record.clientId,
    created_at: record.createdAt,
    ...(outputs.length > 0 ? { outputs } : {}),
    ...(error ? { error } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(record.startedAt === undefined ? {} : { started_at: record.startedAt }),
    ...(record.endedAt === undefined ? {} : { ended_at: record.endedAt }),
    ...(seq === undefined ? {} : { seq }),
  };
}

/** A prompt that has not ended. */
export function stateOfTracked(tracked: Tracked, more: { seq: number; position: number | undefined; publicUrl: string }): PromptState {
  const outputs = outputFiles(tracked.promptId, tracked.outputs, more.publicUrl);
  const running = tracked.phase === 'running';
  return {
    prompt_id: tracked.promptId,
    ...(tracked.taskId === undefined ? {} : { task_id: tracked.taskId }),
    state: running ? 'running' : 'queued',
    instance: tracked.instance,
    client_id: tracked.clientId,
    created_at: tracked.createdAt,
    seq: more.seq,
    ...(tracked.number === undefined ? {} : { number: tracked.number }),
    ...(!running && more.position !== undefined ? { position: more.position } : {}),
    ...(running ? { progress: progressOf(tracked.run) } : {}),
    ...(outputs.length > 0 ? { outputs } : {}),
    ...(tracked.startedAt === undefined ? {} : { started_at: tracked.startedAt }),
  };
}
