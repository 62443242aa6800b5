const MAX_PROMPTS = 10_000;

/** What happened, for tests: runs per prompt id, requests per route. Survives the `restart` knob. */
export class Counters {
  readonly #executions = new Map<string, number>();
  readonly #requests = new Map<string, number>();

  executed(promptId: string): void {
    if (this.#executions.size >= MAX_PROMPTS && !this.#executions.has(promptId)) {
      const [oldest] = this.#executions.keys();
      if (oldest !== undefined) this.#executions.delete(oldest);
    }
    this.#executions.set(promptId, (this.#executions.get(promptId) ?? 0) + 1);
  }

  /** Routes are named by their pattern, so there are only as many as the server has. */
  requested(route: string): void {
    this.#requests.set(route, (this.#requests.get(route) ?? 0) + 1);
  }

  /** prompt id → how many times it was executed; route → how many requests arrived. */
  get snapshot(): { executions: Record<string, number>; requests: Record<string, number> } {
    return { executions: Object.fromEntries(this.#executions), requests: Object.fromEntries(this.#requests) };
  }
}
