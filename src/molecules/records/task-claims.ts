import { sql } from 'kysely';
import type { Claim, ClaimedTask } from '../../models/task-store.ts';
import type { Records } from './schema.ts';
import { closeAttempt, openAttempt } from './task-attempts.ts';
import { tell, type Writing } from './task-events.ts';
import { claimOf, detailsOf, taskOf } from './task-rows.ts';
import type { TaskRow } from './task-schema.ts';
import { held, release } from './task-transitions.ts';

/** As the indexes have it: parameters would not find them. */
export const ready = sql<boolean>`status = 'pending' and delayed = 0`;
export const delayed = sql<boolean>`status = 'pending' and delayed = 1`;
export const inWork = sql<boolean>`status = 'processing'`;

/** Milliseconds in which a process that has the engine of a job takes its task, to stop it there, before one that has not ends the task. */
const OTHERS_FIRST = 5_000;

interface By {
  readonly worker: string;
  readonly now: number;
}

/** Whether a task of the engine is ready or has come due: a look that asks nobody to wait. */
export async function anyToClaim(db: Records, engine: string, now: number): Promise<boolean> {
  const { rows } = await sql<{ any: number }>`select exists (select 1 from tasks where engine = ${engine} and ${ready}) or exists (select 1 from tasks where engine = ${engine} and ${delayed} and available_at <= ${now}) as "any"`.execute(db);
  return rows[0]?.any === 1;
}

export async function claimNext(writing: Writing, engine: string, by: By & { readonly notOf?: readonly string[] }): Promise<ClaimedTask | undefined> {
  const { step } = writing;
  await step.updateTable('tasks').set({ delayed: 0 }).where(delayed).where('engine', '=', engine).where('available_at', '<=', by.now).execute();
  const id = await nextInLine(step, engine, by.notOf ?? []);
  if (id === undefined) return undefined;
  const claimed = { status: 'processing' as const, worker: by.worker, attempt: sql<number>`attempt + 1`, seq: sql<number>`seq + 1`, started_at: by.now, begun_at: sql<number>`coalesce(begun_at, ${by.now})`, inputs_fetched_at: null, executed_at: null, stored_at: null, job_id: null, current: null };
  const task = await step.updateTable('tasks').set(claimed).where('id', '=', id).returningAll().executeTakeFirstOrThrow();
  const mine = await claimedOf(step, task);
  await takeTurn(step, task);
  const name = mine.details.plan.steps[task.step]?.name ?? '';
  await openAttempt(step, task, { step: name, now: by.now });
  await tell(writing, task, { event: 'started', data: { attempt: task.attempt, ...(name === '' ? {} : { step: name }), engine }, at: by.now });
  return mine;
}

/** Steps from key to key among the ready tasks of the highest priority, however many each has. */
async function nextInLine(step: Records, engine: string, notOf: readonly string[]): Promise<string | undefined> {
  const counts = notOf.length > 0 ? sql`t.owner not in (${sql.join(notOf)})` : sql`true`;
  const { rows } = await sql<{ id: string }>`
    with recursive top(priority) as (select max(t.priority) from tasks t where t.engine = ${engine} and ${ready} and ${counts}),
    owners(owner) as (
      select (select min(t.owner) from tasks t where t.engine = ${engine} and t.priority = top.priority and ${ready} and ${counts}) from top
      union all
      select (select min(t.owner) from tasks t where t.engine = ${engine} and t.priority = (select priority from top) and ${ready} and ${counts} and t.owner > o.owner) from owners o where o.owner is not null
    )
    select (select min(t.id) from tasks t where t.engine = ${engine} and t.priority = (select priority from top) and ${ready} and t.owner = o.owner) as id,
      (select count(*) from tasks t where t.engine = ${engine} and t.owner = o.owner and ${inWork}) as working,
      coalesce((select turn from task_turns t where t.engine = ${engine} and t.owner = o.owner), 0) as turn
    from owners o where o.owner is not null order by working, turn, id limit 1`.execute(step);
  return rows[0]?.id;
}

/** Numbers, as clocks of several processes differ. */
async function takeTurn(step: Records, { engine, owner }: TaskRow): Promise<void> {
  await sql`insert into task_turns (engine, owner, turn) values (${engine}, ${owner}, coalesce((select max(turn) from task_turns where engine = ${engine}), 0) + 1) on conflict (engine, owner) do update set turn = excluded.turn`.execute(step);
}

async function claimedOf(step: Records, row: TaskRow): Promise<ClaimedTask> {
  const details = await step.selectFrom('task_details').selectAll().where('task_id', '=', row.id).executeTakeFirstOrThrow();
  return { task: taskOf(row), details: detailsOf(details), claim: claimOf(row) };
}

/** Of one process that is gone: tasks with a job pass to `worker`, the others wait again. What only an engine can tell that is none of `engines` is left. */
export async function takeOverFrom(writing: Writing, gone: string, by: By & { readonly engines?: readonly string[] | undefined }): Promise<ClaimedTask[]> {
  const { step } = writing;
  const passed: ClaimedTask[] = [];
  for (const task of await step.selectFrom('tasks').selectAll().where(inWork).where('worker', '=', gone).orderBy('id').execute()) {
    if (task.job_id === null) {
      await closeAttempt(step, task, { outcome: 'abandoned', at: by.now });
      await release(writing, task, { now: by.now, availableAt: by.now, told: { event: 'queued', data: { priority: task.priority } } });
      continue;
    }
    const dueToEnd = Math.min(task.cancel_requested_at ?? Infinity, task.deadline_at ?? Infinity) <= by.now - OTHERS_FIRST;
    if (by.engines && !by.engines.includes(task.engine) && !dueToEnd) continue;
    const mine = await step.updateTable('tasks').set({ worker: by.worker }).where('id', '=', task.id).returningAll().executeTakeFirstOrThrow();
    passed.push(await claimedOf(step, mine));
  }
  return passed;
}

/** Undoes a claim, unless its job may run. An attempt that had a job counts, and stays, unless its engine had no room: it waits until then. */
export async function giveBack(writing: Writing, claim: Claim, { now, until }: { readonly now: number; readonly until: number | undefined }): Promise<boolean> {
  const { step } = writing;
  const task = await held(step, claim);
  if (!task || task.job_id !== null) return false;
  await closeAttempt(step, task, { outcome: 'abandoned', at: now });
  const made = step.deleteFrom('task_attempts').where('task_id', '=', task.id).where('attempt', '=', task.attempt);
  await (until === undefined ? made.where('job_id', 'is', null) : made).execute();
  const last = await step.selectFrom('task_attempts').select(['attempt', 'started_at']).where('task_id', '=', task.id).orderBy('attempt', 'desc').limit(1).executeTakeFirst();
  const as = last?.attempt === task.attempt ? {} : { attempt: task.attempt - 1, started_at: last?.started_at ?? null, ...(last ? {} : { begun_at: null }), inputs_fetched_at: null };
  await release(writing, task, { now, availableAt: until ?? now, told: { event: 'queued', data: { priority: task.priority } }, as });
  return true;
}
