import type { PromptProgress } from '../../models/prompt-state.ts';

/** Milliseconds between looks at one job, however many hints come. */
const SOONEST = 1_000;

export interface BellTimes {
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What ends the pause between two looks at a job early: a hint that something became of it, and news of its progress. */
export class Bell {
  #hinted = false;
  #progress: PromptProgress | undefined;
  #ring: AbortController | undefined;

  /** Something became of the job: the next look comes at once, or a second after the last one. */
  hint(): void {
    this.#hinted = true;
    this.#ring?.abort();
  }

  /** Only the newest counts. */
  tell(progress: PromptProgress): void {
    this.#progress = progress;
    this.#ring?.abort();
  }

  /** Until the next look; yields what is told of the progress meanwhile. */
  async *pause(ms: number, { now, sleep }: BellTimes, signal: AbortSignal): AsyncGenerator<PromptProgress, void> {
    const begun = now();
    for (;;) {
      const progress = this.#progress;
      this.#progress = undefined;
      if (progress) yield progress;
      const left = begun + (this.#hinted ? Math.min(ms, SOONEST) : ms) - now();
      if (left <= 0) break;
      await this.#rest(left, sleep, signal);
    }
    this.#hinted = false;
  }

  async #rest(ms: number, sleep: BellTimes['sleep'], signal: AbortSignal): Promise<void> {
    if (this.#progress) return;
    this.#ring = new AbortController();
    try {
      await sleep(ms, AbortSignal.any([signal, this.#ring.signal]));
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#ring.signal.aborted) throw error;
    } finally {
      this.#ring = undefined;
    }
  }
}
