import { createHash } from 'node:crypto';
import { limits as constants } from '../../constants/limits.ts';
import { fail, failedWith, type GatewayError } from '../../core/errors.ts';
import { type Caller, owns } from '../../models/caller.ts';
import type { Created, Idempotency, TaskDetails, TaskRecord, TaskWebhook } from '../../models/task-store.ts';
import { type Delivery, isTerminal, type TaskEventName, type TaskOptions, type TaskOutput, type TaskPage, type TaskQuery, type TaskRequest, type TaskStats, type TaskView } from '../../models/task.ts';
import { Estimates } from './estimates.ts';
import type { TaskParts } from './parts.ts';
import type { Planned } from './planning.ts';
import { summaryOf, viewOf } from './views.ts';
import { following, untilEnded, type TaskTold } from './watching.ts';

/** A task to be accepted. */
export interface TaskOrder {
  readonly order: TaskRequest;
  /** The caller's word for this call: made again within a day, with the same body, it gives the same task. */
  readonly idempotencyKey?: string | undefined;
  /** That body, where more was learned since than it said; default is the order. */
  readonly said?: unknown;
}

/** Milliseconds that an Idempotency-Key counts. */
const SAME_FOR = 24 * 3_600_000;
/** Seconds after which a caller who met a full queue may come again. */
const LATER = 5;
/** Milliseconds that an engine has to say how it is. */
const PATIENCE = 2_000;
/** Milliseconds that a cancel waits for the engine's word. */
const VERIFY = 12_000;
const usualEvents: readonly TaskEventName[] = ['completed', 'failed', 'cancelled'];

/** What callers do with tasks: hand over, look, wait, stop, repeat, remove. A task of another key does not exist for them. */
export class TaskCoordinator {
  readonly #parts: TaskParts;
  readonly #estimates: Estimates;

  constructor(parts: TaskParts) {
    this.#parts = parts;
    this.#estimates = new Estimates(parts);
  }

