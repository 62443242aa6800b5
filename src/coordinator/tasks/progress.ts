import { reasonOf } from '../../core/errors.ts';
import type { PromptProgress } from '../../models/prompt-state.ts';
import type { StepFacts } from './step-facts.ts';

/** Milliseconds between writings of how far a task is. Watchers of this process hear of every change that its engine tells. */
const WRITE_EVERY = 500;

/** How far a task is, while one of its steps runs: told to watchers, and written down now and then for those who ask. Never goes back. */
export class StepProgress {
  readonly #facts: Pick<StepFacts, 'parts' | 'task' | 'plan' | 'index' | 'claim'>;
  #overall: number;
  #writtenAt: number;
  #unwritten: Omit<PromptProgress, 'overall'> | undefined;

  constructor(facts: Pick<StepFacts, 'parts' | 'task' | 'plan' | 'index' | 'claim'>) {
    this.#facts = facts;
    this.#overall = facts.task.progress;
    this.#writtenAt = facts.parts.now();
  }

  async tell(progress: PromptProgress): Promise<void> {
    const { parts, task, plan, index } = this.#facts;
    this.#overall = Math.max(this.#overall, (index + progress.overall) / plan.steps.length);
    const { overall: _, ...current } = progress;
    const step = plan.steps[index]?.name ?? '';
    const data = { progress: this.#overall, current, ...(step === '' ? {} : { step }) };
    parts.feed.tell({ taskId: task.id, owner: task.owner, clientId: task.clientId, seq: task.seq, status: 'processing', event: 'progress', at: parts.now(), data });
    this.#unwritten = current;
    if (parts.now() - this.#writtenAt >= WRITE_EVERY) await this.settle();
  }

  /** Writes down what was told last: the next attempt goes on from there. */
  async settle(): Promise<void> {
    const { parts, task, claim } = this.#facts;
    const current = this.#unwritten;
    if (!current) return;
    this.#unwritten = undefined;
    this.#writtenAt = parts.now();
    await parts.store.progress(claim, this.#overall, current).catch((error: unknown) => parts.log.debug('progress could not be written', { task_id: task.id, reason: reasonOf(error) }));
  }
}
