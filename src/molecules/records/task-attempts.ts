import type { TaskAttempt, TaskError } from '../../models/task.ts';
import type { TaskChange } from '../../models/task-store.ts';
import type { Records } from './schema.ts';
import { written } from './task-rows.ts';
import type { TaskRow } from './task-schema.ts';

/** Begins the attempt that the task counts now; `step` is empty where it is no pipeline. */
export async function openAttempt(step: Records, task: TaskRow, begun: { readonly step: string; readonly now: number }): Promise<void> {
  const attempt = { task_id: task.id, attempt: task.attempt, step: begun.step || null, engine: task.engine, started_at: begun.now, outcome: 'running' as const };
  await step.insertInto('task_attempts').values(attempt).execute();
}

/** Ends the attempt that runs, where one does. */
export async function closeAttempt(step: Records, task: TaskRow, end: { readonly outcome: TaskAttempt['outcome']; readonly at: number; readonly error?: TaskError | undefined }): Promise<void> {
  const closed = { outcome: end.outcome, ended_at: end.at, error: written(end.error) };
  await step.updateTable('task_attempts').set(closed).where('task_id', '=', task.id).where('attempt', '=', task.attempt).where('outcome', '=', 'running').execute();
}

/** Notes the job and where it runs. A job that is gone stays noted: it may have left files. */
export async function noteAtAttempt(step: Records, task: TaskRow, { jobId, instance }: TaskChange): Promise<void> {
  if (typeof jobId !== 'string' && instance === undefined) return;
  await step.updateTable('task_attempts').set({ job_id: jobId ?? undefined, instance }).where('task_id', '=', task.id).where('attempt', '=', task.attempt).execute();
}
