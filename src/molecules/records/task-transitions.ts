import { sql } from 'kysely';
import type { Claim, NewEvent, TaskChange, TaskDetails, TaskEnding, TaskStore } from '../../models/task-store.ts';
import { closeAttempt, noteAtAttempt, openAttempt } from './task-attempts.ts';
import { tell, type Writing } from './task-events.ts';
import { claimOf, read, written } from './task-rows.ts';
import type { Records } from './schema.ts';
import type { TaskRow } from './task-schema.ts';

/** The task, while the claim on it is the present one. */
export function held(step: Records, claim: Claim): Promise<TaskRow | undefined> {
  return step.selectFrom('tasks').selectAll().where('id', '=', claim.taskId).where('status', '=', 'processing').where('worker', '=', claim.worker).where('attempt', '=', claim.attempt).executeTakeFirst();
}

const seqPlus = sql<number>`seq + 1`;

/** Ends a task, the attempt it is in, and tells of it. */
export async function finish(writing: Writing, task: TaskRow, ending: TaskEnding): Promise<TaskRow> {
  const { step } = writing;
  const { status, endedAt, error, outputs, warnings, executedAt, storedAt } = ending;
  const ended = { status, ended_at: endedAt, error: written(error), cancel_requested_at: task.cancel_requested_at, delayed: 0, worker: null, current: null, executed_at: executedAt, stored_at: storedAt, progress: status === 'completed' ? 1 : undefined, seq: seqPlus };
  const after = await step.updateTable('tasks').set(ended).where('id', '=', task.id).returningAll().executeTakeFirstOrThrow();
  await closeAttempt(step, task, { outcome: status, at: endedAt, error });
  await step.updateTable('task_details').set({ outputs: written(outputs) ?? '[]', warnings: written(warnings) ?? '[]' }).where('task_id', '=', task.id).execute();
  const data = { ...(error ? { error } : {}), outputs, ...(warnings.length > 0 ? { warnings } : {}) };
  await tell(writing, after, { event: status, data, at: endedAt });
  return after;
}

/** Ends a task that nobody works on; what came of it so far stays. */
export async function finishIdle(writing: Writing, task: TaskRow, ending: Pick<TaskEnding, 'status' | 'endedAt' | 'error'>): Promise<TaskRow> {
  const details = await writing.step.selectFrom('task_details').select(['outputs', 'warnings']).where('task_id', '=', task.id).executeTakeFirstOrThrow();
  return finish(writing, task, { ...ending, outputs: read(details.outputs), warnings: read(details.warnings) });
}

/** Lets a task wait again; one that was to be cancelled is cancelled. Its attempt must be closed. */
export async function release(writing: Writing, task: TaskRow, how: { readonly now: number; readonly availableAt: number; readonly told: NewEvent; readonly as?: Partial<TaskRow> }): Promise<void> {
  const { now, availableAt, told, as } = how;
  if (task.cancel_requested_at !== null) {
    await finishIdle(writing, task, { status: 'cancelled', endedAt: now, error: undefined });
    return;
  }
  const waiting = { ...as, status: 'pending' as const, available_at: availableAt, delayed: availableAt > now ? 1 : 0, worker: null, job_id: null, current: null, seq: seqPlus };
  const after = await writing.step.updateTable('tasks').set(waiting).where('id', '=', task.id).returningAll().executeTakeFirstOrThrow();
  await tell(writing, after, { ...told, at: now });
}

export async function makeAgain(writing: Writing, claim: Claim, { availableAt, now, error, abandoned }: Parameters<TaskStore['again']>[1]): Promise<boolean> {
  const task = await held(writing.step, claim);
  if (!task) return false;
  await closeAttempt(writing.step, task, { outcome: abandoned === true ? 'abandoned' : 'failed', at: now, error });
  await release(writing, task, { now, availableAt, told: { event: 'retrying', data: { error, attempt: task.attempt, next_attempt_at: availableAt } } });
  return true;
}

