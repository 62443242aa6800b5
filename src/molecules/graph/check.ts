/** Faults of a workflow that ComfyUI answers badly or not at all. Pure. */
import { limits } from '../../constants/limits.ts';
import type { Fault } from '../../models/problem.ts';
import { infiniteNumbers } from './finite.ts';
import { type GraphNode, linksOf, nodesOf } from './read.ts';
import { told } from './told.ts';

type Workflow = Readonly<Record<string, unknown>>;

/** What can be said without asking an instance, of one kind at a time. An empty list means: send it. */
export function check(workflow: Workflow): Fault[] {
  const whole = asAWhole(workflow);
  if (whole.length > 0) return whole;
  const { nodes, faults } = nodesOf(workflow);
  const looks = [() => faults, () => tooManyInputs(nodes), () => longNames(nodes), () => missingNodes(nodes), () => infiniteNumbers(workflow), () => cycles(nodes)];
  for (const look of looks) {
    const found = [...first(look())];
    if (found.length > 0) return found;
  }
  return [];
}

/** As `check`, of every kind at once, for whoever wants to mend it in one go. Not `readable`: no use in looking at its nodes. */
export function checkAll(workflow: Workflow): { readonly faults: Fault[]; readonly readable: boolean } {
  const whole = asAWhole(workflow);
  if (whole.length > 0) return { faults: whole, readable: false };
  const { nodes, faults } = nodesOf(workflow);
  const size = [...first(inTurn(tooManyInputs(nodes), longNames(nodes)))];
  if (size.length > 0) return { faults: size, readable: false };
  return { faults: [...first(inTurn(faults, missingNodes(nodes), infiniteNumbers(workflow), cycles(nodes)))], readable: true };
}

function asAWhole(workflow: Workflow): Fault[] {
  if (Array.isArray(workflow['nodes'])) return [uiFormat()];
  const count = Object.keys(workflow).length;
  if (count === 0) return [{ type: 'empty', reason: 'The workflow has no nodes.' }];
  return count > limits.nodes ? [{ type: 'too_many_nodes', reason: `The workflow has ${count} nodes; up to ${limits.nodes} are taken.` }] : [];
}

function* inTurn(...groups: Iterable<Fault>[]): Generator<Fault> {
  for (const group of groups) yield* group;
}

/** Up to `limits.faults` of them. */
export function* first(faults: Iterable<Fault>): Generator<Fault> {
  let left: number = limits.faults;
  for (const fault of faults) {
    if (left === 0) return;
    left -= 1;
    yield fault;
  }
}

function uiFormat(): Fault {
  return {
    type: 'ui_format',
    reason: 'This is the format that the ComfyUI page saves. Export the graph in API format instead: in ComfyUI choose Workflow > Export (API); in older versions switch on "Enable Dev mode Options" in the settings, then "Save (API Format)".',
  };
}

function tooManyInputs(nodes: ReadonlyMap<string, GraphNode>): Fault[] {
  let count = 0;
  for (const { inputs } of nodes.values()) count += Object.keys(inputs).length;
  return count > limits.nodeInputs ? [{ type: 'too_many_inputs', reason: `The nodes have ${count} inputs together; up to ${limits.nodeInputs} are taken.` }] : [];
}

function* longNames(nodes: ReadonlyMap<string, GraphNode>): Generator<Fault> {
  for (const [id, { classType }] of nodes) {
    if (Math.max(id.length, classType.length) <= limits.nodeName) continue;
    yield { node_id: told(id), class_type: told(classType), type: 'name_too_long', reason: `Node "${told(id)}" of class "${told(classType)}": ids and classes have up to ${limits.nodeName} characters.` };
  }
}

function* missingNodes(nodes: ReadonlyMap<string, GraphNode>): Generator<Fault> {
  for (const [id, node] of nodes) {
    for (const link of linksOf(node)) {
      if (nodes.has(link.from)) continue;
      yield { node_id: told(id), class_type: told(node.classType), input: told(link.input), type: 'missing_node', reason: `Input "${told(link.input)}" of node "${told(id)}" is linked to node "${told(link.from)}", which is not in the workflow.` };
    }
  }
}

/** ComfyUI answers a cycle with 400 and names no node (ws 30). One fault per node on a cycle. */
function* cycles(nodes: ReadonlyMap<string, GraphNode>): Generator<Fault> {
  const sources = new Map([...nodes].map(([id, node]) => [id, new Set(linksOf(node).map((link) => link.from))]));
  const behind = withoutFree(sources);
  const on = withoutFree(inverted(behind));
  for (const id of on.keys()) yield { node_id: told(id), class_type: told(nodes.get(id)?.classType ?? ''), type: 'cycle', reason: `Node "${told(id)}" depends on itself through its links.` };
}

type Edges = ReadonlyMap<string, ReadonlySet<string>>;

/** Takes nodes without edges away until there are none left to take. */
function withoutFree(edges: Edges): Edges {
  const left = new Map([...edges].map(([id, targets]) => [id, new Set(targets)]));
  const back = inverted(edges);
  const free = [...left].filter(([, targets]) => targets.size === 0).map(([id]) => id);
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    left.delete(id);
    for (const other of back.get(id) ?? []) {
      const targets = left.get(other);
      if (targets?.delete(id) && targets.size === 0) free.push(other);
    }
  }
  return left;
}

function inverted(edges: Edges): Edges {
  const back = new Map<string, Set<string>>([...edges.keys()].map((id) => [id, new Set()]));
  for (const [id, targets] of edges) for (const target of targets) back.get(target)?.add(id);
  return back;
}

export { checkFinite, infiniteExtraData, mayBeNotFinite } from './finite.ts';
