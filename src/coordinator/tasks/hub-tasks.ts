import { timingSafeEqual } from 'node:crypto';
import { limits } from '../../constants/limits.ts';
import { fail, failedWith } from '../../core/errors.ts';
import { type Caller, owns } from '../../models/caller.ts';
import type { InputRecords } from '../../models/records.ts';
import { type HubApp, type HubNodeInfo, hubJobId, type HubTarget, hubTaskId, type RunningHubApi } from '../../models/runninghub.ts';
import type { TaskStore } from '../../models/task-store.ts';
import { type HostedValue, isTerminal, type TaskAttempt, type TaskView } from '../../models/task.ts';
import { hubIdOf, nodesOf, noHub, thrownOf } from './hosted.ts';
import { mediaOf, storedNames, withMedia } from './hub-values.ts';
import { type TaskCoordinator, unknown } from './task-coordinator.ts';

export interface HubOrder {
  readonly target: HubTarget;
  readonly values: readonly HostedValue[];
  readonly idempotencyKey?: string | undefined;
  /** Fires when nobody shall wait any more, as at the end of the process. */
  readonly enough?: AbortSignal;
  /** Called when the task is on disk: the order is not needed any more. */
  readonly kept?: () => void;
}

export interface HubTask {
  /** Of RunningHub; ours where that is not known. */
  readonly id: string;
  readonly view: TaskView;
  /** As they were given; files of the caller by their names. */
  readonly nodes: readonly HubNodeInfo[];
}

/** One account. `hookToken`: what RunningHub has to name to tell that the job of a task has ended. */
export interface HubAccess {
  readonly api: RunningHubApi;
  readonly hookToken: (taskId: string) => string;
}

export interface HubTaskParts {
  readonly tasks: Pick<TaskCoordinator, 'create' | 'earlier' | 'view' | 'settled' | 'look'>;
  readonly store: Pick<TaskStore, 'byJob' | 'find' | 'attempts' | 'details'>;
  readonly uploads: Pick<InputRecords, 'findUpstream'>;
  /** By the names of their engines. */
  readonly accounts: ReadonlyMap<string, HubAccess>;
  /** Name of the engine that these callers run on. */
  readonly own: string;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds that callers wait at most. */
  readonly waitMs: number;
}

/** Milliseconds between looks whether RunningHub has taken a task, the first and the longest. */
const LOOKS = { first: 25, longest: 500 } as const;
/** Milliseconds between questions about one task on behalf of callers, and that one waits for RunningHub, and for its results to be kept. */
const ASKING = { between: 1_000, patience: 15_000, keeping: 5_000 } as const;

/** `signal` fires when the caller hangs up, `patience` also when nobody shall wait any more. */
interface Waiting {
  readonly signal: AbortSignal;
  readonly patience: AbortSignal;
}

/** What callers of the RunningHub services do. Their tasks are durable ones: who hangs up, or waited long enough, finds them again. */
export class HubTasks {
  readonly #parts: HubTaskParts;
  /** Tasks that were asked about lately, and when, the oldest first. */
  readonly #asked = new Map<string, number>();

  constructor(parts: HubTaskParts) {
    this.#parts = parts;
  }

  /**
   * On disk, and taken by RunningHub unless that takes longer than callers wait. Throws ENGINE_NOT_REGISTERED without an account,
   * ENGINE_UNAUTHORIZED, ENGINE_WORKFLOW_NOT_FOUND, and what RunningHub refuses it with.
   */
  async create(caller: Caller, order: HubOrder, signal: AbortSignal): Promise<HubTask> {
    const patience = this.#patience(signal, order);
    const id = await this.#kept(caller, order, { signal, patience });
    await this.#taken(id, patience);
    return this.#begun(await this.#parts.tasks.view(caller, id));
  }

  /** As `create`, but once it has ended, unless that takes longer than callers wait. */
  async run(caller: Caller, order: HubOrder, signal: AbortSignal): Promise<HubTask> {
    const patience = this.#patience(signal, order);
    const id = await this.#kept(caller, order, { signal, patience });
    return this.#begun(await this.#parts.tasks.settled(caller, id, patience));
  }

  /** By its id there, or by ours. TASK_NOT_FOUND for what is not the caller's. */
  async find(caller: Caller, id: string): Promise<HubTask> {
    const task = await this.#parts.store.byJob(hubJobId(id));
    // By the id that the caller knows: ours would tell that there is such a task.
    if (task && !owns(caller, task.owner)) throw unknown(id);
    return this.#told(await this.#parts.tasks.view(caller, task?.id ?? id));
  }

