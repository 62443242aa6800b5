import { failedWith, reasonOf } from '../../core/errors.ts';
import type { Claim, ClaimedTask, TaskDetails, TaskRecord } from '../../models/task-store.ts';
import type { TaskError, TaskOutput } from '../../models/task.ts';
import type { WorkerParts } from './parts.ts';
import { persistently } from './persistent.ts';
import { failedBefore, pauseBefore } from './retry-rule.ts';
import { Halted, Stopped, StepFailed } from './step-end.ts';
import { StepRun } from './step-run.ts';
import { Stops } from './stops.ts';

/** Works on one claimed task, step by step, until it has ended, or waits for another attempt. */
export class TaskRun {
  readonly #parts: WorkerParts;
  readonly #stops: Stops;
  readonly #takenOver: boolean;
  readonly #details: TaskDetails;
  readonly #task: TaskRecord;
  #claim: Claim;
  #step: StepRun | undefined;
  #engine: string;

  constructor(parts: WorkerParts, claimed: ClaimedTask, takenOver: boolean) {
    this.#parts = parts;
    this.#task = claimed.task;
    this.#details = claimed.details;
    this.#claim = claimed.claim;
    this.#takenOver = takenOver;
    this.#engine = claimed.task.engine;
    this.#stops = new Stops(claimed.task.deadlineAt, parts);
    if (claimed.task.cancelRequestedAt !== undefined) this.cancel();
  }

  /** The engine of the step that it is at. */
  get engine(): string {
    return this.#engine;
  }

  /** Somebody wants it to stop. What becomes of it, its engine says. */
  cancel(): void {
    this.#stops.cancel();
  }

  /** Somebody heard that something became of what it waits for: its engine is asked at once. */
  look(): void {
    this.#step?.look();
  }

