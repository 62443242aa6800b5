import { Float, isRecord } from './json.ts';
import type { ClassInfo } from './catalog.ts';

/** A submitted graph: node id → `{class_type, inputs, …}`, as sent except for values converted in place. */
export type Graph = Record<string, unknown>;

/** One submission, in the order of the recorded queue item `[number, prompt_id, prompt, extra_data, outputs]`. */
export interface QueueItem {
  readonly number: number | Float;
  readonly promptId: string;
  readonly prompt: Graph;
  readonly extraData: unknown;
  readonly outputs: readonly string[];
}

/** A link `["node id", slot]`. */
export interface Link {
  readonly node: string;
  readonly slot: number;
}

export function nodeOf(graph: Graph, id: string): Record<string, unknown> | undefined {
  const node = Object.hasOwn(graph, id) ? graph[id] : undefined;
  return isRecord(node) ? node : undefined;
}

export function classOf(graph: Graph, id: string): string {
  const type = nodeOf(graph, id)?.['class_type'];
  return typeof type === 'string' ? type : '';
}

export function inputsOf(graph: Graph, id: string): Record<string, unknown> {
  const inputs = nodeOf(graph, id)?.['inputs'];
  return isRecord(inputs) ? inputs : {};
}

export function asLink(value: unknown): Link | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [node, slot] = value.map((part: unknown) => part);
  return typeof node === 'string' && typeof slot === 'number' ? { node, slot } : undefined;
}

/** Declared inputs of a node that are links. Inputs the class does not declare are ignored (http/prompt-accepted). */
export function linksOf(inputs: Record<string, unknown>, info: ClassInfo | undefined): [string, Link][] {
  const found: [string, Link][] = [];
  for (const { name } of info?.inputs ?? []) {
    const link = asLink(inputs[name]);
    if (link) found.push([name, link]);
  }
  return found;
}

/** Declared inputs of a node that are plain values, floats unwrapped for the node. */
export function plainInputs(inputs: Record<string, unknown>, info: ClassInfo | undefined): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const { name } of info?.inputs ?? []) {
    const value = inputs[name];
    if (value !== undefined && !asLink(value)) plain[name] = value instanceof Float ? value.value : value;
  }
  return plain;
}

/** Element 3 of a queue item without what history hides (http/prompt-accepted: auth_token_comfy_org, api_key_comfy_org). */
export function withoutSecrets(extraData: unknown): unknown {
  if (!isRecord(extraData)) return extraData;
  return Object.fromEntries(Object.entries(extraData).filter(([key]) => key !== 'auth_token_comfy_org' && key !== 'api_key_comfy_org'));
}
