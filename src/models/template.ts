/**
 * A template is a named workflow with typed inputs, kept as a file of `config/workflows`. What an operator writes, and what
 * becomes of it once a caller has given values.
 */
import { z } from 'zod';
import type { Workflow } from './workflow.ts';

/** Where a value goes: the input of a node of the graph. */
export const Target = z.strictObject({ node: z.string().min(1), input: z.string().min(1) });
export type Target = z.infer<typeof Target>;

export const mediaKinds = ['image', 'video', 'audio'] as const;
export type MediaKind = (typeof mediaKinds)[number];

/** A number that may be beyond 2^53: as the lossless parser gives it. */
const anyInteger = z.unknown();

const common = {
  description: z.string().optional(),
  /** Without it an input is required when it has no default. */
  required: z.boolean().optional(),
  targets: z.array(Target).min(1),
};

export const TemplateInput = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('string'), ...common, default: z.string().optional(), min_length: z.int().min(0).optional(), max_length: z.int().min(1).optional() }),
  /** `"random"` as default draws a new number for every task. Up to 2^64-1. */
  z.strictObject({ type: z.literal('integer'), ...common, default: anyInteger.optional(), min: anyInteger.optional(), max: anyInteger.optional() }),
  z.strictObject({ type: z.literal('number'), ...common, default: z.number().optional(), min: z.number().optional(), max: z.number().optional() }),
  z.strictObject({ type: z.literal('boolean'), ...common, default: z.boolean().optional() }),
  z.strictObject({ type: z.literal('enum'), ...common, values: z.array(z.string()).min(1), default: z.string().optional() }),
  z.strictObject({ type: z.literal('image'), ...common, default: z.string().optional() }),
  z.strictObject({ type: z.literal('video'), ...common, default: z.string().optional() }),
  z.strictObject({ type: z.literal('audio'), ...common, default: z.string().optional() }),
]);
export type TemplateInput = z.infer<typeof TemplateInput>;

/** The file as an operator writes it. */
export const TemplateFile = z.strictObject({
  title: z.string().min(1),
  description: z.string().default(''),
  /** The graph in API format: a path below the folder of the template. */
  graph: z.string().min(1),
  inputs: z.record(z.string().regex(/^[A-Za-z_]\w{0,63}$/, 'must be a word of letters, digits and "_"'), TemplateInput),
  /** Nodes whose files are the outputs of a task; without it, those of all nodes. */
  outputs: z.array(z.string()).min(1).optional(),
});

/** A template ready for use. `name` is that of its file without `.json`. */
export interface Template {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly workflow: Workflow;
  readonly inputs: Readonly<Record<string, TemplateInput>>;
  readonly outputs: readonly string[] | undefined;
}

/** A file that a graph needs: `source` as the caller gave it (a name, a path, a data URI, a URL), to be put into `targets` once the engine has it. */
export interface MediaInput {
  /** Name of the input of the task, for messages. */
  readonly name: string;
  readonly kind: MediaKind;
  readonly source: string;
  readonly targets: readonly Target[];
}

/** A graph with its values in place, but for the files. */
export interface Blueprint {
  readonly workflow: Workflow;
  readonly media: readonly MediaInput[];
  /** Nodes whose files count; undefined for all. */
  readonly outputs: readonly string[] | undefined;
}

/** Templates that are in use now. */
export interface Templates {
  find(name: string): Template | undefined;
  all(): readonly Template[];
}
