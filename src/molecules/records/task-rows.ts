import type { Selectable } from 'kysely';
import { parseLenientJson, stringifyJson } from '../../atoms/json/json.ts';
import type { TaskAttempt, TaskEvent } from '../../models/task.ts';
import type { Claim, TaskDetails, TaskRecord } from '../../models/task-store.ts';
import type { Tables } from './schema.ts';
import type { AttemptRow, TaskRow } from './task-schema.ts';

/** JSON that this store wrote itself, digits kept: it was checked on its way in. */
export function read<T>(text: string): T {
  return parseLenientJson(text) as T;
}

export const readOptional = <T>(text: string | null): T | undefined => (text === null ? undefined : read<T>(text));

/** JSON for a column; null for undefined. */
export const written = (value: unknown): string | null => (value === undefined ? null : stringifyJson(value));

export function taskOf(row: TaskRow): TaskRecord {
  return {
    ...{ id: row.id, owner: row.owner, admin: row.admin === 1, clientId: row.client_id, kind: row.kind, type: row.type, name: row.name },
    ...{ engine: row.engine, status: row.status, priority: row.priority, attempt: row.attempt, triesFrom: row.tries_from, step: row.step, seq: row.seq },
    createdAt: row.created_at,
    availableAt: row.available_at,
    deadlineAt: row.deadline_at ?? undefined,
    begunAt: row.begun_at ?? undefined,
    startedAt: row.started_at ?? undefined,
    inputsFetchedAt: row.inputs_fetched_at ?? undefined,
    executedAt: row.executed_at ?? undefined,
    storedAt: row.stored_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    cancelRequestedAt: row.cancel_requested_at ?? undefined,
    worker: row.worker ?? undefined,
    jobId: row.job_id ?? undefined,
    progress: row.progress,
    current: readOptional(row.current),
    error: readOptional(row.error),
    metadata: readOptional(row.metadata),
  };
}

export function detailsOf(row: Tables['task_details']): TaskDetails {
  return { plan: read(row.plan), results: read(row.results), outputs: read(row.outputs), warnings: read(row.warnings), webhook: readOptional(row.webhook), ...(row.usage === null ? {} : { usage: read(row.usage) }) };
}

export function attemptOf(row: AttemptRow): TaskAttempt {
  return {
    attempt: row.attempt,
    ...(row.step === null ? {} : { step: row.step }),
    engine: row.engine,
    ...(row.instance === null ? {} : { instance: row.instance }),
    ...(row.job_id === null ? {} : { job_id: row.job_id }),
    started_at: row.started_at,
    ...(row.ended_at === null ? {} : { ended_at: row.ended_at }),
    outcome: row.outcome,
    ...(row.error === null ? {} : { error: read(row.error) }),
  };
}

export function eventOf(row: Omit<Selectable<Tables['task_events']>, 'id' | 'origin'>): TaskEvent {
  return { task_id: row.task_id, seq: row.seq, event: row.event, status: row.status, at: row.at, data: read(row.data) };
}

/** The right to change a task that is in work now. */
export const claimOf = ({ id, worker, attempt }: TaskRow): Claim => ({ taskId: id, worker: worker ?? '', attempt });
