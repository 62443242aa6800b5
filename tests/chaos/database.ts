/** What the gateway has written down, read beside it. */
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { TaskStatus } from '../../src/models/task.ts';

const Task = z.object({ id: z.string(), status: TaskStatus, attempt: z.int(), seq: z.int(), job_id: z.string().nullable(), worker: z.string().nullable(), error: z.string().nullable(), metadata: z.string().nullable(), cancel_requested_at: z.number().nullable(), hooked: z.int() });
const Event = z.object({ task_id: z.string(), seq: z.int(), event: z.string(), status: z.string(), data: z.string() });
const Attempt = z.object({ task_id: z.string(), attempt: z.int(), step: z.string().nullable(), instance: z.string().nullable(), job_id: z.string().nullable(), outcome: z.string(), error: z.string().nullable() });
const Delivery = z.object({ task_id: z.string(), n: z.int(), seq: z.int(), event: z.string(), message_id: z.string(), status: z.string(), attempts: z.int(), next_at: z.number().nullable(), last_error: z.string().nullable() });
const Prompt = z.object({ prompt_id: z.string(), state: z.string(), accepted_at: z.number().nullable() });
const tables = { tasks: Task, task_events: Event, task_attempts: Attempt, deliveries: Delivery, prompts: Prompt } as const;

export type TaskRow = z.infer<typeof Task>;
export type EventRow = z.infer<typeof Event>;
export type AttemptRow = z.infer<typeof Attempt>;
export type DeliveryRow = z.infer<typeof Delivery>;

export interface Written {
  readonly tasks: readonly TaskRow[];
  readonly events: readonly EventRow[];
  readonly attempts: readonly AttemptRow[];
  readonly deliveries: readonly DeliveryRow[];
  readonly prompts: readonly z.infer<typeof Prompt>[];
}

/** All of it, as of one moment. */
export function readAll(path: string): Written {
  using database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  database.exec('begin');
  const all = <T extends keyof typeof tables>(table: T, order: string): z.infer<(typeof tables)[T]>[] => {
    const columns = Object.keys(tables[table].shape).join(', ');
    return z.array(tables[table]).parse(database.prepare(`select ${columns} from ${table} order by ${order}`).all());
  };
  return {
    tasks: all('tasks', 'id'),
    events: all('task_events', 'task_id, seq'),
    attempts: all('task_attempts', 'task_id, attempt'),
    deliveries: all('deliveries', 'task_id, n'),
    prompts: all('prompts', 'prompt_id'),
  };
}
