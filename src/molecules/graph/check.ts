/** Faults of a workflow that ComfyUI answers badly or not at all. Pure. */
import { limits } from '../../constants/limits.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import type { Fault } from '../../models/problem.ts';
import { type GraphNode, linksOf, nodesOf } from './read.ts';

/** Everything that can be said without asking an instance. An empty list means: send it. */
export function check(workflow: Readonly<Record<string, unknown>>): Fault[] {
  if (Array.isArray(workflow['nodes'])) return [uiFormat()];
  const ids = Object.keys(workflow);
  if (ids.length === 0) return [{ type: 'empty', reason: 'The workflow has no nodes.' }];
  const { nodes, faults } = nodesOf(workflow);
  if (faults.length > 0) return faults.slice(0, limits.faults);
  const missing = missingNodes(nodes);
  return (missing.length > 0 ? missing : cycles(nodes)).slice(0, limits.faults);
}

function uiFormat(): Fault {
  return {
    type: 'ui_format',
    reason: 'This is the format that the ComfyUI page saves. Export the graph in API format instead: in ComfyUI choose Workflow > Export (API); in older versions switch on "Enable Dev mode Options" in the settings, then "Save (API Format)".',
  };
}

function missingNodes(nodes: ReadonlyMap<string, GraphNode>): Fault[] {
  const faults: Fault[] = [];
  for (const [id, node] of nodes) {
    for (const link of linksOf(node)) {
      if (nodes.has(link.from)) continue;
      faults.push({ node_id: id, class_type: node.classType, input: link.input, type: 'missing_node', reason: `The input is linked to node "${link.from}", which is not in the workflow.` });
    }
  }
  return faults;
}

/** ComfyUI answers a cycle with 400 and names no node (ws 30). One fault per node on a cycle. */
function cycles(nodes: ReadonlyMap<string, GraphNode>): Fault[] {
  const sources = new Map([...nodes].map(([id, node]) => [id, new Set(linksOf(node).map((link) => link.from))]));
  const behind = withoutFree(sources);
  const on = withoutFree(inverted(behind));
  return [...on.keys()].map((id) => ({ node_id: id, class_type: nodes.get(id)?.classType ?? '', type: 'cycle', reason: `Node "${id}" depends on itself through its links.` }));
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

/** What Python's float() reads as NaN or infinity: such a value makes every later GET /history unreadable (ws 32). */
const notFinite = (value: unknown): boolean => {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (typeof value === 'object' && value !== null && 'rawJSON' in value) return !Number.isFinite(Number(value.rawJSON));
  if (typeof value !== 'string' || value.length > 400) return false;
  // Python strips these four controls as white space, JavaScript does not.
  const text = value.replace(/[\u001c-\u001f]/g, ' ').trim();
  return /^[+-]?(nan|inf|infinity)$/i.test(text) || (/^[+-]?[\d_.]+e\+?[\d_]+$/i.test(text) && !Number.isFinite(Number(text.replaceAll('_', ''))));
};

/** Whether `checkFinite` has anything to look at; spares asking an instance for its declarations. */
export function mayBeNotFinite(workflow: Readonly<Record<string, unknown>>): boolean {
  return [...nodesOf(workflow).nodes.values()].some((node) => Object.values(node.inputs).some(notFinite));
}

/** Refuses NaN and infinity where the instance declares FLOAT; in a STRING they are words. */
export function checkFinite(workflow: Readonly<Record<string, unknown>>, declarations: NodeDeclarations): Fault[] {
  const faults: Fault[] = [];
  for (const [id, node] of nodesOf(workflow).nodes) {
    for (const [input, value] of Object.entries(node.inputs)) {
      const type = declarations.get(node.classType)?.inputs.get(input)?.type;
      if (type === 'FLOAT' && notFinite(value)) {
        faults.push({ node_id: id, class_type: node.classType, input, type: 'not_finite', reason: 'The value is not a finite number; it would make the history of the ComfyUI server unreadable.' });
      }
    }
  }
  return faults;
}
