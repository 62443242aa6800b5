/** What `config/engine_config.yml` says: engines by name, and pipelines of steps. */
import { z } from 'zod';
import { type HubDialect, hubDialects, hubKeyPlaces } from './runninghub.ts';
import { mediaKinds, type Target, type Template, TemplateInput } from './template.ts';

export const engineTypes = ['comfyui', 'runninghub'] as const;
export type EngineType = (typeof engineTypes)[number];

const name = z.string().regex(/^[A-Za-z][\w-]{0,63}$/, 'must be letters, digits, "_" and "-", beginning with a letter');

/** `instances`: names (host:port) of those of COMFYUI_URLS that this engine uses; without it, all. `concurrency`: jobs at once. */
export const ComfyuiEngineEntry = z.strictObject({
  type: z.literal('comfyui'),
  description: z.string().optional(),
  config: z.strictObject({ concurrency: z.int().min(1).max(1_000).optional(), instances: z.array(z.string().min(1)).min(1).optional() }).default({}),
});

/** YAML makes numbers of ids; long ones keep their digits. */
const asText = (value: unknown): unknown => (JSON.isRawJSON(value) ? value.rawJSON : typeof value === 'number' ? String(value) : value);
const text = z.preprocess(asText, z.string().min(1));
const id = z.preprocess(asText, z.string().regex(/^\d{1,20}$/, 'is not taken; allowed: the digits of an id'));

export const hubInputKinds = [...mediaKinds, 'text', 'number', 'integer', 'boolean'] as const;
export type HubInputKind = (typeof hubInputKinds)[number];

/** Where a value goes in the workflow or app that lies at RunningHub. In the alt-v1 dialect inputs have names and no nodes. */
const HubInputShape = z.strictObject({ node_id: text.optional(), field: z.string().min(1).optional(), kind: z.enum(hubInputKinds).default('text'), description: z.string().optional(), required: z.boolean().optional(), default: z.unknown().optional() });
export type HubInputEntry = z.infer<typeof HubInputShape>;
export const HubInputEntry = HubInputShape.refine((entry) => hubInput('any', entry) !== undefined, { path: ['default'], message: 'is not of the kind of the input' });

/** Node and field of the input of that name; alt-v1 needs no node, and calls a field as the input where nothing else is said. */
export const placeOf = (name: string, { node_id: node = 'inputs', field: input = name }: HubInputEntry): Target => ({ node, input });

/** The same as an input of a template; undefined where the default is of another kind. */
export function hubInput(name: string, entry: HubInputEntry): TemplateInput | undefined {
  const { kind, description, required, default: usual } = entry;
  const type = kind === 'text' ? 'string' : kind;
  return TemplateInput.safeParse({ type, targets: [placeOf(name, entry)], description, required, ...(usual === undefined ? {} : { default: usual }) }).data;
}

/** What the alt-v1 dialect has no words for. */
const altLacks = ['webapp_id', 'instance_type', 'access_password', 'key_place', 'progress_socket', 'outputs'] as const;

type HubDialectConfig = { readonly dialect: HubDialect; readonly inputs: Readonly<Record<string, HubInputEntry>> } & Partial<Readonly<Record<(typeof altLacks)[number], unknown>>>;

/** What the dialect of the entry needs, or does not know. */
function hubFaults({ dialect, inputs, ...config }: HubDialectConfig, context: z.RefinementCtx): void {
  const parts = dialect === 'alt-v1' ? [] : (['node_id', 'field'] as const);
  for (const [name, entry] of Object.entries(inputs)) for (const part of parts) if (entry[part] === undefined) context.addIssue({ code: 'custom', path: ['inputs', name, part], message: 'is missing' });
  if (dialect !== 'alt-v1') return;
  const fields = Map.groupBy(Object.entries(inputs), ([name, entry]) => entry.field ?? name);
  for (const [name, entry] of Object.entries(inputs)) {
    if (entry.node_id !== undefined) context.addIssue({ code: 'custom', path: ['inputs', name, 'node_id'], message: 'must be left out: inputs of the alt-v1 dialect have no nodes' });
    if ((fields.get(entry.field ?? name)?.length ?? 0) > 1) context.addIssue({ code: 'custom', path: ['inputs', name], message: 'has the same field as another input' });
  }
  for (const name of altLacks) if (config[name]) context.addIssue({ code: 'custom', path: [name], message: 'must be left out: the alt-v1 dialect does not know it' });
}

