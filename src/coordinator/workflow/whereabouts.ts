import { failedWith } from '../../core/errors.ts';
import type { HistoryEntry, QueueSnapshot, Whereabouts } from '../../models/comfyui.ts';
import type { Instance } from '../../models/instance.ts';
import type { ComfyuiParts, WorkflowParts } from './parts.ts';

export type SearchParts = Pick<WorkflowParts, 'pool'> & { readonly comfyui: Pick<ComfyuiParts, 'queue' | 'history'> };

/** Prompts whose history is asked for in one look at many. */
const AT_ONCE = 16;

/** Finds prompts on instances. The queue is asked before the history: ComfyUI moves a prompt from one to the other at once. */
export class PromptSearch {
  readonly #parts: SearchParts;
  #turn = 0;

  constructor(parts: SearchParts) {
    this.#parts = parts;
  }

  /** Where the prompt is on that instance. Throws what the instance throws. */
  async on(instance: Instance, promptId: string, signal: AbortSignal): Promise<Whereabouts> {
    const { queue, history } = this.#parts.comfyui;
    const snapshot = await queue.snapshot(instance, signal);
    const queued = inQueue(snapshot, promptId);
    if (queued) return queued;
    const entry = await history.entry(instance, promptId, signal);
    return entry ? { place: 'history', entry } : { place: 'nowhere' };
  }

  /**
   * Those of the prompts that the instance has, each with its number. The history is asked for a few of them only, for
   * others the next time: most are in the queue first. Throws what the instance throws.
   */
  async among(instance: Instance, promptIds: ReadonlySet<string>, signal: AbortSignal): Promise<Map<string, number>> {
    const { queue, history } = this.#parts.comfyui;
    const snapshot = await queue.snapshot(instance, signal);
    const found = new Map([...snapshot.running, ...snapshot.pending].filter((entry) => promptIds.has(entry.promptId)).map((entry) => [entry.promptId, entry.number]));
    const missing = [...promptIds].filter((id) => !found.has(id));
    const from = missing.length > AT_ONCE ? (this.#turn = (this.#turn + AT_ONCE) % missing.length) : 0;
    const asked = [...missing.slice(from), ...missing.slice(0, from)].slice(0, AT_ONCE);
    const entries = await Promise.all(asked.map(async (id) => [id, await history.entry(instance, id, signal)] as const));
    for (const [id, entry] of entries) if (entry) found.set(id, numberOf(entry));
    return found;
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

/** Its place in the order, as its history entry tells. */
export function numberOf(entry: HistoryEntry): number {
  return Number(entry.prompt[0] ?? 0);
}

function inQueue({ running, pending }: QueueSnapshot, promptId: string): Whereabouts | undefined {
  const runs = running.find((entry) => entry.promptId === promptId);
  if (runs) return { place: 'running', position: 0, number: runs.number };
  const position = pending.findIndex((entry) => entry.promptId === promptId);
  const waits = pending[position];
  return waits && { place: 'pending', position: position + running.length, number: waits.number };
}
