/** What is wrong with a workflow on one instance, by what that instance declares. Pure. */
import type { NodeDeclaration, NodeDeclarations } from '../../models/node-declaration.ts';
import type { Fault } from '../../models/problem.ts';
import { checkFinite, first } from './check.ts';
import { choicesReader } from './choices.ts';
import { inputFault, needsLink, type Surroundings } from './input-faults.ts';
import { type FindNearest, nearestFinder } from './nearest.ts';
import { type GraphNode, linksOf, nodesOf } from './read.ts';
import { told } from './told.ts';
import { unknownInputs } from './unknown-inputs.ts';

type Workflow = Readonly<Record<string, unknown>>;
type Nodes = ReadonlyMap<string, GraphNode>;

const WARNINGS: readonly string[] = ['unused_node', 'unconnected_output', 'unknown_input'];

/** Whether a workflow with that fault runs all the same. */
export const isWarning = (fault: Fault): boolean => WARNINGS.includes(fault.type);

/**
 * Up to `limits.faults`, errors before warnings. Beside what ComfyUI refuses there is what would fail while it runs. What
 * `check` finds is not found again. A node that judges its values itself may take more, or less, than it declares.
 */
export function diagnose(workflow: Workflow, declarations: NodeDeclarations, nearest: FindNearest = nearestFinder()): Fault[] {
  const { nodes } = nodesOf(workflow);
  return [...first(faultsOf(workflow, { nodes, declarations, nearest, choices: choicesReader() }))];
}

function* faultsOf(workflow: Workflow, around: Surroundings): Generator<Fault> {
  const { nodes, declarations } = around;
  yield* unknownClasses(around);
  const ends = [...nodes].filter(([, node]) => declarations.get(node.classType)?.outputNode !== false).map(([id]) => id);
  if (ends.length === 0) yield { type: 'prompt_no_outputs', reason: 'The workflow has no output node, as SaveImage or PreviewImage: nothing would run.' };
  const used = ends.length === 0 ? new Set(nodes.keys()) : neededBy(ends, nodes);
  for (const [id, node] of nodes) if (used.has(id)) yield* nodeFaults(id, node, { workflow, around });
  yield* checkFinite(workflow, declarations);
  for (const [id, node] of nodes) {
    if (!used.has(id)) yield { ...placeOf(id, node), type: 'unused_node', reason: `No output depends on node "${told(id)}" (${told(node.classType)}): ComfyUI neither checks nor runs it.` };
    else yield* warnings(id, node, around);
  }
}

const placeOf = (id: string, { classType }: GraphNode) => ({ node_id: told(id), class_type: told(classType) });

/** ComfyUI refuses the whole workflow, also where nothing depends on the node. */
function* unknownClasses({ nodes, declarations, nearest }: Surroundings): Generator<Fault> {
  const classes = [...declarations.keys()];
  for (const [id, node] of nodes) {
    if (declarations.has(node.classType)) continue;
    const reason = `The instance has no node class "${told(node.classType)}", which node "${told(id)}" is of: the node pack that brings it is not installed there, or failed to load.`;
    yield { ...placeOf(id, node), type: 'missing_node_type', reason, ...nearest(node.classType, classes) };
  }
}

/** These nodes and all that they depend on. */
function neededBy(ends: readonly string[], nodes: Nodes): ReadonlySet<string> {
  const found = new Set(ends);
  const open = [...ends];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const node = nodes.get(id);
    for (const { from } of node ? linksOf(node) : []) {
      if (found.has(from)) continue;
      found.add(from);
      open.push(from);
    }
  }
  return found;
}

function* nodeFaults(id: string, node: GraphNode, { workflow, around }: { workflow: Workflow; around: Surroundings }): Generator<Fault> {
  const declared = around.declarations.get(node.classType);
  if (!declared) return;
  const sent = workflow[id];
  if (typeof sent === 'object' && sent !== null && !('inputs' in sent)) yield { ...placeOf(id, node), type: 'missing_inputs', reason: `Node "${told(id)}" (${told(node.classType)}) has no inputs: ComfyUI wants an object, if only an empty one.` };
  for (const [input, declaration] of declared.inputs) {
    const fault = inputFault({ nodeId: id, node, input, declared: declaration }, around);
    if (fault) yield fault;
  }
}

function* warnings(id: string, node: GraphNode, { declarations, nearest }: Surroundings): Generator<Fault> {
  const declared = declarations.get(node.classType);
  if (!declared) return;
  yield* unconnected(id, node, declared);
  yield* unknownInputs({ id, node, declared }, nearest);
}

/** An output node all of whose links may be left out, and are. */
function* unconnected(id: string, node: GraphNode, declared: NodeDeclaration): Generator<Fault> {
  if (!declared.outputNode) return;
  const links = [...declared.inputs].filter(([, input]) => needsLink(input));
  if (links.length === 0 || links.some(([name, input]) => input.required || Object.hasOwn(node.inputs, name))) return;
  yield { ...placeOf(id, node), type: 'unconnected_output', reason: `Nothing is linked to output node "${told(id)}" (${told(node.classType)}): it has nothing to put out.` };
}
