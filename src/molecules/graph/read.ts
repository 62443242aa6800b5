/** A workflow as nodes and links. Pure. */
import type { Fault } from '../../models/problem.ts';
import { unwrapped } from './texts.ts';
import { told } from './told.ts';

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
    const name = told(id);
    if (!isRecord(node)) faults.push({ node_id: name, type: 'invalid_node', reason: `Node "${name}" is not an object with class_type and inputs.` });
    else if (typeof node['class_type'] !== 'string') faults.push({ node_id: name, type: 'missing_class_type', reason: `Node "${name}" has no class_type.` });
    else if (node['inputs'] !== undefined && !isRecord(node['inputs'])) faults.push({ node_id: name, class_type: told(node['class_type']), type: 'invalid_inputs', reason: `The inputs of node "${name}" are not an object.` });
    else nodes.set(id, { classType: node['class_type'], inputs: node['inputs'] ?? {} });
  }
  return { nodes, faults };
}

export interface InputPlace {
  readonly nodeId: string;
  readonly classType: string;
  readonly input: string;
}

/** Every input of every node with its value. */
export function* inputsOf(workflow: Readonly<Record<string, unknown>>): Generator<InputPlace & { readonly value: unknown }> {
  for (const [nodeId, node] of nodesOf(workflow).nodes) {
    for (const [input, value] of Object.entries(node.inputs)) yield { nodeId, classType: node.classType, input, value };
  }
}

/**
 * The node that a value is linked to: a link is `["<node id>", <slot>]`, bare or as `{"__value__": …}`, which ComfyUI
 * unwraps without looking at it again. Other lists are values for ComfyUI to judge.
 */
export function linkedNode(value: unknown): string | undefined {
  const inner = unwrapped(value);
  const pair: readonly unknown[] = Array.isArray(inner) && inner.length === 2 ? inner : [];
  const [from, slot] = pair;
  return typeof from === 'string' && (typeof slot === 'number' || JSON.isRawJSON(slot)) ? from : undefined;
}

export function linksOf(node: GraphNode): Link[] {
  return Object.entries(node.inputs).flatMap(([input, value]) => {
    const from = linkedNode(value);
    return from === undefined ? [] : [{ input, from }];
  });
}

/** Class of every node, for messages that name it. */
export function classesOf(workflow: Readonly<Record<string, unknown>>): Map<string, string> {
  return new Map([...nodesOf(workflow).nodes].map(([id, node]) => [id, node.classType]));
}
