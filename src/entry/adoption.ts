import type { LiveCoordinator } from '../coordinator/live/live-coordinator.ts';
import type { ProcessCoordinator } from '../coordinator/process/process-coordinator.ts';
import type { WorkflowCoordinator } from '../coordinator/workflow/workflow-coordinator.ts';
import { reasonOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';

/** Milliseconds between looks for prompts of processes that are gone. */
const LOOK_EVERY = 5_000;

export interface AdoptionParts {
  readonly processes: Pick<ProcessCoordinator, 'inherited' | 'tidy'>;
  readonly live: Pick<LiveCoordinator, 'processes' | 'adopt'>;
  readonly workflows: Pick<WorkflowCoordinator, 'adoptUnanswered'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Takes up the prompts of processes that are gone: at the start, and again and again. */
export class Adoption {
  readonly #parts: AdoptionParts;

  constructor(parts: AdoptionParts) {
    this.#parts = parts;
  }

  async once(): Promise<void> {
    const { processes, live, workflows, log } = this.#parts;
    const names = await live.processes();
    const left = await processes.inherited(names);
    const prompts = left.length > 0 ? await live.adopt(left) : [];
    workflows.adoptUnanswered(prompts);
    if (prompts.length > 0) log.info('prompts of an earlier process are taken up', { prompts: prompts.length });
    await processes.tidy(names);
  }

  /** Until the signal aborts. What cannot be looked at now is looked at the next time. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.sleep(LOOK_EVERY, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.once().catch((error: unknown) => this.#parts.log.warn('prompts of other processes could not be looked for', { reason: reasonOf(error) }));
    }
  }
}
