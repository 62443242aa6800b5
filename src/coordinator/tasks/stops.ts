import { fail } from '../../core/errors.ts';
import type { TaskError } from '../../models/task.ts';

/** The longest that a timer of JavaScript takes, in milliseconds. Nothing runs for that long: a deadline beyond it is none. */
const LONGEST = 2 ** 31 - 1;

/** Whether, and why, a task shall stop: somebody cancelled it, or its deadline passed. The first reason counts. */
export class Stops {
  readonly #controller = new AbortController();
  readonly #deadlineAt: number | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #reason: 'cancel' | 'deadline' | undefined;

  constructor(deadlineAt: number | undefined, { now }: { readonly now: () => number }) {
    this.#deadlineAt = deadlineAt;
    if (deadlineAt !== undefined && deadlineAt - now() <= LONGEST) this.#timer = setTimeout(() => this.#stop('deadline'), Math.max(0, deadlineAt - now()));
  }

  /** Fires when it shall stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reason(): 'cancel' | 'deadline' | undefined {
    return this.#reason;
  }

  cancel(): void {
    this.#stop('cancel');
  }

  /** No more timers. */
  end(): void {
    clearTimeout(this.#timer);
  }

  /** What a task fails with whose time is over. */
  overdue(step: string | undefined): TaskError {
    const at = new Date(this.#deadlineAt ?? 0).toISOString();
    return { code: 'TASK_TIMEOUT', reason: fail('TASK_TIMEOUT', `it had not ended by ${at}, the limit that its deadline_seconds set.`).message, ...(step === undefined || step === '' ? {} : { step }) };
  }

  #stop(reason: 'cancel' | 'deadline'): void {
    this.#reason ??= reason;
    this.#controller.abort();
  }
}