  /** On disk when it resolves. `again`: the same call came before, and this is its task. Throws QUEUE_FULL, VALIDATION_ERROR. */
  async create(caller: Caller, { order, idempotencyKey, said = order }: TaskOrder): Promise<{ readonly task: TaskRecord; readonly again: boolean }> {
    const { store, newId, now, limits, worker, told } = this.#parts;
    const options = order.request;
    if (options.metadata && this.#parts.stringify(options.metadata).length > constants.metadataLength) throw fail('VALIDATION_ERROR', `metadata has up to ${constants.metadataLength} characters as JSON.`);
    const createdAt = now();
    const idempotency = idempotencyKey === undefined ? undefined : this.#idempotency(idempotencyKey, said);
    const planned = await this.#planned(caller, order, idempotency);
    if ('before' in planned) return { task: planned.before, again: true };
    const task = {
      ...planned,
      id: newId(),
      owner: caller.key,
      admin: caller.admin,
      clientId: options.client_id ?? newId(),
      engine: planned.plan.steps[0]?.engine ?? '',
      priority: options.priority ?? 0,
      createdAt,
      deadlineAt: options.deadline_seconds === undefined ? undefined : createdAt + options.deadline_seconds * 1_000,
      metadata: options.metadata,
      webhook: this.#webhook(options),
    };
    const created = await store.create(task, { maxPending: limits.maxPending, idempotency });
    const accepted = this.#accepted(created);
    if (created.kind === 'created') worker.wake();
    told();
    return { task: accepted, again: created.kind === 'same' };
  }

  /** The task that the same call made before. Throws VALIDATION_ERROR where another body came with the key. */
  async earlier(caller: Caller, idempotencyKey: string, said: unknown): Promise<TaskRecord | undefined> {
    const before = await this.#parts.store.earlier(caller.key, this.#idempotency(idempotencyKey, said));
    return before && this.#accepted(before);
  }

  /** TASK_NOT_FOUND for what is not the caller's. */
  async find(caller: Caller, id: string): Promise<TaskRecord> {
    const task = await this.#parts.store.find(id);
    if (!task || !owns(caller, task.owner)) throw unknown(id);
    return task;
  }

  async view(caller: Caller, id: string): Promise<TaskView> {
    const task = await this.find(caller, id);
    const { store, limits } = this.#parts;
    const [details, attempts] = await Promise.all([this.#details(id), store.attempts(id)]);
    const position = task.status === 'pending' ? await store.position(task) : undefined;
    const waitingFor = isTerminal(task.status) ? undefined : await this.#waitingFor(task);
    const etaMs = waitingFor === undefined ? await this.#estimates.left(task, position) : undefined;
    return viewOf({ task, details, attempts, position, etaMs, waitingFor, retentionDays: limits.retentionDays, now: this.#parts.now() });
  }

  /** As `view`, once it has ended, or when `signal` fires. */
  async settled(caller: Caller, id: string, signal: AbortSignal): Promise<TaskView> {
    const task = await this.find(caller, id);
    await untilEnded(task, this.#parts, signal);
    return this.view(caller, id);
  }

  async outputs(caller: Caller, id: string): Promise<readonly TaskOutput[]> {
    await this.find(caller, id);
    return (await this.#details(id)).outputs;
  }

  async list(caller: Caller, query: TaskQuery): Promise<TaskPage> {
    const tasks = await this.#parts.store.list(caller.admin ? query.owner : caller.key, query);
    const page = tasks.slice(0, query.limit);
    return { tasks: page.map(summaryOf), next_cursor: tasks.length > query.limit ? (page.at(-1)?.id ?? null) : null };
  }

  /** What happened after `since`, then what happens, until the task has ended. Throws TASK_NOT_FOUND. */
  async watch(caller: Caller, id: string, options: { readonly since: number; readonly signal: AbortSignal }): Promise<AsyncGenerator<TaskTold, void>> {
    const task = await this.find(caller, id);
    if (this.#parts.feed.full) throw fail('QUEUE_FULL', 'too many watch tasks already.', { retryAfter: LATER, status: 503 });
    return following(task, this.#parts, options);
  }

  /**
   * One that waits is gone at once. One that is worked on is stopped at its engine: answers when that has said what became
   * of it, or after a while with `cancel_requested_at`. CONFLICT when it has ended already.
   */
  async cancel(caller: Caller, id: string, signal: AbortSignal): Promise<TaskView> {
    const { store, worker, now, told } = this.#parts;
    const before = await this.find(caller, id);
    if (isTerminal(before.status)) throw fail('CONFLICT', `task ${id} is ${before.status} already.`);
    const task = await store.requestCancel(id, now());
    told();
    if (!task) throw unknown(id);
    if (task.status === 'processing') worker.cancel(id);
    return this.settled(caller, id, AbortSignal.any([signal, AbortSignal.timeout(VERIFY)]));
  }

  /** Somebody heard that something became of it: whichever process works on it asks its engine at once. */
  async look(id: string): Promise<void> {
    if (!this.#parts.worker.look(id)) await this.#parts.store.requestLook(id);
  }

  /** A failed or cancelled task once more. CONFLICT for another. */
  async retry(caller: Caller, id: string): Promise<TaskRecord> {
    const { store, worker, now, told } = this.#parts;
    const before = await this.find(caller, id);
    if (!(await store.requeue(id, now()))) throw fail('CONFLICT', `task ${id} is ${before.status}; only one that failed or was cancelled is tried again.`);
    worker.wake();
    told();
    return this.find(caller, id);
  }

  /** Forgets a task that has ended, with its outputs. CONFLICT while it has not. */
  async remove(caller: Caller, id: string): Promise<void> {
    const { store, storage } = this.#parts;
    const task = await this.find(caller, id);
    const attempts = await store.attempts(id);
    if (!(await store.remove(id))) throw fail('CONFLICT', `task ${id} is ${task.status}; cancel it first.`);
    for (const { job_id: jobId } of attempts) if (jobId !== undefined) await storage.remove(jobId);
    await storage.remove(id);
  }

  async stats(caller: Caller): Promise<TaskStats> {
    return this.#parts.store.stats(caller.admin ? undefined : caller.key);
  }

  async deliveries(caller: Caller, id: string): Promise<readonly Delivery[]> {
    await this.find(caller, id);
    return this.#parts.deliveries.list(id);
  }

  /** NOT_FOUND when there is no such delivery. */
  async redeliver(caller: Caller, id: string, n: number): Promise<Delivery> {
    const { deliveries, now, told } = this.#parts;
    await this.find(caller, id);
    const there = await deliveries.redeliver(id, n, now());
    const delivery = (await deliveries.list(id)).find((one) => one.n === n);
    if (!there || !delivery) throw fail('NOT_FOUND', `delivery ${n} of task ${id}.`);
    told();
    return delivery;
  }

  /** What is to be done; where that cannot be done any more, the task of an earlier call with the same key. */
  async #planned(caller: Caller, order: TaskRequest, idempotency: Idempotency | undefined): Promise<Planned | { readonly before: TaskRecord }> {
    try {
      return this.#parts.planning.plan(order);
    } catch (error) {
      const before = idempotency && (await this.#parts.store.earlier(caller.key, idempotency));
      if (before?.kind === 'same') return { before: before.task };
      throw error;
    }
  }

  /** Of one in work, that its engine is gone: nobody can ask what became of its job. */
  async #waitingFor({ engine: name, status, worker }: TaskRecord): Promise<string | undefined> {
    const { engines, working, gone } = this.#parts;
    if (status === 'processing' && (engines.has(name) || worker === undefined || (await gone([worker])).length === 0)) return undefined;
    if (!(await working())) return 'No process works on tasks of this DATA_DIR; start one with npm start worker.';
    const engine = engines.get(name);
    if (!engine) return `Engine "${name}" is not configured here any more: put it back into engine_config.yml (or set its key again), or cancel the task${status === 'processing' ? ', whose job is not stopped then' : ''}.`;
    return engine.capacity() > 0 ? undefined : (await engine.health(AbortSignal.timeout(PATIENCE))).reason;
  }

  async #details(id: string): Promise<TaskDetails> {
    const details = await this.#parts.store.details(id);
    if (!details) throw unknown(id);
    return details;
  }

  #idempotency(key: string, said: unknown): Idempotency {
    return { key, hash: createHash('sha256').update(this.#parts.stringify(said)).digest('hex'), since: this.#parts.now() - SAME_FOR };
  }

  #webhook({ webhook_url: url, webhook_events: events }: TaskOptions): TaskWebhook | undefined {
    if (url === undefined && events !== undefined) throw fail('VALIDATION_ERROR', 'webhook_events without a webhook_url.');
    if (url === undefined) return undefined;
    try {
      this.#parts.webhooks.check(url);
    } catch (error) {
      throw failedWith(error) ? fail(error.code, `webhook_url: ${error.detail}`, { cause: error, faults: [{ input: 'webhook_url', type: 'address_not_taken', reason: error.detail }] }) : error;
    }
    return { url, events: events ?? usualEvents };
  }

  #accepted(created: Created): TaskRecord {
    switch (created.kind) {
      case 'created':
      case 'same':
        return created.task;
      case 'different':
        throw fail('VALIDATION_ERROR', 'this Idempotency-Key came before with another body; use a new one for a new task.');
      case 'full':
        throw fail('QUEUE_FULL', `${created.pending} tasks wait already (MAX_QUEUE_DEPTH).`, { retryAfter: LATER });
      default: {
        const never: never = created;
        return never;
      }
    }
  }
}

export function unknown(id: string): GatewayError {
  return fail('TASK_NOT_FOUND', `task "${id}".`);
}
