/** What RunningHub's check of the graph found, from `promptTips`: a text that holds ComfyUI's own answer. Pure. */
import { limits } from '../../constants/limits.ts';
import { NodeErrors } from '../../models/comfyui.ts';
import type { Fault } from '../../models/problem.ts';
import { isRecord, jsonOf, textOf } from './wire.ts';

/** One fault per thing that is wrong. What is null, empty or unreadable says nothing. */
export function tipFaults(tips: unknown): Fault[] {
  const parsed = typeof tips === 'string' ? jsonOf(tips) : tips;
  if (!isRecord(parsed)) return [];
  const nodes = NodeErrors.safeParse(parsed['node_errors']);
  const faults = nodes.success ? nodeFaults(nodes.data) : [];
  return (faults.length > 0 ? faults : promptFault(parsed['error'])).slice(0, limits.faults);
}

function nodeFaults(nodes: NodeErrors): Fault[] {
  return Object.entries(nodes).flatMap(([nodeId, node]) => {
    const errors = node.errors.length > 0 ? node.errors : [{ type: 'unknown', message: 'RunningHub found the node wrong.', details: '', extra_info: undefined }];
    return errors.map((error): Fault => {
      const input = isRecord(error.extra_info) ? textOf(error.extra_info['input_name']) : undefined;
      return {
        node_id: nodeId,
        ...(node.class_type === '' ? {} : { class_type: node.class_type }),
        ...(input === undefined ? {} : { input }),
        type: error.type,
        reason: sentence(error.message, error.details),
      };
    });
  });
}

function promptFault(error: unknown): Fault[] {
  if (typeof error === 'string' && error !== '') return [{ type: 'unknown', reason: sentence(error, '') }];
  if (!isRecord(error)) return [];
  return [{ type: textOf(error['type']) ?? 'unknown', reason: sentence(textOf(error['message']) ?? 'The graph is wrong.', textOf(error['details']) ?? '') }];
}

function sentence(message: string, details: string): string {
  return (details === '' ? message : `${message.replace(/\.$/, '')}: ${details}`).slice(0, limits.sentence);
}
