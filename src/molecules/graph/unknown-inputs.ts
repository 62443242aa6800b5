/** Inputs that a node has and its class does not declare. Pure. */
import type { InputDeclaration, NodeDeclaration } from '../../models/node-declaration.ts';
import type { Fault } from '../../models/problem.ts';
import { MADE_UP } from './input-faults.ts';
import type { FindNearest } from './nearest.ts';
import { type GraphNode, linkedNode } from './read.ts';
import { told } from './told.ts';

/** What the page of ComfyUI writes beside what a class declares: its button for uploads, its player of sounds. */
const OF_THE_PAGE: readonly string[] = ['upload', 'audioUI'];

/** One node, and what its class declares. */
export interface DeclaredNode {
  readonly id: string;
  readonly node: GraphNode;
  readonly declared: NodeDeclaration;
}

/**
 * ComfyUI leaves plain values out that a class does not declare, and hands over what is linked (`get_input_data` of its
 * execution.py). Some custom nodes take such inputs, so that none of it is an error.
 */
export function* unknownInputs({ id, node, declared }: DeclaredNode, nearest: FindNearest): Generator<Fault> {
  const names = namesOf(declared.inputs);
  for (const [input, value] of Object.entries(node.inputs)) {
    if (declared.inputs.has(input) || OF_THE_PAGE.includes(input) || belongsToMadeUp(input, declared.inputs)) continue;
    const has = names.length === 0 ? 'it has none' : `it has: ${told(names.join(', '))}`;
    const outcome = linkedNode(value) === undefined ? 'ComfyUI ignores it, unless the node takes what it does not declare' : 'The node gets what is linked to it, and fails unless it takes what it does not declare';
    const place = { node_id: told(id), class_type: told(node.classType), input: told(input) };
    yield { ...place, type: 'unknown_input', reason: `Node "${place.node_id}" (${place.class_type}) has no input "${place.input}"; ${has}. ${outcome}.`, ...nearest(input, names) };
  }
}

type Inputs = ReadonlyMap<string, InputDeclaration>;

/** Those that must be there first. */
const namesOf = (inputs: Inputs): string[] => [...inputs].toSorted(([, a], [, b]) => Number(b.required) - Number(a.required)).map(([name]) => name);

/** `images.image0` where `images` is declared as one that grows. */
function belongsToMadeUp(input: string, inputs: Inputs): boolean {
  const group = inputs.get(input.split('.', 1)[0] ?? '');
  return input.includes('.') && group !== undefined && MADE_UP.test(group.type);
}
