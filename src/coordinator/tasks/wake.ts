/** Something to wait for that may have come before the waiting begins. */
export class Wake {
  #come = false;
  #resolve: (() => void) | undefined;
  /** A sleep that goes on. */
  #rest: Promise<void> | undefined;

  now(): void {
    this.#come = true;
    this.#resolve?.();
  }

  /** Resolves at the next call of `now`, at once if that was since the last waiting, and when the signal fires. True for a call. */
  async next(signal: AbortSignal): Promise<boolean> {
    if (!this.#come && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return this.#taken();
  }

  /**
   * The same, or when `sleep` has slept for so many milliseconds. A call of `now` ends the waiting, not the sleep, which is
   * dear to break off: the next waiting ends with it at the latest. So calls may come thick and fast.
   */
  async within(ms: number, sleep: (ms: number, signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<boolean> {
    if (!this.#come && !signal.aborted) {
      this.#rest ??= sleep(ms, signal).catch(() => undefined).finally(() => (this.#rest = undefined));
      await Promise.race([this.#rest, new Promise<void>((resolve) => (this.#resolve = resolve))]);
    }
    return this.#taken();
  }

  #taken(): boolean {
    const come = this.#come;
    this.#come = false;
    this.#resolve = undefined;
    return come;
  }
}
