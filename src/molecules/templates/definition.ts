/** What is wrong with a template as an operator wrote it: with its inputs, its graph, and how they fit. Pure. */
import { z } from 'zod';
import { type ConfigFault, shown } from '../../core/config-fault.ts';
import { TemplateInput } from '../../models/template.ts';
import { drawable, integerOf, rangeOf, widest } from './integers.ts';
import { readValue } from './values.ts';
import { near } from './words.ts';

type Graph = Readonly<Record<string, unknown>>;

const Definition = z.object({ inputs: z.record(z.string(), z.unknown()).catch({}), outputs: z.array(z.string()).catch([]) });

/** Faults of the parts that have the right shape; `graph` is undefined where it is not fit to be compared with. */
export function definitionFaults(raw: unknown, graph: Graph | undefined): ConfigFault[] {
  const { inputs, outputs } = Definition.catch({ inputs: {}, outputs: [] }).parse(raw);
  const parsed = Object.entries(inputs).flatMap(([name, input]) => {
    const { data } = TemplateInput.safeParse(input);
    return data === undefined ? [] : [{ name, input: data }];
  });
  const own = parsed.flatMap(({ name, input }) => [...limitFaults(input), ...defaultFaults(input)].map((fault) => ({ ...fault, path: ['inputs', name, ...fault.path] })));
  const nodes = graph === undefined ? [] : [...targetFaults(parsed, graph), ...outputs.flatMap((node, n) => nodeFault(['outputs', n], node, graph))];
  return [...own, ...twice(parsed), ...nodes];
}

interface Named {
  readonly name: string;
  readonly input: TemplateInput;
}

function limitFaults(input: TemplateInput): ConfigFault[] {
  if (input.type === 'string') return order('min_length', input.min_length, input.max_length);
  if (input.type === 'number') return order('min', input.min, input.max);
  if (input.type === 'enum') return new Set(input.values).size < input.values.length ? [{ path: ['values'], text: 'a value stands there twice' }] : [];
  if (input.type !== 'integer') return [];
  const bad = (['min', 'max'] as const).filter((name) => input[name] !== undefined && !fits(integerOf(input[name])));
  if (bad.length > 0) return bad.map((name) => ({ path: [name], text: `${shown(input[name])} is not a whole number from ${widest.min} to ${widest.max}` }));
  const { min, max } = rangeOf(input);
  return order('min', min, max);
}

const fits = (value: bigint | undefined): boolean => value !== undefined && value >= widest.min && value <= widest.max;

function order<T extends number | bigint>(name: string, min: T | undefined, max: T | undefined): ConfigFault[] {
  return min === undefined || max === undefined || min <= max ? [] : [{ path: [name], text: `${min} is more than ${name.replace('min', 'max')}, which is ${max}` }];
}

/** A default must be what a caller could give. */
function defaultFaults(input: TemplateInput): ConfigFault[] {
  if (input.default === undefined || limitFaults(input).length > 0) return [];
  if (input.type === 'integer' && input.default === 'random') {
    const { min, max } = drawable(rangeOf(input));
    return min <= max ? [] : [{ path: ['default'], text: `"random" draws from 0 on, but max is ${max}` }];
  }
  if (input.type === 'integer' && integerOf(input.default) === undefined) return [{ path: ['default'], text: `${shown(input.default)} is not a whole number, nor "random"` }];
  const reading = readValue(input, input.default);
  return 'value' in reading ? [] : [{ path: ['default'], text: reading.refusal.reason.replace(/\.$/, '') }];
}

/** Two inputs cannot both say what stands at one place. */
function twice(all: readonly Named[]): ConfigFault[] {
  const taken = new Map<string, string>();
  return all.flatMap(({ name, input }) =>
    input.targets.flatMap((target, n) => {
      const place = JSON.stringify([target.node, target.input]);
      const other = taken.get(place);
      taken.set(place, other ?? name);
      return other === undefined ? [] : [{ path: ['inputs', name, 'targets', n], text: `input "${target.input}" of node "${target.node}" is a target of "${other}" already` }];
    }));
}

function targetFaults(all: readonly Named[], graph: Graph): ConfigFault[] {
  return all.flatMap(({ name, input }) => input.targets.flatMap(({ node }, n) => nodeFault(['inputs', name, 'targets', n, 'node'], node, graph)));
}

/** Targets that their nodes of the graph do not have: most probably misspelt, but an exported graph may lack optional inputs. */
export function targetWarnings(inputs: Readonly<Record<string, TemplateInput>>, graph: Graph): ConfigFault[] {
  return Object.entries(inputs).flatMap(([name, { targets }]) => targets.flatMap((target, n) => {
    const { class_type: type, inputs: own = {} } = Node.parse(graph[target.node]);
    if (Object.hasOwn(own, target.input)) return [];
    const names = Object.keys(own);
    const { nearest } = near(target.input, names);
    const text = `node ${shown(target.node)} (${type}) of the graph has no input ${shown(target.input)}${nearest === undefined ? '' : `; nearest: ${nearest}`}; it has: ${names.slice(0, LISTED).join(', ') || 'none'}`;
    return [{ path: ['inputs', name, 'targets', n, 'input'], text }];
  }));
}

/** Nodes, or inputs, that a message lists. */
const LISTED = 50;

function nodeFault(path: readonly PropertyKey[], node: string, graph: Graph): ConfigFault[] {
  if (Object.hasOwn(graph, node)) return [];
  const nodes = Object.keys(graph);
  const { nearest } = near(node, nodes);
  const list = nodes.length > LISTED && nearest !== undefined ? `nearest: ${nearest}` : `allowed: ${nodes.slice(0, LISTED).join(', ')}`;
  return [{ path, text: `the graph has no node ${shown(node)}; ${list}` }];
}

const Node = z.looseObject({ class_type: z.string().min(1), inputs: z.record(z.string(), z.unknown()).optional() });
const NodeParts = z.looseObject({ class_type: z.unknown().optional() });

/** Says why something is no graph in API format; an empty list where it is one. */
export function graphFaults(graph: unknown): string[] {
  if (typeof graph !== 'object' || graph === null || Array.isArray(graph) || JSON.isRawJSON(graph)) return [`${shown(graph)} is not a graph; allowed: an object of nodes in API format`];
  const nodes = Object.entries(graph);
  if (nodes.some(([name, value]) => name === 'nodes' && Array.isArray(value))) return ['this is the format that the ComfyUI page saves; export it with Workflow > Export (API) instead'];
  if (nodes.length === 0) return ['the graph has no nodes'];
  return nodes.filter(([, node]) => !Node.safeParse(node).success).map(([id, node]) => `node ${shown(id)} ${whatIsWrong(node)}; allowed: an object with class_type and inputs`);
}

function whatIsWrong(node: unknown): string {
  const { data } = NodeParts.safeParse(node);
  if (data === undefined) return `is ${shown(node)}`;
  return typeof data.class_type === 'string' && data.class_type !== '' ? 'has inputs that are no object' : 'has no class_type';
}
