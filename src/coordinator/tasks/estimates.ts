import type { TaskRecord } from '../../models/task-store.ts';
import type { TaskParts } from './parts.ts';

/** Milliseconds that a measured duration counts before it is asked for again. */
const FRESH = 5_000;
/** Durations remembered. */
const KEPT = 1_000;

/** When tasks will be done, from how long earlier ones of their kind took. */
export class Estimates {
  readonly #parts: Pick<TaskParts, 'store' | 'engines' | 'now'>;
  readonly #usual = new Map<string, { readonly ms: number | undefined; readonly at: number }>();

  constructor(parts: Pick<TaskParts, 'store' | 'engines' | 'now'>) {
    this.#parts = parts;
  }

  /** Milliseconds until it has ended; undefined where nobody knows. `position`: tasks before it. */
  async left(task: TaskRecord, position: number | undefined): Promise<number | undefined> {
    if (task.status !== 'pending' && task.status !== 'processing') return undefined;
    const usual = await this.#usualRun(task);
    if (usual === undefined) return undefined;
    const { now } = this.#parts;
    if (task.status === 'processing') return Math.max(0, usual - (now() - (task.startedAt ?? now())));
    const together = Math.max(1, this.#parts.engines.get(task.engine)?.capacity() ?? 1);
    return Math.max(0, task.availableAt - now()) + Math.ceil(((position ?? 0) + 1) / together) * usual;
  }

  async #usualRun(task: TaskRecord): Promise<number | undefined> {
    const key = [task.kind, task.name, task.engine].join('\n');
    const known = this.#usual.get(key);
    const { now, store } = this.#parts;
    if (known?.ms !== undefined && now() - known.at < FRESH) return known.ms;
    const ms = await store.usualRun(task);
    this.#usual.delete(key);
    this.#usual.set(key, { ms, at: now() });
    const [oldest] = this.#usual.keys();
    if (this.#usual.size > KEPT && oldest !== undefined) this.#usual.delete(oldest);
    return ms;
  }
}
