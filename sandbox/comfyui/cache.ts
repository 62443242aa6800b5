import { createHash, randomUUID } from 'node:crypto';
import type { Catalog } from './catalog.ts';
import { classOf, inputsOf, linksOf, plainInputs, type Graph } from './graph.ts';
import { writeJson } from './json.ts';
import type { Folders, NodeClass } from './node.ts';

/** What a node left behind. `meta` names the node that really ran, also when a twin shows the result (http/prompt-accepted). */
export interface CacheEntry {
  readonly outputs: readonly unknown[];
  readonly ui?: { readonly output: Readonly<Record<string, unknown>>; readonly meta: Readonly<Record<string, unknown>> };
}

/** Results of the previous prompt, found again by class, inputs and ancestors; node ids play no part (ws 03). */
export class NodeCache {
  #entries = new Map<string, CacheEntry>();

  /** Forgets everything the new prompt cannot use. */
  keepOnly(keys: Iterable<string>): void {
    const wanted = new Set(keys);
    this.#entries = new Map([...this.#entries].filter(([key]) => wanted.has(key)));
  }

  get(key: string | undefined): CacheEntry | undefined {
    return key === undefined ? undefined : this.#entries.get(key);
  }

  set(key: string, entry: CacheEntry): void {
    this.#entries.set(key, entry);
  }

  clear(): void {
    this.#entries.clear();
  }
}

export interface KeySources {
  readonly catalog: Catalog;
  readonly nodes: ReadonlyMap<string, NodeClass>;
  readonly folders: Folders;
}

/** The cache key of every node of a graph. A node that must not be cached, and all that hang on it, get keys never seen before. */
export async function cacheKeys(graph: Graph, sources: KeySources): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  const open = new Set<string>();
  const keyOf = async (id: string): Promise<string> => {
    const known = keys.get(id);
    if (known !== undefined) return known;
    if (open.has(id)) return randomUUID();
    open.add(id);
    const info = sources.catalog.get(classOf(graph, id));
    const inputs = inputsOf(graph, id);
    const links: unknown[] = [];
    for (const [name, link] of linksOf(inputs, info)) links.push([name, await keyOf(link.node), link.slot]);
    const identity = [classOf(graph, id), await fingerprint(graph, id, sources), plainInputs(inputs, info), links];
    const key = createHash('sha256').update(writeJson(identity)).digest('hex');
    keys.set(id, key);
    return key;
  };
  for (const id of Object.keys(graph)) await keyOf(id);
  return keys;
}

async function fingerprint(graph: Graph, id: string, { catalog, nodes, folders }: KeySources): Promise<string> {
  const type = classOf(graph, id);
  const node = nodes.get(type);
  if (node?.neverCached === true) return randomUUID();
  if (!node?.fingerprint) return '';
  // A file that cannot be read now fails when the node runs; until then it only makes the node look changed.
  return node.fingerprint(plainInputs(inputsOf(graph, id), catalog.get(type)), folders).catch(() => randomUUID());
}
