/** Something to wait for that may have come before the waiting begins. */
export class Wake {
  #come = false;
  #resolve: (() => void) | undefined;

  now(): void {
    this.#come = true;
    this.#resolve?.();
  }

  /** Resolves at the next call of `now`, at once if that was since the last waiting, and when the signal fires. */
  async next(signal: AbortSignal): Promise<void> {
    if (!this.#come && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.#come = false;
    this.#resolve = undefined;
  }

  /** The same, or when `sleep` has slept for so many milliseconds. */
  async within(ms: number, sleep: (ms: number, signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const rest = new AbortController();
    const either = AbortSignal.any([signal, rest.signal]);
    const woken = this.next(either);
    await Promise.race([woken, sleep(ms, either).catch(() => undefined)]);
    rest.abort();
    await woken;
  }
}
