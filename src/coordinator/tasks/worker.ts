import { reasonOf } from '../../core/errors.ts';
import type { ClaimedTask } from '../../models/task-store.ts';
import type { WorkerParts } from './parts.ts';
import { TaskRun } from './run.ts';
import { Wake } from './wake.ts';

const times = {
  /** Milliseconds between looks for work that nobody told of: other processes accept tasks too, and some wait for their time. */
  look: 250,
  /** Between looks for tasks of processes that are gone, and for deadlines that passed. */
  tend: 1_000,
  /** Between looks at what only engines could end that are not here. */
  leave: 5_000,
} as const;

/** Tasks of one process at engines of outsiders, whatever those take. */
const HOSTED = 1_000;

/** Claims tasks for engines that can take them, and works on each until it has ended, is to be tried later, or the process ends. */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #runs = new Map<string, { readonly run: TaskRun; readonly over: Promise<void> }>();
  readonly #wake = new Wake();
  /** Processes that are gone, of which nothing could be taken over. */
  #leftAlone = { of: '', until: 0 };
  /** What the log was told of what they left. */
  #told = '';

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  /** There may be work. */
  wake(): void {
    this.#wake.now();
  }

  /** Somebody wants that task to stop. */
  cancel(taskId: string): void {
    this.#runs.get(taskId)?.run.cancel();
  }

  /** Somebody heard that something became of that task. False where it is not in work here. */
  look(taskId: string): boolean {
    this.#runs.get(taskId)?.run.look();
    return this.#runs.has(taskId);
  }

  /** Tasks in work in this process. */
  get busy(): number {
    return this.#runs.size;
  }

  /** Until the signal fires: then nothing more is claimed, and what runs is left for whoever comes next. Resolves when all of it has been let go. */
  async run(signal: AbortSignal): Promise<void> {
    let [tended, looked] = [0, 0];
    while (!signal.aborted) {
      await this.#guarded('tasks could not be claimed', async () => {
        if (this.#parts.now() - tended >= times.tend) {
          await this.#tend(signal);
          tended = this.#parts.now();
        }
        await this.#fill(signal);
        if (this.#parts.now() - looked >= times.look) {
          await this.#heed();
          looked = this.#parts.now();
        }
      });
      await this.#wake.within(times.look, this.#parts.sleep, signal);
    }
    await Promise.all([...this.#runs.values()].map(({ over }) => over));
  }

  /** Gives every engine what it can take, in turns, so that none takes all the hands. */
  async #fill(signal: AbortSignal): Promise<void> {
    const { engines } = this.#parts;
    const hungry = new Set(engines.keys());
    while (hungry.size > 0 && !signal.aborted) {
      for (const name of hungry) {
        const claimed = this.#hasHands(name) ? await this.#claim(name) : undefined;
        if (claimed) this.#begin(claimed, false, signal);
        else hungry.delete(name);
      }
    }
  }

  /** Hands are for what this process does itself; a task that runs at an outsider is only waited for, and its engine says how many it may have. */
  #hasHands(name: string): boolean {
    const { engines, limits, lane } = this.#parts;
    const isHosted = (engine: string): boolean => engines.get(engine)?.hosted === true;
    const busy = this.#runs.values().filter(({ run }) => isHosted(run.engine) === isHosted(name)).reduce((sum) => sum + 1, 0);
    if (isHosted(name)) return busy < HOSTED;
    const fetching = [...engines.keys()].filter((engine) => !isHosted(engine)).reduce((sum, engine) => sum + lane.count(engine), 0);
    return busy - fetching < limits.concurrency;
  }

  async #claim(name: string): Promise<ClaimedTask | undefined> {
    const { engines, store, now, lane, name: worker } = this.#parts;
    const capacity = engines.get(name)?.capacity() ?? 0;
    if (capacity <= 0 || (await store.working(name)) - lane.count(name) >= capacity) return undefined;
    return store.claim(name, { worker, now: now(), notOf: lane.fullKeys() });
  }

  #begin(claimed: ClaimedTask, takenOver: boolean, signal: AbortSignal): void {
    const { id } = claimed.task;
    const run = new TaskRun(this.#parts, claimed, takenOver);
    const over = run.work(signal).then(
      () => undefined,
      (error: unknown) => this.#parts.log.error('working on a task broke off', { task_id: id, error }),
    );
    this.#runs.set(id, { run, over: over.finally(() => this.#ended(id)) });
    this.#parts.told();
  }

  #ended(id: string): void {
    this.#runs.delete(id);
    this.#parts.lane.wake();
    this.#parts.told();
    this.wake();
  }

  /** What processes that are gone had in work, and tasks whose time has passed while they waited. */
  async #tend(signal: AbortSignal): Promise<void> {
    const { store, name, now, gone, told } = this.#parts;
    const strangers = (await store.workers()).filter((worker) => worker !== name);
    const lost = strangers.length > 0 ? await gone(strangers) : [];
    if (lost.length > 0 && (lost.join() !== this.#leftAlone.of || now() >= this.#leftAlone.until)) await this.#takeOver(lost, signal);
    if ((await store.failOverdue(now())) > 0) told();
  }

  async #takeOver(lost: readonly string[], signal: AbortSignal): Promise<void> {
    const { store, name, now, log, engines } = this.#parts;
    const taken = await store.takeOver(lost, { worker: name, now: now(), engines: [...engines.keys()] });
    if (taken.length > 0) log.info('tasks of a process that is gone are taken up', { tasks: taken.length, processes: lost });
    else await this.#leave(lost);
    for (const claimed of taken) this.#begin(claimed, true, signal);
  }

  /** What they had in work can only be ended by engines that are not here: it is looked at less often, and told of when it changes. */
  async #leave(lost: readonly string[]): Promise<void> {
    const { store, now, log, engines } = this.#parts;
    this.#leftAlone = { of: lost.join(), until: now() + times.leave };
    const left = [...(await store.loads())].flatMap(([engine, { processing }]) => (engines.has(engine) || processing === 0 ? [] : [`${processing} at ${engine}`])).join(', ');
    if (left !== '' && left !== this.#told) log.warn('jobs wait for engines that are not configured here: put these back, or cancel the tasks', { jobs: left });
    this.#told = left;
  }

  /** What other processes were told of tasks in work here; of what this one is told, `cancel` and `look` are called. */
  async #heed(): Promise<void> {
    const { store, name, engines } = this.#parts;
    if (this.#runs.size === 0) return;
    for (const id of await store.cancelRequested(name)) this.cancel(id);
    if (engines.values().some((engine) => engine.look !== undefined)) for (const id of await store.lookRequested(name)) this.look(id);
  }

  async #guarded(what: string, deed: () => Promise<void>): Promise<void> {
    await deed().catch((error: unknown) => this.#parts.log.error(what, { reason: reasonOf(error) }));
  }
}
