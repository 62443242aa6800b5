/** From ComfyUI's validation to one fault per thing that is wrong. Pure. Shapes: http/prompt-rejected-*.json. */
import leven from 'leven';
import { limits } from '../../constants/limits.ts';
import type { NodeErrors, PromptRefusal } from '../../models/comfyui.ts';
import type { Fault } from '../../models/problem.ts';

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Never empty: a refusal without node errors (an unknown class, no outputs) is one fault of its own. */
export function faultsOf(refusal: PromptRefusal): Fault[] {
  const faults = nodeFaults(refusal.node_errors);
  return faults.length > 0 ? faults : [promptFault(refusal.error)];
}

/** One fault per entry of `node_errors`. */
export function nodeFaults(nodeErrors: NodeErrors): Fault[] {
  const faults: Fault[] = [];
  for (const [nodeId, node] of Object.entries(nodeErrors)) {
    for (const error of node.errors) {
      const extra = isRecord(error.extra_info) ? error.extra_info : {};
      const input = typeof extra['input_name'] === 'string' ? extra['input_name'] : undefined;
      const nearest = nearestOf(extra);
      faults.push({
        node_id: nodeId,
        class_type: node.class_type,
        ...(input === undefined ? {} : { input }),
        type: error.type,
        reason: sentence(error.message, error.details),
        ...(nearest === undefined ? {} : { nearest }),
      });
    }
  }
  return faults.slice(0, limits.faults);
}

/** `Node ID '#7'` in the details names the node of a fault that has no node errors. */
function promptFault(error: PromptRefusal['error']): Fault {
  const nodeId = /Node ID '#(.+)'/.exec(error.details)?.[1];
  return { ...(nodeId === undefined ? {} : { node_id: nodeId }), type: error.type, reason: sentence(error.message, error.details) };
}

function sentence(message: string, details: string): string {
  return details === '' ? message : `${message.replace(/\.$/, '')}: ${details}`;
}

/** The allowed value most like the one given. File names of the input folder belong to whoever uploaded them and are not told. */
function nearestOf(extra: Readonly<Record<string, unknown>>): string | undefined {
  const [config, received] = [extra['input_config'], extra['received_value']];
  if (!Array.isArray(config) || typeof received !== 'string' || received.length > 500) return undefined;
  const settings = isRecord(config[1]) ? config[1] : {};
  if (Object.keys(settings).some((name) => name.endsWith('_upload'))) return undefined;
  const values: unknown = Array.isArray(config[0]) ? config[0] : settings['options'];
  const allowed = Array.isArray(values) ? values.filter((value): value is string => typeof value === 'string') : [];
  return allowed.toSorted((a, b) => leven(a, received) - leven(b, received))[0];
}
