import { limits } from '../../constants/limits.ts';
import { fail, failedWith, reasonOf } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';
import type { Engine, EngineEnding, EngineEvent, EngineJob, EngineJobRef, HandedOver } from '../../models/engine.ts';
import type { PromptError } from '../../models/prompt-state.ts';
import type { PlannedStep } from '../../models/task-plan.ts';
import type { TaskChange } from '../../models/task-store.ts';
import type { TaskOutput } from '../../models/task.ts';
import { together } from '../../models/task-usage.ts';
import { byInput } from './file-refusal.ts';
import { Keeping } from './keeping.ts';
import type { WorkerParts } from './parts.ts';
import { persistently } from './persistent.ts';
import { StepProgress } from './progress.ts';
import { failedInstances } from './retry-rule.ts';
import type { StepDone, StepFacts } from './step-facts.ts';
import { StepInputs } from './step-inputs.ts';
import { Halted, StepFailed, Stopped } from './step-end.ts';
import { counting } from './views.ts';

/** Milliseconds between orders to stop a job that goes on. */
const STOP_AGAIN = 10_000;

/** One step of a task: its files, the job, its story, its outputs. Throws Halted, Stopped, StepFailed, or what its values are refused with. */
export class StepRun {
  readonly #facts: StepFacts;
  readonly #step: PlannedStep;
  readonly #engine: Engine;
  readonly #caller: Caller;
  readonly #inputs: StepInputs;
  readonly #progress: StepProgress;
  #warnings: readonly string[];
  #outputs: readonly TaskOutput[] = [];
  #job: EngineJobRef | undefined;
  /** What its engine said when it was given the job. */
  #saidAtSubmit: readonly string[];

  constructor(facts: StepFacts) {
    const { plan, index, task, parts } = facts;
    const step = plan.steps[index];
    const engine = parts.engines.get(step?.engine ?? '');
    if (!step || !engine) throw withoutEngine(facts, step);
    this.#facts = facts;
    this.#step = step;
    this.#engine = engine;
    this.#caller = { key: task.owner, admin: task.admin };
    this.#inputs = new StepInputs(facts, { step, engine, caller: this.#caller });
    this.#progress = new StepProgress(facts);
    this.#warnings = facts.warnings;
    this.#saidAtSubmit = facts.resumed !== undefined && index === 0 ? facts.warnings : [];
  }

