import type { KeySources } from '../cache.ts';
import { classOf, type Graph } from '../graph.ts';
import { isRecord } from '../json.ts';
import { PythonError, text, typeName } from '../python.ts';
import { GraphValidator } from './graph-validator.ts';
import { exception, type NodeError, type Verdict } from './refusal.ts';

export interface PromptError {
  readonly type: string;
  readonly message: string;
  readonly details: string;
  readonly extra_info: Readonly<Record<string, unknown>>;
}

export type NodeErrors = Record<string, { errors: readonly NodeError[]; dependent_outputs: string[]; class_type: string }>;

export type Judgement =
  | { readonly ok: true; readonly graph: Graph; readonly outputs: readonly string[]; readonly nodeErrors: NodeErrors }
  | { readonly ok: false; readonly error: PromptError; readonly nodeErrors: NodeErrors };

const refuse = (type: string, message: string, details: string): Judgement => ({ ok: false, error: { type, message, details, extra_info: {} }, nodeErrors: {} });

export const NO_PROMPT: PromptError = { type: 'no_prompt', message: 'No prompt provided', details: 'No prompt provided', extra_info: {} };

/**
 * Judges a submitted prompt. At least one valid output is enough: the broken ones are named and skipped (http/prompt-accepted).
 * Throws PythonError where the recorded server answers 500.
 */
export async function judge(prompt: unknown, targets: unknown, sources: KeySources): Promise<Judgement> {
  const graph = graphOf(prompt);
  const unknown = classProblem(graph, sources);
  if (unknown) return unknown;
  const outputs = Object.keys(graph).filter((id) => sources.catalog.get(classOf(graph, id))?.isOutput === true && targeted(targets, id));
  if (outputs.length === 0) return refuse('prompt_no_outputs', 'Prompt has no outputs', '');
  return judgeOutputs(new GraphValidator(graph, sources), graph, outputs);
}

async function judgeOutputs(validator: GraphValidator, graph: Graph, outputs: readonly string[]): Promise<Judgement> {
  const good: string[] = [];
  const details: string[] = [];
  const nodeErrors: NodeErrors = {};
  for (const output of outputs) {
    const verdict = await judgeOutput(validator, output);
    if (verdict.valid) {
      good.push(output);
      continue;
    }
    details.push(...verdict.errors.map((error) => `${error.message}: ${error.details}`));
    blame(nodeErrors, { graph, output, verdicts: validator.verdicts });
  }
  if (good.length > 0) return { ok: true, graph, outputs: good, nodeErrors };
  const error = { type: 'prompt_outputs_failed_validation', message: 'Prompt outputs failed validation', details: details.join('\n'), extra_info: {} };
  return { ok: false, error, nodeErrors };
}

async function judgeOutput(validator: GraphValidator, output: string): Promise<Verdict> {
  try {
    return await validator.node(output);
  } catch (error) {
    if (!(error instanceof PythonError)) throw error;
    const verdict = { valid: false, errors: [exception(error)] };
    validator.verdicts.set(output, verdict);
    return verdict;
  }
}

/** Every node found broken so far counts for this output (http/prompt-rejected-validation, several-errors). */
function blame(nodeErrors: NodeErrors, { graph, output, verdicts }: { graph: Graph; output: string; verdicts: ReadonlyMap<string, Verdict> }): void {
  for (const [id, { errors }] of verdicts) {
    if (errors.length === 0) continue;
    const entry = nodeErrors[id] ?? { errors, dependent_outputs: [], class_type: classOf(graph, id) };
    entry.dependent_outputs.push(output);
    nodeErrors[id] = entry;
  }
}

/** An object as it is; anything else fails as in http/prompt-rejected-envelope, except empty things, which have no outputs. */
function graphOf(prompt: unknown): Graph {
  if (isRecord(prompt)) return prompt;
  if ((Array.isArray(prompt) || typeof prompt === 'string') && prompt.length === 0) return {};
  throw new PythonError('TypeError', `a ${typeName(prompt)} is no graph`);
}

function classProblem(graph: Graph, { catalog }: KeySources): Judgement | undefined {
  for (const [id, node] of Object.entries(graph)) {
    const type = declaredClass(node);
    if (type === undefined) return refuse('invalid_prompt', 'Cannot execute because a node is missing the class_type property.', `Node ID '#${id}'`);
    if (typeof type !== 'string' || !catalog.get(type)) return refuse('invalid_prompt', `Cannot execute because node ${text(type)} does not exist.`, `Node ID '#${id}'`);
  }
  return undefined;
}

/** undefined if the node has no class_type; a list or text that happens to contain the word fails (node is a string). */
function declaredClass(node: unknown): unknown {
  if (isRecord(node)) return Object.hasOwn(node, 'class_type') ? node['class_type'] : undefined;
  if (typeof node === 'string' && !node.includes('class_type')) return undefined;
  if (Array.isArray(node) && !node.includes('class_type')) return undefined;
  throw new PythonError('TypeError', `a ${typeName(node)} is no node`);
}

function targeted(targets: unknown, id: string): boolean {
  if (targets === null || targets === undefined) return true;
  if (Array.isArray(targets)) return targets.includes(id);
  if (typeof targets === 'string') return targets.includes(id);
  if (isRecord(targets)) return Object.hasOwn(targets, id);
  throw new PythonError('TypeError', `argument of type '${typeName(targets)}' is not iterable`);
}
