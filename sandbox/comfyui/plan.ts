import type { Catalog } from './catalog.ts';
import { classOf, inputsOf, linksOf, type Graph } from './graph.ts';

/**
 * Which node runs next. Only what an output needs is planned, a cached node is not visited at all unless it is an output,
 * and among nodes that are ready outputs come first, then what feeds an output, then what feeds such a node (ws 03, ws 26).
 */
export class ExecutionPlan {
  readonly #graph: Graph;
  readonly #catalog: Catalog;
  readonly #isCached: (id: string) => boolean;
  /** Planned nodes, in the order they were planned, with what each still waits for. */
  readonly #waitsFor = new Map<string, Set<string>>();
  readonly #feeds = new Map<string, Set<string>>();

  constructor(sources: { graph: Graph; catalog: Catalog; isCached: (id: string) => boolean }) {
    this.#graph = sources.graph;
    this.#catalog = sources.catalog;
    this.#isCached = sources.isCached;
  }

  add(output: string): void {
    const unplanned = [output];
    for (let id = unplanned.pop(); id !== undefined; id = unplanned.pop()) {
      if (this.#waitsFor.has(id)) continue;
      const needed = this.#needs(id);
      this.#waitsFor.set(id, new Set(needed));
      for (const dependency of needed) {
        this.#feeds.set(dependency, (this.#feeds.get(dependency) ?? new Set()).add(id));
        unplanned.push(dependency);
      }
    }
  }

  next(): string | undefined {
    const ready = [...this.#waitsFor].filter(([, needed]) => needed.size === 0).map(([id]) => id);
    return ready.find((id) => this.#isOutput(id))
      ?? ready.find((id) => this.#fed(id).some((user) => this.#isOutput(user)))
      ?? ready.find((id) => this.#fed(id).some((user) => this.#fed(user).some((next) => this.#isOutput(next))))
      ?? ready[0];
  }

  finished(id: string): void {
    this.#waitsFor.delete(id);
    for (const user of this.#fed(id)) this.#waitsFor.get(user)?.delete(id);
  }

  #needs(id: string): string[] {
    const links = linksOf(inputsOf(this.#graph, id), this.#catalog.get(classOf(this.#graph, id)));
    return [...new Set(links.map(([, link]) => link.node))].filter((node) => !this.#isCached(node));
  }

  #fed(id: string): string[] {
    return [...(this.#feeds.get(id) ?? [])];
  }

  #isOutput(id: string): boolean {
    return this.#catalog.get(classOf(this.#graph, id))?.isOutput === true;
  }
}
