import { failedWith } from '../../core/errors.ts';
import type { Whereabouts } from '../../models/comfyui.ts';
import type { Instance } from '../../models/instance.ts';
import type { WorkflowParts } from './parts.ts';

/** Finds prompts on instances. The queue is asked before the history: ComfyUI moves a prompt from one to the other at once. */
export class PromptSearch {
  readonly #parts: Pick<WorkflowParts, 'comfyui' | 'pool'>;

  constructor(parts: Pick<WorkflowParts, 'comfyui' | 'pool'>) {
    this.#parts = parts;
  }

  /** Where the prompt is on that instance. Throws what the instance throws. */
  async on(instance: Instance, promptId: string, signal: AbortSignal): Promise<Whereabouts> {
    const { queue, history } = this.#parts.comfyui;
    const snapshot = await queue.snapshot(instance, signal);
    const running = snapshot.running.find((entry) => entry.promptId === promptId);
    if (running) return { place: 'running', position: 0, number: running.number };
    const position = snapshot.pending.findIndex((entry) => entry.promptId === promptId);
    const pending = snapshot.pending[position];
    if (pending) return { place: 'pending', position: position + snapshot.running.length, number: pending.number };
    const entry = await history.entry(instance, promptId, signal);
    return entry ? { place: 'history', entry } : { place: 'nowhere' };
  }

  /** Asks all instances at once. One that cannot answer does not hide what another knows; `incomplete` says there was one. */
  async everywhere(promptId: string, signal: AbortSignal): Promise<{ found: { instance: Instance; at: Exclude<Whereabouts, { place: 'nowhere' }> } | undefined; incomplete: boolean }> {
    const instances = this.#parts.pool.all();
    const answers = await Promise.allSettled(instances.map(async (instance) => ({ instance, at: await this.on(instance, promptId, signal) })));
    for (const answer of answers) {
      if (answer.status === 'fulfilled' && answer.value.at.place !== 'nowhere') return { found: { instance: answer.value.instance, at: answer.value.at }, incomplete: false };
      if (answer.status === 'rejected' && !failedWith(answer.reason)) throw answer.reason;
    }
    return { found: undefined, incomplete: answers.some((answer) => answer.status === 'rejected') };
  }
}
