import { failedWith, reasonOf } from '../../core/errors.ts';
import type { HubProgress } from '../../models/runninghub.ts';
import type { Bell } from './runninghub-bell.ts';
import type { RunninghubEngineParts } from './runninghub-parts.ts';

/** How often the progress socket of a job is opened at most. */
const OPENINGS = 3;

interface ListeningParts {
  readonly parts: { readonly api: Pick<RunninghubEngineParts['api'], 'progress'>; readonly log: RunninghubEngineParts['log'] };
  readonly bell: Bell;
  /** Nodes of the graph, where that is known. */
  readonly nodes: () => Promise<number | undefined>;
}

/** Hears from the progress socket of one job how far it is. Decoration: it decides nothing, and may fail as it likes. */
export class Listening {
  readonly #id: string;
  readonly #with: ListeningParts;
  readonly #over = new AbortController();
  #openings = 0;
  #open = false;

  constructor(id: string, listening: ListeningParts) {
    this.#id = id;
    this.#with = listening;
  }

  /** Opens the socket unless it is open, or was opened often enough. */
  begin(): void {
    if (this.#open || this.#openings >= OPENINGS) return;
    this.#openings += 1;
    this.#open = true;
    void this.#listen().finally(() => (this.#open = false));
  }

  end(): void {
    this.#over.abort();
  }

  async #listen(): Promise<void> {
    const { parts: { api, log }, bell, nodes } = this.#with;
    const { signal } = this.#over;
    try {
      const all = await nodes();
      for await (const progress of api.progress(this.#id, signal)) {
        const { node, value, max } = progress;
        bell.tell({ node, ...(value === undefined || max === undefined ? {} : { value, max }), overall: overallOf(progress, all) });
      }
    } catch (error) {
      if (!signal.aborted) log.debug('the progress of a job cannot be heard', { hub_task_id: this.#id, reason: failedWith(error) ? error.detail : reasonOf(error) });
    }
  }
}

/** Share of the graph; where nobody knows how large that is, nothing is made up. */
export function overallOf({ done, value = 0, max = 0 }: HubProgress, nodes: number | undefined): number {
  if (nodes === undefined || nodes === 0) return 0;
  const current = max > 0 ? Math.min(Math.max(value / max, 0), 1) : 0;
  return Math.min(1, (done + current) / nodes);
}