  /** Resolves when nothing is left to do here. `halt` fires when the process ends. */
  async work(halt: AbortSignal): Promise<void> {
    const { id } = this.#task;
    try {
      await this.#steps(halt);
    } catch (error) {
      if (error instanceof Halted || halt.aborted) return await this.#letGo(halt);
      await this.#failed(error, halt).catch((broken: unknown) => {
        if (!halt.aborted) throw broken;
        this.#parts.log.warn('the end of a task could not be written before the process ended; it is found again', { task_id: id, reason: reasonOf(broken) });
      });
    } finally {
      this.#stops.end();
      this.#parts.told();
    }
  }

  async #steps(halt: AbortSignal): Promise<void> {
    const { plan } = this.#details;
    const results = [...this.#details.results];
    let warnings = this.#details.warnings;
    for (let index = this.#task.step; index < plan.steps.length; index += 1) {
      const resumed = this.#takenOver && index === this.#task.step ? this.#task.jobId : undefined;
      const step = new StepRun({ parts: this.#parts, stops: this.#stops, task: this.#task, plan, index, claim: this.#claim, results, warnings, resumed });
      this.#step = step;
      const done = await step.run(halt);
      const { outputs } = done;
      warnings = done.warnings;
      results.push({ name: plan.steps[index]?.name ?? '', outputs });
      const next = plan.steps[index + 1];
      if (!next) return await this.#end({ status: 'completed', error: undefined, outputs, warnings, executedAt: done.executedAt, storedAt: done.storedAt }, halt);
      await this.#advance({ step: index + 1, name: next.name, engine: next.engine, results, outputs }, halt);
    }
  }

  async #advance(next: { step: number; name: string; engine: string; results: TaskDetails['results']; outputs: readonly TaskOutput[] }, halt: AbortSignal): Promise<void> {
    const { store, now, told, engines } = this.#parts;
    const claim = await this.#write(() => store.advance(this.#claim, { ...next, now: now() }), halt);
    told();
    if (!claim) throw new Halted('lost');
    this.#claim = claim;
    const [before, engine] = [this.#engine, engines.get(next.engine)];
    this.#engine = next.engine;
    if (next.engine === before || !engine) return;
    const needsHand = engines.get(before)?.hosted === true && engine.hosted !== true;
    // Whoever has a hand for it, and an engine with room, goes on.
    if (needsHand || (await store.working(next.engine)) > engine.capacity()) throw new Halted('elsewhere');
  }

  async #end(ending: { status: 'completed' | 'failed' | 'cancelled'; error: TaskError | undefined; outputs?: readonly TaskOutput[]; warnings?: readonly string[]; note?: string | undefined; executedAt?: number; storedAt?: number }, halt: AbortSignal): Promise<void> {
    const { store, now, log } = this.#parts;
    const { status, error, executedAt, storedAt } = ending;
    const present = ending.outputs ? this.#details : ((await this.#write(() => store.details(this.#task.id), halt)) ?? this.#details);
    const { outputs = present.outputs, warnings = [...present.warnings, ...(ending.note === undefined ? [] : [ending.note])] } = ending;
    const endedAt = now();
    const written = await this.#write(() => store.end(this.#claim, { status, endedAt, error, outputs, warnings, executedAt, storedAt }), halt);
    const times = { wait_ms: (this.#task.startedAt ?? endedAt) - this.#task.createdAt, total_ms: endedAt - this.#task.createdAt };
    if (written) log.info(`task ${status}`, { task_id: this.#task.id, key: this.#task.owner, task_type: this.#task.type, ...times, ...(error ? { reason: error.reason } : {}) });
  }

  /** An attempt that broke off: the task ends, or is tried again later. */
  async #failed(thrown: unknown, halt: AbortSignal): Promise<void> {
    if (thrown instanceof Stopped) return await this.#end({ status: thrown.status, error: thrown.error, note: thrown.note }, halt);
    const { error, again, retryAfter, abandoned, waits } = this.#judged(thrown);
    if (waits && this.#stops.reason === undefined) return await this.#wait(retryAfter ?? 1, halt);
    const { store, limits, random, now, log } = this.#parts;
    const attempts = await this.#write(() => store.attempts(this.#task.id), halt);
    const failures = failedBefore(attempts, error.step ?? '', this.#task.triesFrom) + (abandoned ? 0 : 1);
    // What the engine said before it heard of the stop is how the task ended.
    const stopping = thrown instanceof StepFailed && !again ? undefined : this.#stops.reason;
    if (stopping === 'cancel') return await this.#end({ status: 'cancelled', error: undefined }, halt);
    if (stopping === 'deadline') return await this.#end({ status: 'failed', error: this.#stops.overdue(error.step) }, halt);
    if (!again || failures >= limits.maxAttempts) return await this.#end({ status: 'failed', error: failures > 1 ? { ...error, reason: `${error.reason} (attempt ${failures} of ${limits.maxAttempts})` } : error }, halt);
    const availableAt = now() + pauseBefore(Math.max(1, failures), { first: limits.retryDelay, random: random(), retryAfter });
    log.warn('an attempt of a task failed; it is made again', { task_id: this.#task.id, attempt: this.#claim.attempt, again_in_ms: availableAt - now(), code: error.code, reason: error.reason });
    await this.#write(() => store.again(this.#claim, { availableAt, now: now(), error, ...(abandoned ? { abandoned } : {}) }), halt);
  }

  /** Its engine has no room: it waits as if it had not been claimed. */
  async #wait(seconds: number, halt: AbortSignal): Promise<void> {
    const { store, now, log, random } = this.#parts;
    const until = now() + Math.round(seconds * 1_000 * (1 + random() / 4));
    log.debug('the engine of a task has no room; the task waits', { task_id: this.#task.id, engine: this.#task.engine, again_in_ms: until - now() });
    await this.#write(() => store.handBack(this.#claim, now(), { until }), halt);
  }

  #judged(thrown: unknown): StepFailed {
    if (thrown instanceof StepFailed) return thrown;
    if (failedWith(thrown)) return StepFailed.of(thrown);
    this.#parts.log.error('a task met an error that nobody expected', { task_id: this.#task.id, error: thrown });
    return new StepFailed({ code: 'INTERNAL_ERROR', reason: 'The gateway failed; its log tells more.' }, { again: false });
  }

  /** The process ends, or the next engine is busy. A job that was handed over goes on without us; anything else waits for its turn again. */
  async #letGo(halt: AbortSignal): Promise<void> {
    await this.#write(() => this.#parts.store.handBack(this.#claim, this.#parts.now()), halt).catch((error: unknown) => this.#parts.log.warn('a task could not be handed back; it is found again', { task_id: this.#task.id, reason: reasonOf(error) }));
  }

  #write<T>(write: () => Promise<T>, halt: AbortSignal): Promise<T> {
    return persistently(write, this.#parts, halt);
  }
}
