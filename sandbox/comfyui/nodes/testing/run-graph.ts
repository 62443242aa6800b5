import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import type { Batch, Folders, NodeContext, NodeInputs, NodeResult, Preview } from '../../node.ts';
import { frames } from '../inputs.ts';
import { nodes } from '../index.ts';

const Graph = z.record(z.string(), z.object({ class_type: z.string(), inputs: z.record(z.string(), z.unknown()) }));
const Link = z.tuple([z.string(), z.int()]);
const Saved = z.object({ images: z.array(z.object({ filename: z.string(), subfolder: z.string(), type: z.enum(['input', 'output', 'temp']) })) });

export type Graph = z.infer<typeof Graph>;

const BIG = /^bigint:(\d+)$/u;

/** A graph file's text; integers of 16 digits and more become bigints. */
export const parseGraph = (json: string): Graph =>
  Graph.parse(
    JSON.parse(json.replace(/(?<=:\s*)\d{16,}(?=\s*[,}])/gu, '"bigint:$&"'), (_, value: unknown) => {
      const digits = typeof value === 'string' ? BIG.exec(value)?.[1] : undefined;
      return digits === undefined ? value : BigInt(digits);
    }),
  );

/** Fresh folders for one test file. */
export const makeFolders = async (): Promise<Folders & { readonly remove: () => Promise<void> }> => {
  const root = await mkdtemp(path.join(tmpdir(), 'nodes-'));
  const folders = { input: path.join(root, 'input'), output: path.join(root, 'output'), temp: path.join(root, 'temp') };
  await Promise.all(Object.values(folders).map((folder) => mkdir(folder)));
  return { ...folders, remove: () => rm(root, { recursive: true }) };
};

/** What a node said while it ran. */
export interface Heard {
  readonly steps: { readonly value: number; readonly max: number; readonly preview: Preview | undefined }[];
  readonly texts: string[];
}

/** A context that writes down what it hears. */
export const listening = (folders: Folders, given: Partial<NodeContext> = {}): { context: NodeContext; heard: Heard } => {
  const heard: Heard = { steps: [], texts: [] };
  const context: NodeContext = {
    nodeId: '1',
    promptId: 'test',
    promptText: '{"1":{}}',
    extraPnginfo: {},
    folders,
    signal: new AbortController().signal,
    progress: async (value, max, preview) => void heard.steps.push({ value, max, preview }),
    text: (message) => void heard.texts.push(message),
    ...given,
  };
  return { context, heard };
};

/** Runs one node with plain inputs. */
export const runNode = async (type: string, inputs: NodeInputs, context: NodeContext): Promise<NodeResult> => {
  const found = nodes.get(type);
  if (!found) throw new TypeError(`no node ${type}`);
  return found.run(inputs, context);
};

/** Runs the node and answers the batch in its first slot. */
export const runForFrames = async (type: string, inputs: NodeInputs, context: NodeContext): Promise<Batch> =>
  frames.parse((await runNode(type, inputs, context)).outputs[0]);

/** Runs every node of a graph, each once, links first; results by node id. */
export const runGraph = async (graph: Graph, context: NodeContext): Promise<Map<string, NodeResult>> => {
  const done = new Map<string, NodeResult>();
  const visit = async (id: string): Promise<NodeResult> => {
    const known = done.get(id);
    const entry = graph[id];
    if (known) return known;
    if (!entry) throw new TypeError(`no node ${id}`);
    const inputs: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(entry.inputs)) {
      const link = Link.safeParse(value);
      inputs[name] = link.success ? (await visit(link.data[0])).outputs[link.data[1]] : value;
    }
    const result = await runNode(entry.class_type, inputs, { ...context, nodeId: id });
    done.set(id, result);
    return result;
  };
  for (const id of Object.keys(graph)) await visit(id);
  return done;
};

/** Absolute paths of the files a save node reported. */
export const savedFiles = (result: NodeResult | undefined, folders: Folders): string[] =>
  Saved.parse(result?.ui).images.map(({ filename, subfolder, type }) => path.join(folders[type], subfolder, filename));

/** A file decoded to 8-bit red, green, blue, alpha. */
export const rgbaOf = async (file: string): Promise<{ width: number; height: number; data: Buffer }> => {
  const { data, info } = await sharp(file).ensureAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
};
