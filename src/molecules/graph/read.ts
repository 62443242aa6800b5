/** A workflow as nodes and links. Pure. */
import type { Fault } from '../../models/problem.ts';

export interface GraphNode {
  readonly classType: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

export interface Link {
  readonly input: string;
  readonly from: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Nodes by id; what is not a node becomes a fault. `inputs` may be absent: ComfyUI has a fault of its own for that. */
export function nodesOf(workflow: Readonly<Record<string, unknown>>): { nodes: Map<string, GraphNode>; faults: Fault[] } {
  const nodes = new Map<string, GraphNode>();
  const faults: Fault[] = [];
  for (const [id, node] of Object.entries(workflow)) {
    if (!isRecord(node)) faults.push({ node_id: id, type: 'invalid_node', reason: `Node "${id}" is not an object with class_type and inputs.` });
    else if (typeof node['class_type'] !== 'string') faults.push({ node_id: id, type: 'missing_class_type', reason: `Node "${id}" has no class_type.` });
    else if (node['inputs'] !== undefined && !isRecord(node['inputs'])) faults.push({ node_id: id, class_type: node['class_type'], type: 'invalid_inputs', reason: `The inputs of node "${id}" are not an object.` });
    else nodes.set(id, { classType: node['class_type'], inputs: node['inputs'] ?? {} });
  }
  return { nodes, faults };
}

/** A link is `["<node id>", <slot>]`. Other lists are values for ComfyUI to judge. */
export function linksOf(node: GraphNode): Link[] {
  const links: Link[] = [];
  for (const [input, value] of Object.entries(node.inputs)) {
    if (Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number') links.push({ input, from: value[0] });
  }
  return links;
}

/** Class of every node, for messages that name it. */
export function classesOf(workflow: Readonly<Record<string, unknown>>): Map<string, string> {
  return new Map([...nodesOf(workflow).nodes].map(([id, node]) => [id, node.classType]));
}
