import { Float } from './json.ts';

interface NodeProgress {
  value: number | Float;
  max: number | Float;
  state: 'running' | 'finished';
}

/** Builds `progress_state` messages: cumulative, only nodes that this run touched (ws 03, ws 04). */
export class ProgressState {
  readonly #promptId: string;
  readonly #nodes = new Map<string, NodeProgress>();

  constructor(promptId: string) {
    this.#promptId = promptId;
  }

  start(id: string): Map<string, unknown> {
    this.#nodes.set(id, { value: new Float(0), max: new Float(1), state: 'running' });
    return this.#message();
  }

  step(id: string, step: { value: number; max: number }): Map<string, unknown> {
    this.#nodes.set(id, { ...step, state: 'running' });
    return this.#message();
  }

  /** A node finishes at its maximum; one that never started (it was cached) at 1 of 1, as whole numbers (ws 28). */
  finish(id: string): Map<string, unknown> {
    const max = this.#nodes.get(id)?.max ?? 1;
    this.#nodes.set(id, { value: max, max, state: 'finished' });
    return this.#message();
  }

  #message(): Map<string, unknown> {
    const nodes = new Map<string, unknown>();
    for (const [id, progress] of this.#nodes) {
      const names = { node_id: id, prompt_id: this.#promptId, display_node_id: id, parent_node_id: null, real_node_id: id };
      nodes.set(id, { ...progress, ...names });
    }
    return new Map<string, unknown>([['prompt_id', this.#promptId], ['nodes', nodes]]);
  }
}
