/**
 * Where tasks are kept. The queue is this store: a task that waits is a row, and whoever claims it has it alone, however
 * many processes claim at once. Every method is committed when it resolves; what the database refuses is INTERNAL_ERROR
 * and nothing has changed then. Times are milliseconds since 1970.
 *
 * A task goes pending → processing → completed, failed or cancelled; processing → pending when an attempt is to be made
 * again. Whoever works on a task holds a `Claim`. A method that takes one changes nothing and answers false when the claim is not
 * the present one any more: the task was given to another process, or has ended.
 *
 * Every change that watchers are told of writes its event in the same transaction; `seq` counts the events of one task from 1. An event
 * whose task has a webhook for it puts a delivery into the outbox, in that transaction too.
 */
import type { StepResult, TaskPlan } from './task-plan.ts';
import type { TaskAttempt, TaskError, TaskEvent, TaskEventName, TaskKind, TaskOutput, TaskQuery, TaskStats, TaskStatus, TerminalStatus } from './task.ts';
import type { TaskUsage } from './task-usage.ts';
import type { PromptProgress } from './prompt-state.ts';

export interface TaskWebhook {
  readonly url: string;
  readonly events: readonly TaskEventName[];
}

/** A task in short: a row of the table that lists and claims read. */
export interface TaskRecord {
  readonly id: string;
  /** Name of the API key that made it, and whether it was an admin then. */
  readonly owner: string;
  readonly admin: boolean;
  readonly clientId: string;
  readonly kind: TaskKind;
  /** As callers read it: TEMPLATE, WORKFLOW, or a pipeline in upper case. */
  readonly type: string;
  /** Of the template or pipeline; empty for a graph. */
  readonly name: string;
  /** Engine of the present step. */
  readonly engine: string;
  readonly status: TaskStatus;
  readonly priority: number;
  /** How often it was claimed. */
  readonly attempt: number;
  /** Attempts up to this one were made before a caller had it tried again: they are not counted against it. */
  readonly triesFrom: number;
  /** Index of the present step. */
  readonly step: number;
  readonly createdAt: number;
  /** Not before: while an attempt waits for its time. */
  readonly availableAt: number;
  readonly deadlineAt: number | undefined;
  /** First claim, and newest. */
  readonly begunAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly inputsFetchedAt: number | undefined;
  readonly executedAt: number | undefined;
  readonly storedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly cancelRequestedAt: number | undefined;
  /** Process that works on it. */
  readonly worker: string | undefined;
  /** Engine's id of the job under way; stored before it is handed over where the engine takes ids of ours. */
  readonly jobId: string | undefined;
  /** 0..1, never goes back. */
  readonly progress: number;
  readonly current: Partial<PromptProgress> | undefined;
  readonly error: TaskError | undefined;
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  /** Number of the newest event. */
  readonly seq: number;
}

/** The larger parts of a task, apart from the row so that lists stay quick. */
export interface TaskDetails {
  readonly plan: TaskPlan;
  /** Of the steps that are done. */
  readonly results: readonly StepResult[];
  /** Those that came so far, of all steps. */
  readonly outputs: readonly TaskOutput[];
  readonly warnings: readonly string[];
  readonly webhook: TaskWebhook | undefined;
  /** Of all runs so far, where an engine bills. */
  readonly usage?: TaskUsage | undefined;
}

export interface NewTask extends Pick<TaskRecord, 'id' | 'owner' | 'admin' | 'clientId' | 'kind' | 'type' | 'name' | 'engine' | 'priority' | 'createdAt' | 'deadlineAt' | 'metadata'> {
  readonly plan: TaskPlan;
  readonly webhook: TaskWebhook | undefined;
}

export interface Idempotency {
  /** The caller's word; counts within its owner. */
  readonly key: string;
  /** Of the body. */
  readonly hash: string;
  /** Older mappings than this time do not count. */
  readonly since: number;
}

