import { z } from 'zod';
import { MODELS, type AppInput, type Graph, type Workflow, type WebApp } from './catalog/catalog.ts';
import { Refused } from './codes.ts';

/** One input a caller sets. Whatever else stands beside these three is ignored. */
export const NodeInfo = z.object({
  nodeId: z.union([z.string(), z.number()]).transform(String),
  fieldName: z.string(),
  fieldValue: z.unknown().transform((value) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))),
});
export type NodeInfo = z.infer<typeof NodeInfo>;

/** What may be set, and to what. */
interface Slot {
  readonly nodeName: string;
  readonly kind: 'free' | 'file' | 'model' | { readonly options: readonly string[] };
  readonly usual: string;
}
/** Node id → field → what it takes. */
type Slots = ReadonlyMap<string, ReadonlyMap<string, Slot>>;

export interface NodeError {
  readonly errors: readonly { readonly type: string; readonly message: string; readonly details: string; readonly extra_info: { readonly input_name: string } }[];
  readonly dependent_outputs: readonly string[];
  readonly class_type: string;
}

export interface Checker {
  /** Whether a file input may hold this value. */
  readonly fileKnown: (value: string) => boolean;
  readonly oldMessages: boolean;
}

/** Refuses inputs that do not exist (803). Gives the node errors of those that do, but hold names nobody knows. */
export function checkNodeInfo(list: readonly NodeInfo[], target: WebApp | Workflow, checker: Checker): Record<string, NodeError> {
  const slots = 'graph' in target ? slotsOfGraph(target.graph) : slotsOfApp(target.inputs);
  const errors: Record<string, NodeError> = {};
  for (const info of list) {
    const slot = slots.get(info.nodeId)?.get(info.fieldName);
    const reason = slot === undefined ? (slots.has(info.nodeId) ? 'field_not_found_in_node_inputs' : 'node_not_found_in_workflow') : valueProblem(slot, info.fieldValue);
    if (reason !== undefined) throw mismatch(info, reason, checker);
    if (slot && !nameKnown(slot, info.fieldValue, checker)) errors[info.nodeId] = nodeError(slot, info, errors[info.nodeId]);
  }
  return errors;
}

function mismatch({ nodeId, fieldName }: NodeInfo, reason: string, { oldMessages }: Checker): Refused {
  return oldMessages ? new Refused(803) : new Refused(803, `NODE_INFO_MISMATCH(nodeId=${nodeId}, fieldName=${fieldName}, reason=${reason})`);
}

function valueProblem({ kind }: Slot, value: string): string | undefined {
  return typeof kind === 'object' && !kind.options.includes(value) ? 'value_not_in_list' : undefined;
}

function nameKnown({ kind, usual }: Slot, value: string, { fileKnown }: Checker): boolean {
  if (value === usual) return true;
  if (kind === 'model') return MODELS.includes(value);
  return kind !== 'file' || fileKnown(value);
}

/** Those of a task that has none of its own, but shall have some. */
export const SAMPLE_ERRORS: Readonly<Record<string, NodeError>> = {
  11: {
    errors: [{ type: 'value_not_in_list', message: 'Value not in list', details: "lora_name: '不存在.safetensors' not in list", extra_info: { input_name: 'lora_name' } }],
    dependent_outputs: ['9'],
    class_type: 'LoraLoader',
  },
};

/** As ComfyUI puts it, after what is wrong with the node `before`. The node of the output is always 9. */
function nodeError({ kind, nodeName }: Slot, { fieldName, fieldValue }: NodeInfo, before: NodeError | undefined): NodeError {
  const told = kind === 'file'
    ? { type: 'custom_validation_failed', message: 'Custom validation failed for node', details: `${fieldName} - Invalid file: ${fieldValue}` }
    : { type: 'value_not_in_list', message: 'Value not in list', details: `${fieldName}: '${fieldValue}' not in list` };
  return { errors: [...(before?.errors ?? []), { ...told, extra_info: { input_name: fieldName } }], dependent_outputs: ['9'], class_type: nodeName };
}

const FILES = new Set(['IMAGE', 'AUDIO', 'VIDEO']);
const Choices = z.array(z.looseObject({ name: z.string().optional() }));

function slotsOfApp(inputs: readonly AppInput[]): Slots {
  const slots = new Map<string, Map<string, Slot>>();
  for (const one of inputs) {
    const fields = slots.get(one.nodeId) ?? new Map<string, Slot>();
    slots.set(one.nodeId, fields.set(one.fieldName, { nodeName: one.nodeName, kind: kindOf(one), usual: one.fieldValue }));
  }
  return slots;
}

function kindOf({ fieldType, fieldData }: AppInput): Slot['kind'] {
  if (FILES.has(fieldType)) return 'file';
  if (fieldType === 'CKPT' || fieldType === 'LORA') return 'model';
  if (fieldType !== 'LIST' && fieldType !== 'SWITCH') return 'free';
  const choices = Choices.safeParse(JSON.parse(fieldData ?? '[]'));
  return { options: (choices.data ?? []).flatMap(({ name }) => name ?? []) };
}

const FILE_NODES: Readonly<Record<string, string>> = { LoadImage: 'image', LoadImageMask: 'image', LoadAudio: 'audio', VHS_LoadVideo: 'video' };
const MODEL_FIELDS = new Set(['ckpt_name', 'lora_name']);

function slotsOfGraph(graph: Graph): Slots {
  const fields = ({ class_type, inputs }: Graph[string]): Map<string, Slot> =>
    new Map(Object.entries(inputs).map(([name, value]) => {
      const kind = FILE_NODES[class_type] === name ? 'file' : MODEL_FIELDS.has(name) ? 'model' : 'free';
      return [name, { nodeName: class_type, kind, usual: String(value) }];
    }));
  return new Map(Object.entries(graph).map(([id, node]) => [id, fields(node)]));
}
