import type { Created, Idempotency, NewTask } from '../../models/task-store.ts';
import { stringifyJson } from '../../atoms/json/json.ts';
import type { Records } from './schema.ts';
import { tell, type Writing } from './task-events.ts';
import { taskOf, written } from './task-rows.ts';
import type { TaskRow } from './task-schema.ts';
import { pendingCount } from './task-stats.ts';

/** Writes a task with its first event, unless its idempotency key was used or too many wait. */
export async function insertTask(writing: Writing, task: NewTask, { maxPending, idempotency }: { readonly maxPending: number; readonly idempotency: Idempotency | undefined }): Promise<Created> {
  const { step } = writing;
  const before = idempotency && (await usedBefore(step, task.owner, idempotency));
  if (before) return before;
  const pending = await pendingCount(step);
  if (pending >= maxPending) return { kind: 'full', pending };
  const row = rowOf(task);
  await step.insertInto('tasks').values(row).execute();
  await step.insertInto('task_details').values({ task_id: task.id, webhook: written(task.webhook), warnings: '[]', outputs: '[]', results: '[]', plan: stringifyJson(task.plan) }).execute();
  if (idempotency) await remember(step, task, idempotency);
  await tell(writing, row, { event: 'queued', data: { priority: task.priority }, at: task.createdAt });
  return { kind: 'created', task: taskOf(row) };
}

/** The task of an earlier call with the same key. */
export async function usedBefore(step: Records, owner: string, { key, hash, since }: Idempotency): Promise<Created | undefined> {
  const used = await step.selectFrom('idempotency').select(['hash', 'task_id']).where('owner', '=', owner).where('key', '=', key).where('created_at', '>=', since).executeTakeFirst();
  if (!used) return undefined;
  if (used.hash !== hash) return { kind: 'different' };
  return { kind: 'same', task: taskOf(await step.selectFrom('tasks').selectAll().where('id', '=', used.task_id).executeTakeFirstOrThrow()) };
}

async function remember(step: Records, task: NewTask, { key, hash }: Idempotency): Promise<void> {
  const used = { hash, task_id: task.id, created_at: task.createdAt };
  await step.insertInto('idempotency').values({ owner: task.owner, key, ...used }).onConflict((conflict) => conflict.columns(['owner', 'key']).doUpdateSet(used)).execute();
}

function rowOf(task: NewTask): TaskRow {
  const none = { begun_at: null, started_at: null, inputs_fetched_at: null, executed_at: null, stored_at: null, ended_at: null, cancel_requested_at: null, worker: null, job_id: null, current: null, error: null };
  return {
    ...none,
    ...{ id: task.id, owner: task.owner, admin: task.admin ? 1 : 0, client_id: task.clientId, kind: task.kind, type: task.type, name: task.name },
    ...{ engine: task.engine, status: 'pending', priority: task.priority, attempt: 0, tries_from: 0, step: 0, progress: 0, seq: 1 },
    ...{ created_at: task.createdAt, available_at: task.createdAt, delayed: 0, deadline_at: task.deadlineAt ?? null },
    ...{ hooked: task.webhook ? 1 : 0, metadata: written(task.metadata), look: 0 },
  };
}
