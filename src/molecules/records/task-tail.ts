import type { TaskEvent } from '../../models/task.ts';
import type { Records } from './schema.ts';
import { eventOf } from './task-rows.ts';

/** Tasks forgotten in one go. */
const expiredAtOnce = 200;

/** Events in the order of their writing, up to a mark. */
export interface Mark {
  readonly mark: number;
  readonly events: readonly (TaskEvent & { readonly owner: string; readonly clientId: string; readonly origin: string })[];
}

export async function tailAfter(db: Records, mark: number | undefined, limit: number): Promise<Mark> {
  if (mark === undefined) {
    const last = await db.selectFrom('task_events').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst();
    return { mark: last?.id ?? 0, events: [] };
  }
  const newer = db.selectFrom('task_events').selectAll().where('id', '>', mark).orderBy('id').limit(limit).as('newer');
  const rows = await db.selectFrom(newer).innerJoin('tasks', 'tasks.id', 'newer.task_id').selectAll('newer').select(['tasks.owner', 'tasks.client_id']).orderBy('newer.id').execute();
  return { mark: rows.at(-1)?.id ?? mark, events: rows.map((row) => ({ ...eventOf(row), owner: row.owner, clientId: row.client_id, origin: row.origin })) };
}

/** Deletes those that ended first, with all that belongs to them. */
export async function expireSome(step: Records, before: number): Promise<readonly { readonly id: string; readonly jobIds: readonly string[] }[]> {
  const old = await step.selectFrom('tasks').select('id').where('ended_at', '<', before).orderBy('ended_at').limit(expiredAtOnce).execute();
  const ids = old.map(({ id }) => id);
  if (ids.length === 0) return [];
  const jobs = await step.selectFrom('task_attempts').select(['task_id', 'job_id']).where('task_id', 'in', ids).where('job_id', 'is not', null).execute();
  const jobsOf = Map.groupBy(jobs, (job) => job.task_id);
  await step.deleteFrom('tasks').where('id', 'in', ids).execute();
  return ids.map((id) => ({ id, jobIds: [...new Set(jobsOf.get(id)?.flatMap((job) => job.job_id ?? []))] }));
}
