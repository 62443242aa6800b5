/** First and longest pause in milliseconds. */
const PAUSE = [1_000, 60_000] as const;

/**
 * Whether an instance is passed over because it failed to take prompts, and until when. Pure: time and randomness are handed in.
 * After a pause one prompt tries it, and the others pass it over for as long as that may take.
 */
export class PassingOver {
  #failures = 0;
  #failedAt = 0;
  #until = 0;

  /** When the pause ends; undefined when there is none now. */
  until(now: number): number | undefined {
    return now < this.#until ? this.#until : undefined;
  }

  /** A prompt is handed over now. */
  tried(now: number, random: number): void {
    if (this.#failures > 0) this.#pause(now, random);
  }

  /** Hand-overs that were under way together are one failure. True for the first in a row. */
  failed(times: { readonly began: number; readonly now: number }, random: number): boolean {
    if (this.#failures > 0 && times.began <= this.#failedAt) return false;
    this.#failures += 1;
    this.#failedAt = times.now;
    this.#pause(times.now, random);
    return this.#failures === 1;
  }

  /** True when there was something to forgive. */
  succeeded(): boolean {
    const failures = this.#failures;
    this.#failures = this.#until = 0;
    return failures > 0;
  }

  /** Doubling, with up to half of it taken off at random. */
  #pause(now: number, random: number): void {
    const [first, longest] = PAUSE;
    this.#until = now + Math.round(Math.min(first * 2 ** (this.#failures - 1), longest) * (1 - random / 2));
  }
}