export type Created =
  | { readonly kind: 'created'; readonly task: TaskRecord }
  /** The same key and body came before: that task. */
  | { readonly kind: 'same'; readonly task: TaskRecord }
  /** The same key came before with another body. */
  | { readonly kind: 'different' }
  | { readonly kind: 'full'; readonly pending: number };

/** The right to change a task that is being worked on. */
export interface Claim {
  readonly taskId: string;
  readonly worker: string;
  readonly attempt: number;
}

export interface ClaimedTask {
  readonly task: TaskRecord;
  readonly details: TaskDetails;
  readonly claim: Claim;
}

/** What is written beside an event; what is left out stays as it is. `jobId` and `instance` are noted at the attempt, too. */
export interface TaskChange {
  readonly inputsFetchedAt?: number;
  readonly executedAt?: number;
  readonly storedAt?: number;
  /** Engine's id of the job; null when it has none any more. */
  readonly jobId?: string | null;
  readonly instance?: string;
  readonly outputs?: readonly TaskOutput[];
  readonly warnings?: readonly string[];
  readonly usage?: TaskUsage;
}

export interface NewEvent {
  readonly event: TaskEventName;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface TaskEnding {
  readonly status: TerminalStatus;
  readonly endedAt: number;
  readonly error: TaskError | undefined;
  readonly outputs: readonly TaskOutput[];
  readonly warnings: readonly string[];
  readonly executedAt?: number | undefined;
  readonly storedAt?: number | undefined;
}

export interface TaskStore {
  /** Writes the task and its event `queued`. `maxPending`: tasks that may wait, of everybody. */
  create(task: NewTask, options: { readonly maxPending: number; readonly idempotency: Idempotency | undefined }): Promise<Created>;
  /** The newest task that an engine knows, or knew, by that id of its own. */
  byJob(jobId: string): Promise<TaskRecord | undefined>;
  /** What became of an earlier call with that key; undefined when there was none. */
  earlier(owner: string, idempotency: Idempotency): Promise<Created | undefined>;
  find(id: string): Promise<TaskRecord | undefined>;
  findMany(ids: readonly string[]): Promise<readonly TaskRecord[]>;
  details(id: string): Promise<TaskDetails | undefined>;
  attempts(id: string): Promise<readonly TaskAttempt[]>;
  /** Newest first; one more than `query.limit` where there are more. `owner` undefined: everybody's. */
  list(owner: string | undefined, query: TaskQuery): Promise<readonly TaskRecord[]>;
  /** Pending tasks of its engine that go before it, fairness aside. */
  position(task: TaskRecord): Promise<number>;

  /**
   * Takes the next pending task of the engine whose time has come: highest priority; of those, the key with the fewest tasks
   * in work on the engine, then the key that was served longest ago; of those, the oldest. Writes its attempt and the event `started`.
   * `notOf`: keys whose tasks are left where they are.
   */
  claim(engine: string, by: { readonly worker: string; readonly now: number; readonly notOf?: readonly string[] }): Promise<ClaimedTask | undefined>;
  /** Tasks in work of that engine, of all processes. */
  working(engine: string): Promise<number>;
  /** When the next task of that engine comes due that waits for its time; undefined when none does. */
  nextDue(engine: string): Promise<number | undefined>;
  /**
   * Takes over what processes that are gone had in work. With a job id: the claim passes to `worker`, the attempt goes on.
   * Without: back to pending at once, and the attempt is `abandoned`. Answers those that passed. `engines`: those that `worker` has; a job
   * of another one, which nobody can ask, is left as it is until somebody who has its engine comes, or some seconds after its task was to be cancelled, or its deadline has passed.
   */
  takeOver(gone: readonly string[], by: { readonly worker: string; readonly now: number; readonly engines?: readonly string[] }): Promise<readonly ClaimedTask[]>;
  /** Back to pending as if it had not been claimed, as at an orderly end. Does nothing, and answers false, where a job id is stored: that job may run. `waits`: its engine had no room; not before that time, and no attempt is left of it. */
  handBack(claim: Claim, now: number, waits?: { readonly until: number }): Promise<boolean>;
  /** Processes that have tasks in work. */
  workers(): Promise<readonly string[]>;

