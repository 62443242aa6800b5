/** Those who wait for something to become true of a prompt. */
export class Waiters {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves at the next `release` of that prompt. Rejects when the signal aborts. */
  async wait(promptId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const waiters = this.#waiting.get(promptId) ?? new Set();
      const done = (): void => {
        signal.removeEventListener('abort', aborted);
        resolve();
      };
      const aborted = (): void => {
        waiters.delete(done);
        reject(signal.reason instanceof Error ? signal.reason : new DOMException('aborted', 'AbortError'));
      };
      this.#waiting.set(promptId, waiters.add(done));
      signal.addEventListener('abort', aborted, { once: true });
    });
  }

  release(promptId: string): void {
    for (const done of this.#waiting.get(promptId) ?? []) done();
    this.#waiting.delete(promptId);
  }
}
