/** One finished prompt, in the recorded order of its keys (http/prompt-accepted). */
export interface HistoryEntry {
  readonly prompt: readonly unknown[];
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly status: { readonly status_str: 'success' | 'error'; readonly completed: boolean; readonly messages: readonly unknown[] };
  readonly meta: Readonly<Record<string, unknown>>;
}

const MAX_ENTRIES = 10_000;

/** What ran, oldest first, in memory only. */
export class History {
  readonly #entries = new Map<string, HistoryEntry>();

  /** A second prompt with the same id takes the place of the first (ws 25); beyond 10000 the oldest goes. */
  add(promptId: string, entry: HistoryEntry): void {
    if (this.#entries.size >= MAX_ENTRIES) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(promptId, entry);
  }

  one(promptId: string): Map<string, HistoryEntry> {
    const entry = this.#entries.get(promptId);
    return new Map(entry ? [[promptId, entry]] : []);
  }

  /** `max_items` alone gives the newest; `offset` counts from the oldest; 0 or less items give none (ws 23). */
  page(maxItems: number | undefined, offset: number | undefined): Map<string, HistoryEntry> {
    const all = [...this.#entries];
    const start = offset ?? (maxItems === undefined ? 0 : all.length - maxItems);
    const from = Math.max(0, start);
    const chosen = maxItems === undefined ? all.slice(from) : all.slice(from, from + Math.max(0, maxItems));
    return new Map(chosen);
  }

  delete(promptId: unknown): void {
    if (typeof promptId === 'string') this.#entries.delete(promptId);
  }

  clear(): void {
    this.#entries.clear();
  }
}
