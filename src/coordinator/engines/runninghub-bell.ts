import type { PromptProgress } from '../../models/prompt-state.ts';

/** Milliseconds from a look to the next ones after a hint: however many hints come, and also where RunningHub itself learns of an ending a moment later. */
const SOON = [1_000, 2_000, 4_000] as const;

export interface BellTimes {
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What ends the pause between two looks at a job early: a hint that something became of it, and news of its progress. */
export class Bell {
  /** Pauses that are short. */
  #soon: readonly number[] = [];
  #progress: PromptProgress | undefined;
  #ring: AbortController | undefined;

  /** Something became of the job: the next look comes at once, or a second after the last one, and two more soon after it. */
  hint(): void {
    this.#soon = SOON;
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
      const left = begun + Math.min(ms, this.#soon[0] ?? ms) - now();
      if (left <= 0) break;
      await this.#rest(left, sleep, signal);
    }
    this.#soon = this.#soon.slice(1);
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
