/**
 * The messages of one job in the recorded order: status (queued), status (taken), execution_start, execution_cached,
 * per node [progress_state, executing, progress*, executed, progress_state], execution_success, history, status,
 * executing null. `sent` is the moment on the machine's monotonic clock in milliseconds; ComfyUI has no such field.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileName } from './files.ts';
import { type HistoryEntry, itemOf, type Job } from './job.ts';

export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

interface NodeState {
  readonly value: number;
  readonly max: number;
  readonly state: 'running' | 'finished';
  readonly node_id: string;
  readonly prompt_id: string;
  readonly display_node_id: string;
  readonly parent_node_id: null;
  readonly real_node_id: string;
}

export type Send = (type: string, data: unknown) => void;

/** Tells of one job; answers its history entry. */
export class Story {
  readonly #job: Job;
  readonly #send: Send;
  readonly #messages: (readonly [string, unknown])[] = [];
  readonly #nodes: Record<string, NodeState> = {};

  constructor(job: Job, send: Send) {
    this.#job = job;
    this.#send = send;
  }

  async tell(signal: AbortSignal): Promise<HistoryEntry> {
    const { worker, output, promptId, bytes, number } = this.#job;
    this.#logged('execution_start', {});
    this.#logged('execution_cached', { nodes: [] });
    this.#enter(worker);
    try {
      await this.#work(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#logged('execution_interrupted', { node_id: worker, node_type: 'BenchWork', executed: [] });
      return this.#entry({}, 'error');
    }
    this.#leave(worker);
    this.#enter(output);
    const ui = { images: [{ filename: fileName(bytes, number), subfolder: '', type: 'output' }] };
    this.#send('executed', { node: output, display_node: output, output: ui, prompt_id: promptId, sent: now() });
    this.#leave(output);
    this.#logged('execution_success', {});
    return this.#entry({ [output]: ui }, 'success');
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { milliseconds, steps, worker, promptId } = this.#job;
    const pieces = Math.max(1, steps);
    for (let step = 1; step <= pieces; step += 1) {
      if (milliseconds > 0) await sleep(milliseconds / pieces, undefined, { signal });
      if (steps === 0) continue;
      this.#send('progress', { value: step, max: steps, prompt_id: promptId, node: worker, sent: now() });
      this.#state(worker, { value: step, max: steps, state: 'running' });
    }
  }

  #enter(node: string): void {
    this.#state(node, { value: 0, max: 1, state: 'running' });
    this.#send('executing', { node, display_node: node, prompt_id: this.#job.promptId, sent: now() });
  }

  #leave(node: string): void {
    this.#state(node, { value: 1, max: 1, state: 'finished' });
  }

  #state(node: string, at: Pick<NodeState, 'value' | 'max' | 'state'>): void {
    const { promptId } = this.#job;
    this.#nodes[node] = { ...at, node_id: node, prompt_id: promptId, display_node_id: node, parent_node_id: null, real_node_id: node };
    this.#send('progress_state', { prompt_id: promptId, nodes: this.#nodes });
  }

  #logged(type: string, data: Readonly<Record<string, unknown>>): void {
    const told = { ...data, prompt_id: this.#job.promptId, timestamp: Date.now() };
    this.#messages.push([type, told]);
    this.#send(type, { ...told, sent: now() });
  }

  #entry(outputs: HistoryEntry['outputs'], outcome: 'success' | 'error'): HistoryEntry {
    const { output } = this.#job;
    const meta = outcome === 'success' ? { [output]: { node_id: output, display_node: output, parent_node: null, real_node_id: output } } : {};
    return { prompt: itemOf(this.#job), outputs, status: { status_str: outcome, completed: outcome === 'success', messages: this.#messages }, meta };
  }
}
