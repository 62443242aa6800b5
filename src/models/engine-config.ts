/** What `config/engine_config.yml` says: engines by name, and pipelines of steps. */
import { z } from 'zod';

export const engineTypes = ['comfyui'] as const;
export type EngineType = (typeof engineTypes)[number];

const name = z.string().regex(/^[A-Za-z][\w-]{0,63}$/, 'must be letters, digits, "_" and "-", beginning with a letter');

/** `instances`: names (host:port) of those of COMFYUI_URLS that this engine uses; without it, all. `concurrency`: jobs at once. */
export const ComfyuiEngineEntry = z.strictObject({
  type: z.literal('comfyui'),
  description: z.string().optional(),
  config: z.strictObject({ concurrency: z.int().min(1).max(1_000).optional(), instances: z.array(z.string().min(1)).min(1).optional() }).default({}),
});

export const EngineEntry = z.discriminatedUnion('type', [ComfyuiEngineEntry]);
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

/** The engine that is there without a file, and that templates and graphs run on where nothing else is said. */
export const usualEngine = 'comfyui';
