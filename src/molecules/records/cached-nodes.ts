import { z } from 'zod';

const History = z.object({ status: z.object({ messages: z.array(z.unknown()) }) });
const Cached = z.tuple([z.literal('execution_cached'), z.object({ nodes: z.array(z.unknown()) })]);

/** Nodes that a bare history entry (JSON text) tells to have been answered out of ComfyUI's cache: they wrote no file. Pure. */
export function cachedNodes(history: string | undefined): ReadonlySet<string> {
  if (history === undefined) return new Set();
  const entry = History.safeParse(JSON.parse(history));
  const told = entry.success ? entry.data.status.messages.map((message) => Cached.safeParse(message)) : [];
  return new Set(told.flatMap(({ data }) => (data ? data[1].nodes.map(String) : [])));
}
