import { type Kysely, sql } from 'kysely';

/** Tables of tasks, of what belongs to them, and of the outbox. What belongs to a task goes with it. */
export async function durableTasks(db: Kysely<unknown>): Promise<void> {
  for (const statement of [tasks, ...indexes, ...parts, ...counts, ...outbox]) await sql.raw(statement).execute(db);
}

/** What engines that bill said of the runs of a task. */
export async function usageOfTasks(db: Kysely<unknown>): Promise<void> {
  await sql.raw('alter table task_details add column usage text').execute(db);
}

/** Callers of the RunningHub services name tasks by the id that they have there. */
export async function jobsOfTasks(db: Kysely<unknown>): Promise<void> {
  await sql.raw('create index task_attempts_by_job on task_attempts (job_id, task_id) where job_id is not null').execute(db);
}

/** Hints that came to another process than the one that has the task in work. */
export async function looksAtTasks(db: Kysely<unknown>): Promise<void> {
  await sql.raw('alter table tasks add column look integer not null default 0').execute(db);
}

const tasks = `create table tasks (
  id text not null primary key,
  owner text not null,
  admin integer not null,
  client_id text not null,
  kind text not null,
  type text not null,
  name text not null,
  engine text not null,
  status text not null,
  priority integer not null,
  attempt integer not null,
  tries_from integer not null,
  step integer not null,
  created_at bigint not null,
  available_at bigint not null,
  delayed integer not null,
  deadline_at bigint,
  begun_at bigint,
  started_at bigint,
  inputs_fetched_at bigint,
  executed_at bigint,
  stored_at bigint,
  ended_at bigint,
  cancel_requested_at bigint,
  worker text,
  job_id text,
  progress real not null,
  current text,
  error text,
  seq integer not null,
  hooked integer not null,
  metadata text
) without rowid`;

/** Each ends with the id, as the rows lie in its order. Those of tasks that wait or are in work hold no others: they stay small, however many have ended. */
const indexes = [
  `create index tasks_ready on tasks (engine, priority, owner) where status = 'pending' and delayed = 0`,
  `create index tasks_delayed on tasks (engine, available_at) where status = 'pending' and delayed = 1`,
  `create index tasks_by_deadline on tasks (status, deadline_at) where status = 'pending' and deadline_at is not null`,
  `create index tasks_in_work on tasks (engine, owner) where status = 'processing'`,
  `create index tasks_by_worker on tasks (status, worker) where status = 'processing'`,
  `create index tasks_by_end on tasks (ended_at) where ended_at is not null`,
  `create index tasks_by_owner_and_end on tasks (owner, ended_at) where ended_at is not null`,
  `create index tasks_completed on tasks (kind, name, engine, ended_at) where status = 'completed'`,
  'create index tasks_by_owner on tasks (owner)',
  'create index tasks_by_owner_and_status on tasks (owner, status)',
  'create index tasks_by_status on tasks (status)',
  'create index tasks_by_client on tasks (client_id)',
  'create index tasks_by_name on tasks (name)',
  'create index tasks_by_type on tasks (type)',
  'create index tasks_by_engine on tasks (engine)',
  'create index tasks_by_creation on tasks (created_at)',
];

const parts = [
  `create table task_details (
    task_id text not null primary key references tasks (id) on delete cascade,
    webhook text,
    warnings text not null,
    outputs text not null,
    results text not null,
    plan text not null
  )`,
  `create table task_attempts (
    task_id text not null references tasks (id) on delete cascade,
    attempt integer not null,
    step text,
    engine text not null,
    instance text,
    job_id text,
    started_at bigint not null,
    ended_at bigint,
    outcome text not null,
    error text,
    primary key (task_id, attempt)
  ) without rowid`,
  `create table task_events (
    id integer primary key autoincrement,
    task_id text not null references tasks (id) on delete cascade,
    seq integer not null,
    event text not null,
    status text not null,
    at bigint not null,
    data text not null,
    origin text not null
  )`,
  'create unique index task_events_by_task on task_events (task_id, seq)',
  `create table idempotency (
    owner text not null,
    key text not null,
    hash text not null,
    task_id text not null references tasks (id) on delete cascade,
    created_at bigint not null,
    primary key (owner, key)
  ) without rowid`,
  'create index idempotency_by_task on idempotency (task_id)',
  'create table task_turns (engine text not null, owner text not null, turn bigint not null, primary key (engine, owner)) without rowid',
  'create index task_turns_in_order on task_turns (engine, turn)',
];

const sort = ['status', 'engine', 'owner', 'kind', 'name', 'type'];
const isOld = sort.map((column) => `${column} = old.${column}`).join(' and ');
const oneMore = `insert into task_counts (${sort.join(', ')}, n) values (${sort.map((column) => `new.${column}`).join(', ')}, 1) on conflict (${sort.join(', ')}) do update set n = n + 1;`;
const oneLess = `update task_counts set n = n - 1 where ${isOld}; delete from task_counts where ${isOld} and n = 0;`;

/** Whoever changes a task, the counts are right. */
const counts = [
  `create table task_counts (${sort.map((column) => `${column} text not null`).join(', ')}, n integer not null, primary key (${sort.join(', ')})) without rowid`,
  'create index task_counts_by_owner on task_counts (owner)',
  `create trigger tasks_counted_in after insert on tasks begin ${oneMore} end`,
  `create trigger tasks_counted_over after update of status, engine on tasks when old.status <> new.status or old.engine <> new.engine begin ${oneLess} ${oneMore} end`,
  `create trigger tasks_counted_out after delete on tasks begin ${oneLess} end`,
];

const outbox = [
  `create table deliveries (
    task_id text not null references tasks (id) on delete cascade,
    n integer not null,
    owner text not null,
    message_id text not null,
    event text not null,
    seq integer not null,
    url text not null,
    body text not null,
    status text not null,
    attempts integer not null,
    created_at bigint not null,
    next_at bigint,
    delivered_at bigint,
    last_status integer,
    last_error text,
    primary key (task_id, n)
  )`,
  `create index deliveries_due on deliveries (next_at) where status = 'pending'`,
  `create index deliveries_by_owner on deliveries (owner, next_at) where status = 'pending'`,
];