  /** As `find`, after RunningHub was asked: what it says has ended there is waited for a while. Where it cannot be asked, the record stands. */
  async ask(caller: Caller, id: string, { signal, enough }: { readonly signal: AbortSignal; readonly enough: AbortSignal }): Promise<HubTask> {
    const task = await this.find(caller, id);
    const { task_id: taskId, status, attempts } = task.view;
    const patient = AbortSignal.any([signal, enough]);
    if (isTerminal(status) || !this.#mayAsk(taskId) || !(await this.#hasEnded(attempts.at(-1), patient))) return task;
    const { tasks } = this.#parts;
    await tasks.look(taskId);
    return this.#told(await tasks.settled(caller, taskId, AbortSignal.any([patient, AbortSignal.timeout(ASKING.keeping)])));
  }

  /** RunningHub says that the job of a task has ended. Nothing is believed: its engine is asked. Throws NOT_FOUND for a token that is none. */
  async heard(taskId: string, token: string): Promise<void> {
    const { accounts, tasks } = this.#parts;
    if (!accounts.values().some(({ hookToken }) => isSame(hookToken(taskId), token))) throw fail('NOT_FOUND', 'this address.');
    await tasks.look(taskId);
  }

  /** An app and what may be set of it. Throws ENGINE_WORKFLOW_NOT_FOUND, ENGINE_UNAUTHORIZED, CONNECTION_ERROR. */
  async app(id: string, signal: AbortSignal): Promise<HubApp> {
    return this.#own().appInfo(id, signal);
  }

  /** Throws ENGINE_NOT_REGISTERED. */
  #own(): RunningHubApi {
    const account = this.#parts.accounts.get(this.#parts.own);
    if (!account) throw noHub();
    return account.api;
  }

  #mayAsk(taskId: string): boolean {
    const now = this.#parts.now();
    if (now - (this.#asked.get(taskId) ?? 0) < ASKING.between) return false;
    this.#asked.delete(taskId);
    this.#asked.set(taskId, now);
    const [oldest] = this.#asked.keys();
    if (this.#asked.size > limits.runninghubAsked && oldest !== undefined) this.#asked.delete(oldest);
    return true;
  }

  async #hasEnded(attempt: TaskAttempt | undefined, signal: AbortSignal): Promise<boolean> {
    const hubId = hubTaskId(attempt?.job_id ?? '');
    const api = this.#parts.accounts.get(attempt?.engine ?? '')?.api;
    if (!api || hubId === undefined) return false;
    try {
      const { state } = await api.query(hubId, AbortSignal.any([signal, AbortSignal.timeout(ASKING.patience)]));
      return state === 'succeeded' || state === 'failed' || state === 'cancelled';
    } catch (error) {
      if (!signal.aborted && !failedWith(error)) throw error;
      return false;
    }
  }

  /** What is surely in vain is told before a task is made of it; who cannot be asked now, or takes its time, is asked by the task. */
  async #looked({ kind, id }: HubTarget, { signal, patience }: Waiting): Promise<HubApp | undefined> {
    const api = this.#own();
    const until = AbortSignal.any([patience, AbortSignal.timeout(ASKING.patience)]);
    try {
      if (kind === 'app') return await api.appInfo(id, until);
      await api.workflowFormat(id, until);
    } catch (error) {
      signal.throwIfAborted();
      if (!failedWith(error) || failedWith(error, 'ENGINE_UNAUTHORIZED', 'ENGINE_WORKFLOW_NOT_FOUND')) throw error;
    }
    return undefined;
  }

  /** With the files among them told apart. */
  async #sorted(caller: Caller, values: readonly HostedValue[], app: HubApp | undefined): Promise<HostedValue[]> {
    const names = storedNames(values);
    const records = names.length === 0 ? [] : await this.#parts.uploads.findUpstream(names);
    const mine = records.filter(({ key }) => caller.admin || key === caller.key);
    return withMedia(values, { app, mine: new Map(mine.map(({ upstreamName, mediaType }) => [upstreamName, mediaOf(mediaType)])) });
  }

  /** Resolves when RunningHub has given it an id, when it has ended, or when `signal` fires. */
  async #taken(id: string, signal: AbortSignal): Promise<void> {
    const { store, sleep } = this.#parts;
    for (let pause: number = LOOKS.first; !signal.aborted; pause = Math.min(pause * 1.5, LOOKS.longest)) {
      if (hubIdOf(await store.attempts(id)) !== undefined) return;
      const task = await store.find(id);
      if (!task || isTerminal(task.status)) return;
      await sleep(pause, signal).catch(() => undefined);
    }
  }

  /** Our id of the task, which the same call may have made before. */
  async #kept(caller: Caller, { target, values, kept, idempotencyKey }: HubOrder, waiting: Waiting): Promise<string> {
    const { tasks } = this.#parts;
    const said = { target, values };
    const before = idempotencyKey === undefined ? undefined : await tasks.earlier(caller, idempotencyKey, said);
    if (before) return before.id;
    const app = await this.#looked(target, waiting);
    const { task } = await tasks.create(caller, { order: { kind: 'hosted', request: { target, values: await this.#sorted(caller, values, app) } }, idempotencyKey, said });
    kept?.();
    return task.id;
  }

  #patience(signal: AbortSignal, { enough }: HubOrder): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(this.#parts.waitMs), ...(enough ? [enough] : [])]);
  }

  /** What failed before RunningHub took it is told as a refusal of the call. */
  #begun(view: TaskView): Promise<HubTask> {
    if (view.status === 'failed' && view.error && hubIdOf(view.attempts) === undefined) throw thrownOf(view.error, view.task_id);
    return this.#told(view);
  }

  async #told(view: TaskView): Promise<HubTask> {
    const details = await this.#parts.store.details(view.task_id);
    return { id: hubIdOf(view.attempts) ?? view.task_id, view, nodes: nodesOf(details?.plan, view.inputs) };
  }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
