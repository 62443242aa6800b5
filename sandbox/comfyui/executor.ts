import { cacheKeys, type CacheEntry, type KeySources, type NodeCache } from './cache.ts';
import { errorReport, isInterrupt } from './error-report.ts';
import { classOf, inputsOf, linksOf, plainInputs, type QueueItem } from './graph.ts';
import { isRecord, writeJson } from './json.ts';
import type { Knobs } from './knobs.ts';
import { Interrupted, NodeFailure, type NodeClass, type NodeContext, type NodeInputs } from './node.ts';
import { pause } from './pause.ts';
import { ExecutionPlan } from './plan.ts';
import type { RunMessages } from './run-messages.ts';

export interface ExecutorParts extends KeySources {
  readonly cache: NodeCache;
  readonly knobs: Knobs;
}

export interface RunResult {
  readonly success: boolean;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Runs one prompt. An instance lives for one run. */
export class Execution {
  readonly #parts: ExecutorParts;
  readonly #item: QueueItem;
  readonly #messages: RunMessages;
  readonly #signal: AbortSignal;
  readonly #stop: AbortSignal;
  readonly #executed: string[] = [];
  #keys = new Map<string, string>();
  /** The node that runs now, for clients that come back (ws 16). */
  current: string | undefined;

  constructor(parts: ExecutorParts, run: { item: QueueItem; messages: RunMessages; signal: AbortSignal; stop: AbortSignal }) {
    this.#parts = parts;
    this.#item = run.item;
    this.#messages = run.messages;
    this.#signal = run.signal;
    this.#stop = run.stop;
  }

  async run(): Promise<RunResult> {
    const { promptId, prompt, outputs } = this.#item;
    const { cache, catalog } = this.#parts;
    this.#messages.note('execution_start', { prompt_id: promptId });
    this.#keys = await cacheKeys(prompt, this.#parts);
    cache.keepOnly(this.#keys.values());
    const cached = Object.keys(prompt).filter((id) => this.#cached(id) !== undefined);
    this.#messages.note('execution_cached', { nodes: cached, prompt_id: promptId });
    const plan = new ExecutionPlan({ graph: prompt, catalog, isCached: (id) => this.#cached(id) !== undefined });
    for (const output of outputs) plan.add(output);
    const success = await this.#walk(plan);
    if (success) this.#messages.note('execution_success', { prompt_id: promptId });
    return { success, ...this.#collected() };
  }

  async #walk(plan: ExecutionPlan): Promise<boolean> {
    for (let id = plan.next(); id !== undefined; id = plan.next()) {
      this.current = id;
      try {
        await this.#visit(id);
      } catch (error) {
        this.#failed(id, error);
        return false;
      }
      plan.finished(id);
    }
    return true;
  }

  /** A cached node only shows its old result (ws 03, ws 28); any other one runs. */
  async #visit(id: string): Promise<void> {
    const known = this.#cached(id);
    if (!known) return this.#execute(id);
    if (known.ui) this.#messages.executed(id, known.ui.output);
    this.#messages.finished(id);
  }

  async #execute(id: string): Promise<void> {
    this.#messages.started(id);
    this.#messages.executing(id);
    await pause(this.#parts.knobs, 'nodeDelayMs', this.#heard());
    if (this.#signal.aborted) throw new Interrupted();
    const node = this.#node(id);
    const result = await node.run(this.#inputs(id), this.#context(id, node));
    const ui = result.ui && Object.keys(result.ui).length > 0 ? result.ui : undefined;
    if (ui) this.#messages.executed(id, ui);
    const meta = { node_id: id, display_node: id, parent_node: null, real_node_id: id };
    this.#parts.cache.set(this.#keys.get(id) ?? id, { outputs: result.outputs, ...(ui && { ui: { output: ui, meta } }) });
    this.#executed.push(id);
    this.#messages.finished(id);
  }

  #node(id: string): NodeClass {
    const type = classOf(this.#item.prompt, id);
    const node = this.#parts.nodes.get(type);
    if (!node) throw new NodeFailure('NotImplementedError', `the sandbox cannot run ${type}`);
    return node;
  }

  #cached(id: string): CacheEntry | undefined {
    return this.#parts.cache.get(this.#keys.get(id));
  }

  #inputs(id: string): NodeInputs {
    const { prompt } = this.#item;
    const info = this.#parts.catalog.get(classOf(prompt, id));
    const linked = linksOf(inputsOf(prompt, id), info).map(([name, link]): [string, unknown] => [name, this.#cached(link.node)?.outputs.at(link.slot)]);
    return { ...plainInputs(inputsOf(prompt, id), info), ...Object.fromEntries(linked) };
  }

  #context(id: string, node: NodeClass): NodeContext {
    const { knobs, folders } = this.#parts;
    return {
      nodeId: id,
      promptId: this.#item.promptId,
      promptText: writeJson(this.#item.prompt),
      extraPnginfo: pngTexts(this.#item.extraData),
      folders,
      signal: this.#heard(),
      progress: async (value, max, preview) => {
        await pause(knobs, 'stepDelayMs', this.#heard());
        if (this.#heard().aborted) throw new Interrupted();
        await this.#messages.step(id, { value, max, preview, fit: node.neverCached !== true });
      },
      text: (message) => { this.#messages.text(id, message); },
    };
  }

  /** A deaf node hears only the end of the server, not an interrupt. */
  #heard(): AbortSignal {
    return this.#parts.knobs.state.deaf ? this.#stop : this.#signal;
  }

  #failed(id: string, error: unknown): void {
    const where = { prompt_id: this.#item.promptId, node_id: id, node_type: classOf(this.#item.prompt, id), executed: this.#executed };
    if (isInterrupt(error, this.#signal)) {
      this.#messages.note('execution_interrupted', where, 'everybody');
      return;
    }
    const inputs = { ...this.#inputs(id), ...this.#hidden(id) };
    this.#messages.note('execution_error', { ...where, ...errorReport(error, { node: id, inputs }), current_outputs: Object.keys(this.#item.prompt) });
  }

  #hidden(id: string): Record<string, unknown> {
    const { prompt, extraData } = this.#item;
    const png = isRecord(extraData) ? extraData['extra_pnginfo'] ?? null : null;
    const known: Record<string, unknown> = { prompt, extra_pnginfo: png };
    const names = this.#parts.catalog.get(classOf(prompt, id))?.hidden ?? [];
    return Object.fromEntries(names.filter((name) => name in known).map((name) => [name, known[name]]));
  }

  /** Every node of the graph with something to show, also one that did not run but shares its result with one that did. */
  #collected(): Pick<RunResult, 'outputs' | 'meta'> {
    const shown = Object.keys(this.#item.prompt).flatMap((id) => {
      const ui = this.#cached(id)?.ui;
      return ui ? [{ id, ...ui }] : [];
    });
    return {
      outputs: Object.fromEntries(shown.map(({ id, output }) => [id, output])),
      meta: Object.fromEntries(shown.map(({ id, meta }) => [id, meta])),
    };
  }
}

function pngTexts(extraData: unknown): Record<string, string> {
  const info = isRecord(extraData) ? extraData['extra_pnginfo'] : undefined;
  return Object.fromEntries(Object.entries(isRecord(info) ? info : {}).map(([key, value]) => [key, writeJson(value)]));
}

