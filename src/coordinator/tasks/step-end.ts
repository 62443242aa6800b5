import type { GatewayError } from '../../core/errors.ts';
import type { TaskError } from '../../models/task.ts';
import { hintOf } from './plain-refusal.ts';
import { isTransient } from './retry-rule.ts';

/** Faults of one error that are kept. */
const FAULTS = 20;

/** A step failed. `again`: the same step may succeed later, and nothing of it runs any more. `abandoned`: it was us who lost it. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly error: TaskError;
  readonly again: boolean;
  readonly retryAfter: number | undefined;
  readonly abandoned: boolean;
  /** Its engine had no room: nothing was begun, and no attempt is counted. */
  readonly waits: boolean;

  constructor(error: TaskError, options: { readonly again: boolean; readonly retryAfter?: number | undefined; readonly abandoned?: boolean; readonly waits?: boolean }) {
    super(error.reason);
    this.error = error;
    this.again = options.again;
    this.retryAfter = options.retryAfter;
    this.abandoned = options.abandoned ?? false;
    this.waits = options.waits ?? false;
  }

  /** Of what was thrown before the engine had the job, or after it was done with it. */
  static of(thrown: GatewayError): StepFailed {
    const { code, message: reason, faults, retryAfter } = thrown;
    const hint = hintOf(faults);
    return new StepFailed({ code, reason, ...(hint === undefined ? {} : { hint }), ...(faults.length > 0 ? { faults: faults.slice(0, FAULTS) } : {}) }, { again: isTransient(thrown), retryAfter, waits: thrown.waits });
  }

  /** The same, of that step of a pipeline. */
  at(step: string): StepFailed {
    return new StepFailed({ ...this.error, step, reason: `Step "${step}": ${this.error.reason}` }, this);
  }
}

/** The task has ended because somebody wanted it to, or its time was over. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly status: 'cancelled' | 'failed';
  readonly error: TaskError | undefined;
  /** For the warnings of the task. */
  readonly note: string | undefined;

  constructor(status: 'cancelled' | 'failed', error: TaskError | undefined, note?: string) {
    super(error?.reason ?? 'cancelled');
    this.status = status;
    this.error = error;
    this.note = note;
  }
}

/** Nobody works on it here any more: the process ends, the claim went to somebody else, or the next engine is busy. */
export class Halted extends Error {
  override readonly name = 'Halted';
}
