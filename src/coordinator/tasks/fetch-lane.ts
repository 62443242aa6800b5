import type { Engine } from '../../models/engine.ts';
import type { TaskStore } from '../../models/task-store.ts';
import { Wake } from './wake.ts';

interface Fetching {
  readonly engine: string;
  readonly owner: string;
}

export interface FetchLaneParts {
  readonly store: Pick<TaskStore, 'working'>;
  readonly engines: ReadonlyMap<string, Pick<Engine, 'capacity'>>;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Tasks that fetch at once: of this process, and of one key. Beyond, they take a slot of their engine, or are not claimed. */
const [LANE, OF_KEY] = [64, 8] as const;
/** Milliseconds between looks for a free slot that nobody told of. */
const LOOK = 250;

/** Where tasks of this process are while their files come from elsewhere: a slow source keeps no engine idle, and no key fills the hands of all. */
export class FetchLane {
  readonly #parts: FetchLaneParts;
  readonly #in = new Set<Fetching>();
  readonly #wake = new Wake();
  /** By engine: those that have what they need go one after the other, so that two do not see the same free slot. */
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(parts: FetchLaneParts) {
    this.#parts = parts;
  }

  /** Tasks in it, of that engine or of all. */
  count(engine?: string): number {
    return engine === undefined ? this.#in.size : this.#in.values().filter((one) => one.engine === engine).reduce((sum) => sum + 1, 0);
  }

  /** Keys that have as many in it as they may. */
  fullKeys(): readonly string[] {
    const counts = Map.groupBy(this.#in, ({ owner }) => owner);
    return [...counts].flatMap(([owner, ones]) => (ones.length >= OF_KEY ? [owner] : []));
  }

  /** A slot may be free. */
  wake(): void {
    this.#wake.now();
  }

  /** Does the deed in the lane, where it has room, and leaves it when the engine has a slot. Throws what the deed throws, and the reason of the signal. */
  async through<T>(whose: Fetching, deed: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#in.size >= LANE) return deed();
    const mine = { ...whose };
    this.#in.add(mine);
    try {
      const result = await deed();
      const turn = (this.#leaving.get(mine.engine) ?? Promise.resolve()).then(() => this.#leave(mine, signal));
      this.#leaving.set(mine.engine, turn.catch(() => undefined));
      await turn;
      return result;
    } finally {
      this.#in.delete(mine);
    }
  }

  async #leave(mine: Fetching, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const capacity = this.#parts.engines.get(mine.engine)?.capacity() ?? 0;
      // Without any, the hand-over says why.
      if (capacity <= 0 || (await this.#parts.store.working(mine.engine)) - this.count(mine.engine) < capacity) break;
      await this.#wake.within(LOOK, this.#parts.sleep, signal);
    }
    this.#in.delete(mine);
  }
}
