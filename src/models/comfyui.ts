/** Nouns of ComfyUI's wire protocol that more than one room uses. Facts: recordings of ComfyUI 0.3.64. */
import { z } from 'zod';

/** One message of a node's validation, as `node_errors[id].errors[]` has it. */
const NodeFault = z.looseObject({ type: z.string().catch('unknown'), message: z.string().catch(''), details: z.string().catch(''), extra_info: z.unknown() });
export const NodeErrors = z.record(z.string(), z.looseObject({ errors: z.array(NodeFault).catch([]), class_type: z.string().catch('') }));
export type NodeErrors = z.infer<typeof NodeErrors>;

/** 400 of POST /prompt. */
export const PromptRefusal = z.looseObject({
  error: z.union([z.looseObject({ type: z.string().catch('unknown'), message: z.string().catch(''), details: z.string().catch('') }), z.string().transform((message) => ({ type: 'unknown', message, details: '' }))]),
  node_errors: NodeErrors.catch({}),
});
export type PromptRefusal = z.infer<typeof PromptRefusal>;

/** What became of POST /prompt. */
export type SubmitOutcome =
  | { readonly kind: 'accepted'; readonly number: number; readonly nodeErrors: NodeErrors }
  | { readonly kind: 'refused'; readonly refusal: PromptRefusal }
  /** The instance was never reached: the prompt is surely not there. */
  | { readonly kind: 'unreached'; readonly error: unknown }
  /** A 500 or a broken connection: it may be queued all the same (ws 31). `stale`: the kept connection had been closed before. */
  | { readonly kind: 'unknown'; readonly error: unknown; readonly stale: boolean };

export interface QueueEntry {
  readonly number: number;
  readonly promptId: string;
}

/** GET /queue, pending in the order in which it will run. */
export interface QueueSnapshot {
  readonly running: readonly QueueEntry[];
  readonly pending: readonly QueueEntry[];
}

const Messages = z.array(z.tuple([z.string(), z.unknown()]).rest(z.unknown())).catch([]);

/** One entry of GET /history/{id}. `prompt` is `[number, id, graph, extra_data, outputs to execute]`. */
export const HistoryEntry = z.looseObject({
  prompt: z.array(z.unknown()).catch([]),
  outputs: z.record(z.string(), z.record(z.string(), z.unknown()).catch({})).catch({}),
  status: z.looseObject({ status_str: z.string().catch(''), completed: z.boolean().catch(false), messages: Messages }).nullish().catch(null),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;

/** Where a prompt is on an instance. */
export type Whereabouts =
  | { readonly place: 'running' | 'pending'; readonly position: number; readonly number: number }
  | { readonly place: 'history'; readonly entry: HistoryEntry }
  | { readonly place: 'nowhere' };