  async run(halt: AbortSignal): Promise<StepDone> {
    let given = false;
    try {
      const job = (await this.#resumed(halt)) ?? (await this.#handOver(halt));
      given = true;
      this.#job = job;
      const ending = await this.#watch(job, halt);
      await this.#bill(ending, halt);
      this.#judge(ending);
      return await this.#keep(job, halt);
    } catch (error) {
      await this.#progress.settle();
      throw this.#named(given && this.#engine.hosted === true ? forGood(error) : error);
    }
  }

  /** Somebody heard that something became of its job. */
  look(): void {
    if (this.#job) this.#engine.look?.(this.#job);
  }

  /** The job of an earlier process, if the engine may have it. */
  async #resumed(halt: AbortSignal): Promise<EngineJobRef | undefined> {
    const { resumed } = this.#facts;
    if (resumed === undefined) return undefined;
    const job = { id: resumed, caller: this.#caller, taskId: this.#facts.task.id, since: this.#facts.task.inputsFetchedAt, target: this.#step.target };
    const known = await persistently(() => this.#engine.knows(job, halt), this.#facts.parts, halt);
    if (known === 'unknown') throw StepFailed.of(fail('ENGINE_OUTCOME_UNKNOWN', `it was being submitted to engine "${this.#engine.name}" when its process ended. The engine may have begun it, and may bill it; it is not submitted again by itself. Look into your account there, then have the task tried again if it is not there.`));
    return known ? job : undefined;
  }

  async #handOver(halt: AbortSignal): Promise<EngineJobRef> {
    const { parts, stops, task, claim, resumed } = this.#facts;
    const either = AbortSignal.any([halt, stops.signal]);
    this.#leaveIfStopped(halt);
    const { media, ...placed } = await this.#inputs.placed(either).catch((error: unknown) => this.#rethrow(error, halt));
    this.#leaveIfStopped(halt);
    const id = resumed ?? parts.newId();
    const attempts = claim.attempt > 1 ? await parts.store.attempts(task.id) : [];
    const mark = (): Promise<void> => this.#change({ inputsFetchedAt: parts.now(), jobId: id }, halt);
    if (this.#engine.hosted !== true) await mark();
    this.#leaveIfStopped(halt);
    const leaving = async (): Promise<void> => {
      this.#leaveIfStopped(halt);
      await mark();
    };
    const job = { id, taskId: task.id, caller: this.#caller, clientId: task.clientId, ...placed, extraData: this.#step.extraData, target: this.#step.target, avoid: failedInstances(attempts, this.#step.name), leaving };
    const handed = this.#engine.hosted === true ? await this.#submitHosted(job, either, halt) : await this.#engine.submit(job, either).catch((error: unknown) => this.#rethrow(byInput(error, media), halt));
    this.#saidAtSubmit = handed.warnings;
    this.#warnings = [...new Set([...this.#warnings, ...handed.warnings])];
    await this.#change({ ...(handed.instance === undefined ? {} : { instance: handed.instance }), ...(handed.warnings.length > 0 ? { warnings: this.#warnings } : {}) }, halt);
    return handed.job;
  }

  /** Gives a job to an engine that may bill it. Its own id is stored at once; where it surely was not begun, the mark goes. */
  async #submitHosted(job: EngineJob, signal: AbortSignal, halt: AbortSignal): Promise<HandedOver> {
    try {
      const handed = await this.#engine.submit(job, signal);
      await this.#change({ jobId: handed.job.id }, halt);
      return handed;
    } catch (error) {
      if (failedWith(error, 'ENGINE_OUTCOME_UNKNOWN')) throw StepFailed.of(error);
      if (failedWith(error)) await this.#change({ jobId: null }, halt);
      return this.#rethrow(error, halt);
    }
  }

  /** Follows the job to its ending; while somebody wants it to stop, its engine is told so. An engine that is slow to hear of it holds nothing up. */
  async #watch(job: EngineJobRef, halt: AbortSignal): Promise<EngineEnding> {
    const over = new AbortController();
    void this.#stopWhenAsked(job, AbortSignal.any([halt, over.signal]));
    try {
      for await (const event of this.#engine.watch(job, halt)) {
        const ending = await this.#take(event, halt);
        if (ending) return ending;
      }
      throw fail('INTERNAL_ERROR', `engine ${this.#engine.name} told of no ending of job ${job.id}.`);
    } finally {
      over.abort();
    }
  }

  async #take(event: EngineEvent, halt: AbortSignal): Promise<EngineEnding | undefined> {
    switch (event.kind) {
      case 'running':
        return undefined;
      case 'progress':
        await this.#progress.tell(event.progress);
        return undefined;
      case 'output': {
        const fresh = counting(event.files.map((file) => this.#ofStep(file)), this.#step.template?.outputs);
        if (fresh.length === 0) return undefined;
        this.#outputs = [...this.#outputs, ...fresh];
        await this.#change({ outputs: this.#outputs }, halt, { event: 'output', data: { outputs: this.#outputs } });
        return undefined;
      }
      case 'completed':
      case 'failed':
      case 'stopped':
        return event;
      default: {
        const never: never = event;
        return never;
      }
    }
  }

  /** Never rejects. */
  async #stopWhenAsked(job: EngineJobRef, signal: AbortSignal): Promise<void> {
    const { stops, parts, task } = this.#facts;
    await firing(AbortSignal.any([stops.signal, signal]));
    const over = firing(signal);
    while (!signal.aborted) {
      const told = this.#engine.cancel(job).catch((error: unknown) => signal.aborted || parts.log.warn('an engine could not be told to stop a job; it is told again', { task_id: task.id, engine: this.#engine.name, reason: reasonOf(error) }));
      // An engine may take its time to say what came of it: nobody waits for that when the job, or this process, has ended.
      await Promise.race([over, told.then(() => parts.sleep(STOP_AGAIN, signal)).catch(() => undefined)]);
    }
  }

  /** What it cost is kept however it ended. */
  async #bill(ending: EngineEnding, halt: AbortSignal): Promise<void> {
    const { parts, task } = this.#facts;
    if (!('usage' in ending) || !ending.usage) return;
    const details = await persistently(() => parts.store.details(task.id), parts, halt);
    await this.#change({ usage: together(details?.usage, ending.usage) }, halt);
  }

  /** Anything but a completed job ends the step here. */
  #judge(ending: EngineEnding): void {
    const { stops, resumed } = this.#facts;
    if (ending.kind === 'completed') return;
    if (ending.kind === 'failed') throw new StepFailed(this.#explained(ending.error), { again: ending.again, abandoned: resumed !== undefined && ending.error.code === 'PROMPT_LOST' });
    if (stops.reason === 'deadline') throw new Stopped('failed', stops.overdue(this.#step.name), ending.warning);
    if (ending.byUs || stops.reason === 'cancel') throw new Stopped('cancelled', undefined, ending.warning);
    throw new StepFailed({ code: 'WORKFLOW_EXECUTION_ERROR', reason: fail('WORKFLOW_EXECUTION_ERROR', ending.reason).message }, { again: false });
  }

  /** What a hosted engine found at the submit is often why it failed. */
  #explained(error: PromptError): PromptError {
    const { reason } = error;
    // Their ends tell what it was about: a reason that says it needs no more.
    const more = this.#saidAtSubmit.filter((said) => !reason.includes(said.slice(said.lastIndexOf(': ') + 2)));
    if (this.#engine.hosted !== true || more.length === 0) return error;
    return { ...error, reason: `${reason}${/[.!?]$/.test(reason) ? '' : '.'} At the submit: ${more.join(' ')}`.slice(0, limits.sentence) };
  }

  async #keep(job: EngineJobRef, halt: AbortSignal): Promise<StepDone> {
    const { parts } = this.#facts;
    const executedAt = parts.now();
    const found = await new Keeping(parts, this.#facts.task.id).keep(() => this.#engine.outputs(job, halt), this.#step.template?.outputs, halt);
    return { outputs: found.outputs.map((output) => this.#ofStep(output)), warnings: [...this.#warnings, ...found.warnings], executedAt, storedAt: parts.now() };
  }

  #ofStep(output: TaskOutput): TaskOutput {
    return this.#step.name === '' ? output : { ...output, step: this.#step.name };
  }

  async #change(change: TaskChange, halt: AbortSignal, told?: Parameters<WorkerParts['store']['change']>[2]): Promise<void> {
    const { parts, claim } = this.#facts;
    if (Object.keys(change).length === 0) return;
    if (!(await persistently(() => parts.store.change(claim, change, told), parts, halt))) throw new Halted('the task is not ours any more');
    if (told) parts.told();
  }

  #leaveIfStopped(halt: AbortSignal): void {
    const { stops } = this.#facts;
    if (halt.aborted) throw new Halted('the process ends');
    if (stops.reason === 'cancel') throw new Stopped('cancelled', undefined);
    if (stops.reason === 'deadline') throw new Stopped('failed', stops.overdue(this.#step.name));
  }

  /** A failure that came of stopping is none; others carry whether it may be tried again. */
  #rethrow(error: unknown, halt: AbortSignal): never {
    this.#leaveIfStopped(halt);
    if (!failedWith(error)) throw error;
    throw StepFailed.of(error);
  }

  /** A failed step of a pipeline names itself. */
  #named(error: unknown): unknown {
    const { name } = this.#step;
    if (name === '') return error;
    if (error instanceof StepFailed) return error.at(name);
    return failedWith(error) ? StepFailed.of(error).at(name) : error;
  }
}

/** Nobody can be asked what becomes of its job: whoever wanted it to stop has that, others may put the engine back. */
function withoutEngine({ stops, task, parts }: StepFacts, step: PlannedStep | undefined): Error {
  const { name = '', engine = '' } = step ?? {};
  const note = task.jobId === undefined ? undefined : `Its job ${task.jobId} was not stopped: engine "${engine}" is not configured any more. It may go on there, and be billed.`;
  if (stops.reason === 'cancel') return new Stopped('cancelled', undefined, note);
  if (task.deadlineAt !== undefined && task.deadlineAt <= parts.now()) return new Stopped('failed', stops.overdue(name), note);
  const { message: reason } = fail('ENGINE_NOT_REGISTERED', `engine "${engine}" was removed since the task was accepted; put it back, then have the task tried again.`);
  return new StepFailed({ code: 'ENGINE_NOT_REGISTERED', reason, ...(name === '' ? {} : { step: name }) }, { again: false });
}

/** What an engine that bills has begun is not begun again by itself, whatever went wrong since. */
function forGood(error: unknown): unknown {
  if (error instanceof StepFailed) return new StepFailed(error.error, { again: false });
  return failedWith(error) ? new StepFailed(StepFailed.of(error).error, { again: false }) : error;
}

function firing(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