  /** Writes a change together with an event, where one is given. */
  change(claim: Claim, change: TaskChange, told?: NewEvent): Promise<boolean>;
  /** Never goes back; no event, no number. */
  progress(claim: Claim, progress: number, current: Partial<PromptProgress> | undefined): Promise<boolean>;
  /**
   * A step of a pipeline is done: its attempt ends as `completed`, and the next one begins in the same hands, with a number, an attempt
   * and so a claim of its own. Forgets the job id; event `step` with `{step, outputs}`. Answers the new claim; undefined when the old one does not count any more.
   */
  advance(claim: Claim, next: { readonly step: number; readonly name: string; readonly engine: string; readonly results: readonly StepResult[]; readonly outputs: readonly TaskOutput[]; readonly now: number }): Promise<Claim | undefined>;
  /** The attempt failed and is made again: pending, not before `availableAt`. Forgets the job id; event `retrying`. `abandoned`: it was us who lost it, and it does not count as a failed one. */
  again(claim: Claim, next: { readonly availableAt: number; readonly now: number; readonly error: TaskError; readonly abandoned?: boolean }): Promise<boolean>;
  /** Ends the task, its attempt, and writes the event of that name with `{error?, outputs}`. */
  end(claim: Claim, ending: TaskEnding): Promise<boolean>;

  /**
   * pending: cancelled at once, with its event. processing: noted, with the event `cancelling` the first time. Answers the
   * task as it is then; undefined when there is none.
   */
  requestCancel(id: string, now: number): Promise<TaskRecord | undefined>;
  /** Of those in work by `worker`, the ones that shall stop. */
  cancelRequested(worker: string): Promise<readonly string[]>;
  /** Somebody heard that something became of a task in work: its engine is to be asked at once. Nothing for one that is not in work. */
  requestLook(id: string): Promise<void>;
  /** Of those in work by `worker`, the ones whose engine is to be asked at once. Each request is answered once. */
  lookRequested(worker: string): Promise<readonly string[]>;
  /** Ends pending tasks whose deadline has passed, with TASK_TIMEOUT and the event `failed`. Answers how many. */
  failOverdue(now: number): Promise<number>;
  /** A task that failed or was cancelled becomes pending again, from the step that it ended at; attempts count on. Event `queued`. False when it has not ended so. */
  requeue(id: string, now: number): Promise<boolean>;
  /** Removes a task that has ended, with all that belongs to it. False when it has not. */
  remove(id: string): Promise<boolean>;

  /** Events of a task after `since`, oldest first. */
  events(id: string, since: number, limit: number): Promise<readonly TaskEvent[]>;
  /** Events of all tasks in the order of their writing, after that mark; `mark` undefined begins at the end. `owner` and `clientId` are those of the task. */
  tail(mark: number | undefined, limit: number): Promise<{ readonly mark: number; readonly events: readonly (TaskEvent & { readonly owner: string; readonly clientId: string; readonly origin: string })[] }>;

  stats(owner: string | undefined): Promise<TaskStats>;
  /** Median milliseconds that the newest completed tasks of the same kind and name took to run; undefined where there are none. */
  usualRun(task: Pick<TaskRecord, 'kind' | 'name' | 'engine'>): Promise<number | undefined>;
  /** Pending and processing tasks by engine, of everybody. */
  loads(): Promise<ReadonlyMap<string, { readonly pending: number; readonly processing: number }>>;

  /** Removes up to some hundred tasks that ended before that time with all that belongs to them, idempotency keys too. Answers those removed, with the engine's ids of their jobs: their files can go. */
  expire(before: number): Promise<readonly { readonly id: string; readonly jobIds: readonly string[] }[]>;
}
