import type { ClassInfo, InputSpec } from '../catalog.ts';
import type { KeySources } from '../cache.ts';
import { classOf, nodeOf, plainInputs, type Graph } from '../graph.ts';
import { isRecord } from '../json.ts';
import { PythonError, repr } from '../python.ts';
import { converted, refused } from './plain-value.ts';
import { badLink, custom, innerException, mismatch, missing, type NodeError, type Verdict } from './refusal.ts';

interface Visit {
  readonly inputs: Record<string, unknown>;
  readonly spec: InputSpec;
  readonly checksItself: boolean;
}

type Finding = NodeError | 'upstream' | undefined;

/** Validates what outputs depend on and converts plain values in place. Nodes no output depends on are not looked at. */
export class GraphValidator {
  /** In the order nodes were finished: what feeds a node comes before it. */
  readonly verdicts = new Map<string, Verdict>();
  readonly #open = new Set<string>();
  readonly #graph: Graph;
  readonly #sources: KeySources;

  constructor(graph: Graph, sources: KeySources) {
    this.#graph = graph;
    this.#sources = sources;
  }

  /** Rejects with PythonError when the node cannot be looked at. A loop is invalid without any error (ws 30). */
  async node(id: string): Promise<Verdict> {
    const known = this.verdicts.get(id);
    if (known) return known;
    if (this.#open.has(id)) return { valid: false, errors: [] };
    this.#open.add(id);
    const verdict = await this.#inspect(id).finally(() => this.#open.delete(id));
    this.verdicts.set(id, verdict);
    return verdict;
  }

  async #inspect(id: string): Promise<Verdict> {
    const inputs = nodeOf(this.#graph, id)?.['inputs'];
    if (!isRecord(inputs)) throw new PythonError('KeyError', "'inputs'");
    const type = classOf(this.#graph, id);
    const info = this.#sources.catalog.get(type);
    const node = this.#sources.nodes.get(type);
    const findings: Finding[] = [];
    for (const spec of info?.inputs ?? []) {
      findings.push(await this.#input({ inputs, spec, checksItself: node?.validate !== undefined && spec.options['image_upload'] === true }));
    }
    const errors = findings.filter((finding) => finding !== undefined && finding !== 'upstream');
    const refusal = await node?.validate?.(plainInputs(inputs, info), this.#sources.folders);
    if (refusal) errors.push(custom(refusal.input, refusal.reason));
    return { valid: errors.length === 0 && !findings.includes('upstream'), errors };
  }

  async #input(visit: Visit): Promise<Finding> {
    const { inputs, spec } = visit;
    if (!Object.hasOwn(inputs, spec.name)) return spec.required ? missing(spec) : undefined;
    const value = inputs[spec.name];
    return Array.isArray(value) ? this.#link(spec, value) : this.#plain(visit, value);
  }

  #plain({ inputs, spec, checksItself }: Visit, sent: unknown): Finding {
    const outcome = converted(spec, sent);
    if (outcome.error) return outcome.error;
    inputs[spec.name] = outcome.value;
    return checksItself ? undefined : refused(spec, outcome.value);
  }

  async #link(spec: InputSpec, link: readonly unknown[]): Promise<Finding> {
    if (link.length !== 2) return badLink(spec, link);
    const [source, slot] = link;
    const id = this.#existing(source);
    const received = outputAt(this.#sources.catalog.get(classOf(this.#graph, id)), slot);
    if (!accepts(spec.type, received)) return mismatch(spec, received, link);
    try {
      return (await this.node(id)).valid ? undefined : 'upstream';
    } catch (error) {
      if (!(error instanceof PythonError)) throw error;
      this.verdicts.set(id, { valid: false, errors: [innerException(spec, link, error)] });
      return 'upstream';
    }
  }

  #existing(source: unknown): string {
    if (typeof source === 'object' && source !== null) throw new PythonError('TypeError', 'unhashable type');
    if (typeof source !== 'string' || !nodeOf(this.#graph, source)) throw new PythonError('KeyError', repr(source));
    return source;
  }
}

function outputAt(info: ClassInfo | undefined, slot: unknown): unknown {
  if (typeof slot !== 'number') throw new PythonError('TypeError', 'tuple indices must be integers or slices, not str');
  const outputs = info?.outputs ?? [];
  if (slot >= outputs.length || slot < -outputs.length) throw new PythonError('IndexError', 'tuple index out of range');
  return outputs.at(slot);
}

/** `*` takes anything; `A,B` takes A and B; an option list goes into a COMBO. */
function accepts(wanted: unknown, received: unknown): boolean {
  if (wanted === '*' || received === '*' || repr(wanted) === repr(received)) return true;
  if (Array.isArray(received)) return wanted === 'COMBO';
  if (typeof wanted !== 'string' || typeof received !== 'string') return false;
  const taken = wanted.split(',').map((type) => type.trim());
  return received.split(',').every((type) => taken.includes(type.trim()));
}
