import type { Generated } from 'kysely';
import type { Delivery, TaskAttempt, TaskEventName, TaskKind, TaskStatus } from '../../models/task.ts';

/** Columns whose names are those of `TaskRecord` mean the same. `current`, `error` and `metadata` are JSON. */
export interface TaskRow {
  id: string;
  owner: string;
  admin: number;
  client_id: string;
  kind: TaskKind;
  type: string;
  name: string;
  engine: string;
  status: TaskStatus;
  priority: number;
  attempt: number;
  tries_from: number;
  step: number;
  created_at: number;
  available_at: number;
  /** 1 while it waits for `available_at`: claims do not look at it before it is due. */
  delayed: number;
  deadline_at: number | null;
  begun_at: number | null;
  started_at: number | null;
  inputs_fetched_at: number | null;
  executed_at: number | null;
  stored_at: number | null;
  ended_at: number | null;
  cancel_requested_at: number | null;
  worker: string | null;
  job_id: string | null;
  progress: number;
  current: string | null;
  error: string | null;
  seq: number;
  /** 1 where the details have a webhook. */
  hooked: number;
  metadata: string | null;
  /** 1 where its engine is to be asked at once. */
  look: number;
}

/** JSON all over. The plan comes last: what is read often lies before it. */
interface DetailsRow {
  task_id: string;
  webhook: string | null;
  warnings: string;
  outputs: string;
  results: string;
  plan: string;
  usage: string | null;
}

export interface AttemptRow {
  task_id: string;
  attempt: number;
  step: string | null;
  engine: string;
  instance: string | null;
  job_id: string | null;
  started_at: number;
  ended_at: number | null;
  outcome: TaskAttempt['outcome'];
  error: string | null;
}

/** `id` counts through all tasks in the order of writing; `origin` is the process that wrote it. */
interface EventRow {
  id: Generated<number>;
  task_id: string;
  seq: number;
  event: TaskEventName;
  status: TaskStatus;
  at: number;
  data: string;
  origin: string;
}

/** How many tasks there are of each sort that there is. Triggers on `tasks` keep it. */
export interface CountRow {
  owner: string;
  kind: TaskKind;
  name: string;
  type: string;
  engine: string;
  status: TaskStatus;
  n: number;
}

/** Whose turn it was on an engine: the larger, the later. */
interface TurnRow {
  engine: string;
  owner: string;
  turn: number;
}

interface IdempotencyRow {
  owner: string;
  key: string;
  hash: string;
  task_id: string;
  created_at: number;
}

export interface DeliveryRow {
  task_id: string;
  n: number;
  owner: string;
  message_id: string;
  event: TaskEventName;
  seq: number;
  url: string;
  body: string;
  status: Delivery['status'];
  attempts: number;
  created_at: number;
  next_at: number | null;
  delivered_at: number | null;
  last_status: number | null;
  last_error: string | null;
}

/** The tables of tasks. Times are milliseconds since 1970. */
export interface TaskTables {
  tasks: TaskRow;
  task_details: DetailsRow;
  task_attempts: AttemptRow;
  task_events: EventRow;
  task_counts: CountRow;
  task_turns: TurnRow;
  idempotency: IdempotencyRow;
  deliveries: DeliveryRow;
}