/**
 * `timeout` and `poll_interval` in seconds; `concurrency`: jobs at once, where the account may have more; `download_hosts`: where results may lie;
 * `key_place`: where the key goes in calls of the first generation, both where nothing is said; `progress_socket`: hear of progress between looks, too;
 * `dialect`: `alt-v1` is unproven.
 */
export const RunninghubEngineEntry = z.strictObject({
  type: z.literal('runninghub'),
  description: z.string().optional(),
  config: z
    .strictObject({
      api_key: text,
      workflow_id: id.optional(),
      webapp_id: id.optional(),
      api_base_url: z.string().min(1).default('https://www.runninghub.cn'),
      timeout: z.number().min(1).max(86_400).default(300),
      poll_interval: z.number().min(0.05).max(600).default(3),
      concurrency: z.int().min(1).max(1_000).optional(),
      instance_type: z.string().min(1).optional(),
      access_password: text.optional(),
      key_place: z.enum(hubKeyPlaces).optional(),
      dialect: z.enum(hubDialects).default('v1'),
      progress_socket: z.boolean().default(false),
      download_hosts: z.array(z.string().min(1)).min(1).optional(),
      inputs: z.record(z.string().regex(/^[A-Za-z_]\w{0,63}$/, 'must be a word of letters, digits and "_"'), HubInputEntry).default({}),
      outputs: z.array(text).min(1).optional(),
    })
    .refine((config) => (config.workflow_id === undefined) !== (config.webapp_id === undefined), 'must have either workflow_id or webapp_id, and not both')
    .superRefine(hubFaults),
});
export type RunninghubEngineEntry = z.infer<typeof RunninghubEngineEntry>;

export const EngineEntry = z.discriminatedUnion('type', [ComfyuiEngineEntry, RunninghubEngineEntry]);
export type EngineEntry = z.infer<typeof EngineEntry>;

/** `inputs` may refer to `${input.NAME}` and `${steps.NAME.outputs[N]}`; without it, a step gets the inputs of the task under their own names. */
export const PipelineStepEntry = z.strictObject({
  engine: name,
  template: z.string().min(1).optional(),
  description: z.string().optional(),
  inputs: z.record(z.string(), z.unknown()).optional(),
});

export const PipelineEntry = z.strictObject({
  enabled: z.boolean().default(true),
  description: z.string().optional(),
  steps: z.record(name, PipelineStepEntry).refine((steps) => Object.keys(steps).length > 0, 'must have at least one step'),
});

export const EngineConfigFile = z.strictObject({ engines: z.record(name, EngineEntry).default({}), pipelines: z.record(name, PipelineEntry).default({}) });

export interface PipelineStep {
  readonly name: string;
  readonly engine: string;
  readonly template: string | undefined;
  readonly description: string | undefined;
  readonly inputs: Readonly<Record<string, unknown>> | undefined;
  /** What its engine takes in place of a template, where it runs something that lies elsewhere. */
  readonly form?: Template | undefined;
}

/** `name` as in the file; callers name it in upper case as `task_type`. */
export interface Pipeline {
  readonly name: string;
  readonly enabled: boolean;
  readonly description: string | undefined;
  /** In the order of the file, which is the order in which they run. */
  readonly steps: readonly PipelineStep[];
}

export interface EngineConfig {
  readonly engines: ReadonlyMap<string, EngineEntry>;
  readonly pipelines: ReadonlyMap<string, Pipeline>;
}

/** The engine that RUNNINGHUB_API_KEY makes, unless the file has one of this name. */
export const implicitHub = 'runninghub';

/** The engine that is there without a file, and that templates and graphs run on where nothing else is said. */
export const usualEngine = 'comfyui';
