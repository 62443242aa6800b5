import { EventEmitter } from 'node:events';
import type { Account } from './accounts.ts';
import { Refused } from './codes.ts';
import type { Counters } from './counters.ts';
import { hex32, type Ids } from './ids.ts';
import type { Knobs } from './knobs.ts';
import { isEnded, type Order, type Task, type TaskOutput, type TaskState } from './task.ts';

const MAX_TASKS = 10_000;
const WEEK_MS = 7 * 24 * 3_600_000;

export interface TaskParts {
  readonly knobs: Knobs;
  readonly counters: Counters;
  readonly ids: Ids;
  /** Makes what a task that succeeds leaves behind. */
  readonly make: (task: Task) => readonly TaskOutput[];
}

/** Every task of every account, and its way from CREATE to its end, as fast as the knobs say. */
export class Tasks {
  readonly #parts: TaskParts;
  readonly #tasks = new Map<string, Task>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Queued long enough; each waits for a slot of its account. */
  readonly #waiting = new Set<Task>();
  readonly #changes = new EventEmitter<{ change: [Task] }>();

  constructor(parts: TaskParts) {
    this.#parts = parts;
    this.#changes.setMaxListeners(0);
    parts.knobs.onChange(() => {
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const task of waiting) this.#step(task);
      for (const task of this.#tasks.values()) this.#go(task);
    });
  }

  /** Hears of every change of state, at once. */
  onChange(heard: (task: Task) => void): () => void {
    this.#changes.on('change', heard);
    return () => { this.#changes.off('change', heard); };
  }

  /** From here on it is billed, whether or not anybody learns its id. */
  create(order: Order): Task {
    const now = Date.now();
    const auth = { userId: order.account.name, signExpire: now + WEEK_MS, ts: now, sign: hex32() };
    const socketAuth = Buffer.from(JSON.stringify(auth)).toString('base64');
    const task: Task = { ...order, id: this.#parts.ids.next(), clientId: hex32(), socketAuth, createdAt: now, state: 'CREATE', startedAt: undefined, endedAt: undefined, outputs: [], webhook: undefined };
    this.#makeRoom();
    this.#tasks.set(task.id, task);
    this.#parts.counters.created({ account: task.account.name, target: `${task.kind} ${task.targetId}`, nodeInfoList: task.nodeInfoList });
    if (task.outcome === 'nodeErrors') this.#enter(task, 'FAILED');
    this.#go(task);
    return task;
  }

  /** The task, if this account created it. */
  find(account: Account, id: string): Task | undefined {
    const task = this.#tasks.get(id);
    return task?.account === account ? task : undefined;
  }

  get(id: string): Task | undefined {
    return this.#tasks.get(id);
  }

  all(): Task[] {
    return [...this.#tasks.values()];
  }

  count(account: Account, ...states: TaskState[]): number {
    return this.all().filter((task) => task.account === account && states.includes(task.state)).length;
  }

  limitOf(account: Account): number {
    return this.#parts.knobs.state.limits[account.name] ?? account.limit;
  }

  cancel(task: Task): void {
    if (isEnded(task)) throw new Refused(817);
    if (!this.#parts.knobs.state.deafToCancel) this.#enter(task, 'CANCELLED');
  }

  /** Puts a task into a state, whatever the knobs say; it goes on from there. */
  move(task: Task, state: TaskState): void {
    this.#enter(task, state);
    this.#go(task);
  }

  forget(id: string): void {
    const task = this.#tasks.get(id);
    if (!task) return;
    this.#stop(task);
    this.#tasks.delete(id);
  }

  close(): void {
    for (const task of this.#tasks.values()) this.#stop(task);
    this.#tasks.clear();
    this.#changes.removeAllListeners();
  }

  /** Takes every step that needs no waiting, then waits for the next one. */
  #go(task: Task): void {
    const { createMs, queueMs, runMs } = this.#parts.knobs.state;
    if (isEnded(task) || this.#isHeld(task) || this.#timers.has(task.id) || this.#waiting.has(task)) return;
    const delay = { CREATE: createMs, QUEUED: queueMs, RUNNING: runMs }[String(task.state)] ?? 0;
    if (delay === 0 && task.state !== 'RUNNING') {
      this.#step(task);
      return;
    }
    this.#timers.set(task.id, setTimeout(() => {
      this.#timers.delete(task.id);
      this.#step(task);
    }, delay));
  }

  #isHeld({ state }: Task): boolean {
    const { hold } = this.#parts.knobs.state;
    return hold === 'all' || hold === state;
  }

  #step(task: Task): void {
    if (this.#isHeld(task)) return;
    if (task.state === 'QUEUED' && this.count(task.account, 'RUNNING') >= this.limitOf(task.account)) {
      this.#waiting.add(task);
      return;
    }
    if (task.state === 'CREATE') this.#enter(task, 'QUEUED');
    else if (task.state === 'QUEUED') this.#enter(task, 'RUNNING');
    else this.#enter(task, task.outcome === 'failed' ? 'FAILED' : 'SUCCESS');
    this.#go(task);
  }

  #enter(task: Task, state: TaskState): void {
    this.#stop(task);
    task.state = state;
    if (state === 'RUNNING' && task.startedAt === undefined) {
      task.startedAt = Date.now();
      this.#parts.counters.charged(task.account.name);
    }
    if (isEnded(task)) task.endedAt = Date.now();
    if (state === 'SUCCESS') task.outputs = this.#parts.make(task);
    this.#changes.emit('change', task);
    if (isEnded(task)) this.#fill(task.account);
  }

  /** A slot is free: whoever of this account has waited longest gets it. */
  #fill(account: Account): void {
    const next = [...this.#waiting].find((task) => task.account === account);
    if (!next) return;
    this.#waiting.delete(next);
    this.#step(next);
  }

  #stop(task: Task): void {
    clearTimeout(this.#timers.get(task.id));
    this.#timers.delete(task.id);
    this.#waiting.delete(task);
  }

  #makeRoom(): void {
    if (this.#tasks.size < MAX_TASKS) return;
    const oldest = this.all().find(isEnded);
    if (!oldest) throw new Refused(1011);
    this.#tasks.delete(oldest.id);
  }
}
