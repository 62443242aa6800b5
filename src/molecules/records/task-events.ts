import { stringifyJson } from '../../atoms/json/json.ts';
import type { NewEvent, TaskWebhook } from '../../models/task-store.ts';
import type { Records } from './schema.ts';
import { readOptional, read } from './task-rows.ts';
import type { TaskRow } from './task-schema.ts';

/** The process that writes: its id is the origin of its events, `newId` makes ids of messages, `now` the time of changes that bring none. */
export interface TaskProcess {
  readonly id: string;
  readonly newId: () => string;
  readonly now?: () => number;
}

/** A transaction under way. */
export interface Writing {
  readonly step: Records;
  readonly process: TaskProcess;
}

/** Writes an event of a task as it is now, under its number `seq`, and a delivery where its webhook wants one. */
export async function tell({ step, process }: Writing, task: TaskRow, told: NewEvent & { readonly at: number }): Promise<void> {
  const { event, data, at } = told;
  await step.insertInto('task_events').values({ task_id: task.id, seq: task.seq, event, status: task.status, at, data: stringifyJson(data), origin: process.id }).execute();
  if (task.hooked === 0) return;
  const details = await step.selectFrom('task_details').select('webhook').where('task_id', '=', task.id).executeTakeFirst();
  const webhook = readOptional<TaskWebhook>(details?.webhook ?? null);
  if (!webhook?.events.includes(event)) return;
  const last = await step.selectFrom('deliveries').select('n').where('task_id', '=', task.id).orderBy('n', 'desc').limit(1).executeTakeFirst();
  const message = { task_id: task.id, n: (last?.n ?? 0) + 1, owner: task.owner, message_id: `msg_${process.newId()}`, event, seq: task.seq, url: webhook.url, body: bodyOf(task, told) };
  await step.insertInto('deliveries').values({ ...message, status: 'pending', attempts: 0, created_at: at, next_at: at }).execute();
}

/** What a webhook is sent: `{type, timestamp, data}` as Standard Webhooks has it. */
function bodyOf(task: TaskRow, { event, data, at }: NewEvent & { readonly at: number }): string {
  const about = {
    ...{ task_id: task.id, task_type: task.type, ...(task.kind === 'template' ? { template: task.name } : {}) },
    ...{ event, at, status: task.status, seq: task.seq, attempt: task.attempt, ...(task.metadata === null ? {} : { metadata: read(task.metadata) }) },
  };
  return stringifyJson({ type: `task.${event}`, timestamp: new Date(at).toISOString(), data: { ...about, ...data } });
}