/** Ends the attempt at a step and begins that at the next one. */
export async function advanceTo(writing: Writing, claim: Claim, next: Parameters<TaskStore['advance']>[1]): Promise<Claim | undefined> {
  const { step } = writing;
  const before = await held(step, claim);
  if (!before) return undefined;
  await closeAttempt(step, before, { outcome: 'completed', at: next.now });
  const moved = { step: next.step, engine: next.engine, attempt: before.attempt + 1, job_id: null, current: null, seq: seqPlus };
  const after = await step.updateTable('tasks').set(moved).where('id', '=', before.id).returningAll().executeTakeFirstOrThrow();
  await changeDetails(step, before.id, next);
  await openAttempt(step, after, { step: next.name, now: next.now });
  const done = next.results.at(-1);
  await tell(writing, after, { event: 'step', data: { step: done?.name ?? '', outputs: done?.outputs ?? [] }, at: next.now });
  return claimOf(after);
}

/** Writes a change, and what is told of it. An event takes the next number. */
export async function applyChange(writing: Writing, claim: Claim, { change, told }: { readonly change: TaskChange; readonly told: NewEvent | undefined }): Promise<boolean> {
  const { step, process } = writing;
  const at = (process.now ?? Date.now)();
  const times = { inputs_fetched_at: change.inputsFetchedAt, executed_at: change.executedAt, stored_at: change.storedAt };
  const set = { ...times, job_id: change.jobId, seq: told ? seqPlus : undefined };
  const ours = step.updateTable('tasks').set(set).where('id', '=', claim.taskId).where('status', '=', 'processing').where('worker', '=', claim.worker).where('attempt', '=', claim.attempt);
  const changesRow = Object.values(set).some((value) => value !== undefined);
  const task = changesRow ? await ours.returningAll().executeTakeFirst() : await held(step, claim);
  if (!task) return false;
  await changeDetails(step, task.id, change);
  await noteAtAttempt(step, task, change);
  if (told) await tell(writing, task, { ...told, at });
  return true;
}

async function changeDetails(step: Records, taskId: string, { results, outputs, warnings, usage }: Partial<Pick<TaskDetails, 'results' | 'outputs' | 'warnings' | 'usage'>>): Promise<void> {
  if (!results && !outputs && !warnings && !usage) return;
  const set = { results: written(results) ?? undefined, outputs: written(outputs) ?? undefined, warnings: written(warnings) ?? undefined, usage: written(usage) ?? undefined };
  await step.updateTable('task_details').set(set).where('task_id', '=', taskId).execute();
}

/** Cancels what waits, and notes it of what is in work. */
export async function cancel(writing: Writing, id: string, now: number): Promise<TaskRow | undefined> {
  const task = await writing.step.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();
  if (task?.status === 'pending') return finishIdle(writing, { ...task, cancel_requested_at: now }, { status: 'cancelled', endedAt: now, error: undefined });
  if (task?.status !== 'processing' || task.cancel_requested_at !== null) return task;
  const after = await writing.step.updateTable('tasks').set({ cancel_requested_at: now, seq: seqPlus }).where('id', '=', id).returningAll().executeTakeFirstOrThrow();
  await tell(writing, after, { event: 'cancelling', data: {}, at: now });
  return after;
}

/** Fails up to `limit` tasks that wait although their deadline has passed. Answers how many. */
export async function failLate(writing: Writing, now: number, limit: number): Promise<number> {
  const late = await writing.step.selectFrom('tasks').selectAll().where(sql<boolean>`status = 'pending' and deadline_at is not null`).where('deadline_at', '<=', now).orderBy('deadline_at').limit(limit).execute();
  for (const task of late) {
    const reason = `its deadline ${new Date(task.deadline_at ?? now).toISOString()} passed before it ended.`;
    await finishIdle(writing, task, { status: 'failed', endedAt: now, error: { code: 'TASK_TIMEOUT', reason } });
  }
  return late.length;
}

/** Lets a task that failed or was cancelled wait again. A deadline that has passed does not count any more. */
export async function requeueEnded(writing: Writing, id: string, now: number): Promise<boolean> {
  const task = await writing.step.selectFrom('tasks').selectAll().where('id', '=', id).where('status', 'in', ['failed', 'cancelled']).executeTakeFirst();
  if (!task) return false;
  const deadline_at = task.deadline_at !== null && task.deadline_at <= now ? null : task.deadline_at;
  const as = { ended_at: null, error: null, cancel_requested_at: null, stored_at: null, deadline_at, tries_from: task.attempt };
  await release(writing, { ...task, cancel_requested_at: null }, { now, availableAt: now, told: { event: 'queued', data: { priority: task.priority } }, as });
  return true;
}
