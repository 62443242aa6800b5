import { z } from 'zod';
import { fail, reasonOf } from '../../core/errors.ts';
import type { EngineList, PipelineView, TemplateDetail, TemplateView } from '../../models/catalog.ts';
import type { EngineConfig, Pipeline } from '../../models/engine-config.ts';
import type { Engine, EngineHealth } from '../../models/engine.ts';
import type { TaskStore } from '../../models/task-store.ts';
import { PipelineTask, TaskOptions, TemplateTask, WorkflowTask } from '../../models/task.ts';
import type { Template, TemplateInput, Templates } from '../../models/template.ts';
import type { Workflow } from '../../models/workflow.ts';
import { checkInputs, isRequired } from '../../molecules/templates/check.ts';
import { fieldsOf, inputsSchema } from '../../molecules/templates/schema.ts';
import { isMedia, render } from '../../molecules/templates/render.ts';
import { inputsOf } from './pipeline-inputs.ts';
import { invalid } from './planning.ts';

export interface CatalogParts {
  readonly templates: Templates;
  readonly config: EngineConfig;
  readonly engines: ReadonlyMap<string, Engine>;
  readonly store: Pick<TaskStore, 'loads'>;
  /** A number from 0 to 2^64-1. */
  readonly random: () => bigint;
}

/** Milliseconds that an engine has to say how it is. */
const PATIENCE = 5_000;

/** The template that a newcomer is shown, where it is there. */
const FIRST = 'text-to-image';

/** What can be asked for: templates, pipelines, and the engines that run them. */
export class Catalog {
  readonly #parts: CatalogParts;
  #seen: readonly Template[] = [];
  #version = 0;

  constructor(parts: CatalogParts) {
    this.#parts = parts;
  }

  /** Another number whenever a template has come, changed or gone. */
  version(): number {
    const now = this.#parts.templates.all();
    const same = now.length === this.#seen.length && now.every((template, n) => template === this.#seen[n]);
    if (!same) this.#version += 1;
    this.#seen = now;
    return this.#version;
  }

  templates(): TemplateView[] {
    return this.#parts.templates.all().map(viewOf);
  }

  /** Throws NOT_FOUND. */
  template(name: string): TemplateDetail {
    const template = this.#parts.templates.find(name);
    if (!template) throw fail('NOT_FOUND', `template "${name.slice(0, 200)}".`);
    return { ...viewOf(template), workflow: template.workflow };
  }

  /** Everything that POST /tasks takes, each template and pipeline with its own inputs: for the document. */
  newTask(): z.ZodType {
    const ids = new Set<string>();
    const templates = this.#parts.templates.all().map((template) => templateTask(template, ids));
    const pipelines = this.#pipelines().map((pipeline) => pipelineTask(pipeline, { ids, templates: this.#parts.templates }));
    return z.union([...templates, WorkflowTask, ...pipelines, TemplateTask, PipelineTask]).meta({ id: 'NewTask', description: 'A template with values for its inputs, a graph, or a pipeline with its inputs beside.' });
  }

  /** Bodies for POST /tasks: one for a template and one for a pipeline, where there are such. */
  taskExamples(): Record<string, unknown> {
    const views = this.templates();
    const template = (views.find(({ name }) => name === FIRST) ?? views[0])?.example;
    const pipeline = this.#pipelines()[0];
    return { ...(template === undefined ? {} : { template }), ...(pipeline === undefined ? {} : { pipeline: pipelineOf(pipeline, this.#parts.templates).example }) };
  }

  /** Those that are switched on. */
  #pipelines(): Pipeline[] {
    return [...this.#parts.config.pipelines.values()].filter(({ enabled }) => enabled);
  }

  /** The graph that a template becomes with what stands in its example. */
  example(name: string): Workflow {
    return this.graph(name, exampleInputs(this.#parts.templates.find(name)?.inputs ?? {}));
  }

  /** As `example`, with a value for what may be left out and for files, too: each input stands at all its targets. */
  complete(name: string): Workflow {
    const template = this.#parts.templates.find(name);
    if (!template) return this.graph(name, {});
    const all = Object.entries(template.inputs);
    const inputs = Object.fromEntries(all.map(([input, declared]): [string, TemplateInput] => [input, isMedia(declared) ? { type: 'string', targets: declared.targets } : declared]));
    return render({ ...template, inputs }, Object.fromEntries(all.map(([input, declared]) => [input, exampleOf(declared)]))).workflow;
  }

  /** The graph that a template becomes with these inputs; files stay as they are named. Throws VALIDATION_ERROR. */
  graph(name: string, inputs: Readonly<Record<string, unknown>>): Workflow {
    const template = this.#parts.templates.find(name);
    if (!template) throw fail('VALIDATION_ERROR', `there is no template "${name.slice(0, 200)}"; there are: ${this.#parts.templates.all().map((one) => one.name).join(', ') || 'none'}.`);
    const { values, faults } = checkInputs(template, inputs, this.#parts.random);
    if (faults.length > 0) throw invalid(faults);
    return render(template, values).workflow;
  }

  /** Every engine, and how it is now. */
  async engines(signal: AbortSignal): Promise<EngineList> {
    const loads = await this.#parts.store.loads();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    const engines = await Promise.all([...this.#parts.engines.values()].map(async (engine): Promise<EngineHealth> => {
      const load = loads.get(engine.name) ?? { pending: 0, processing: 0 };
      const description = this.#parts.config.engines.get(engine.name)?.description;
      const health = await engine.health(limit).catch((error: unknown) => ({ healthy: false, reason: reasonOf(error) }));
      return { name: engine.name, type: engine.type, ...(description === undefined ? {} : { description }), ...health, running: load.processing, pending: load.pending, capacity: engine.capacity() };
    }));
    return { engines, pipelines: [...this.#parts.config.pipelines.values()].map((pipeline) => pipelineOf(pipeline, this.#parts.templates)) };
  }
}

/** A name that every client generator takes. Different templates have different ones. */
function freeId(name: string, taken: Set<string>): string {
  let id = `Task_${name.replace(/\W/g, '_')}`;
  while (taken.has(id)) id += '_';
  taken.add(id);
  return id;
}

/** A task of this template. What makes it this one stands before the options that all have. */
function templateTask(template: Template, ids: Set<string>): z.ZodType {
  const inputs = inputsSchema(template);
  const needed = Object.values(template.inputs).some(isRequired);
  return z.strictObject({ template: z.literal(template.name), inputs: needed ? inputs : inputs.optional(), ...TaskOptions.shape }).meta({ id: freeId(template.name, ids), title: `template: ${template.name}`, description: template.title });
}

/** A task of this pipeline. Its steps name their engines themselves: it takes none. */
function pipelineTask(pipeline: Pipeline, { ids, templates }: { readonly ids: Set<string>; readonly templates: Templates }): z.ZodType {
  const { engine: _, ...options } = TaskOptions.shape;
  const type = pipeline.name.toUpperCase();
  const fields = inputsOf(pipeline, templates).map(({ name, required, declared }): [string, z.ZodType] => {
    const known = declared && fieldsOf({ [name]: declared })[name];
    return [name, known ?? (required ? z.unknown() : z.unknown().optional())];
  });
  return z.strictObject({ task_type: z.literal(type), ...Object.fromEntries(fields), ...options }).meta({ id: freeId(type, ids), title: `pipeline: ${type}`, description: pipeline.description ?? `The steps ${pipeline.steps.map(({ name }) => name).join(', ')}.` });
}

function pipelineOf({ name, enabled, description, steps }: Pipeline, templates: Templates): PipelineView {
  const type = name.toUpperCase();
  const inputs = inputsOf({ steps }, templates);
  return {
    name,
    task_type: type,
    enabled,
    ...(description === undefined ? {} : { description }),
    steps: steps.map((step) => ({ name: step.name, engine: step.engine, ...(step.template === undefined ? {} : { template: step.template }), ...(step.description === undefined ? {} : { description: step.description }) })),
    inputs: inputs.map(({ name: input, required, declared }) => ({ name: input, ...(declared ? shown(declared) : {}), required })),
    example: { task_type: type, ...Object.fromEntries(inputs.filter(({ required }) => required).map(({ name: input, declared }) => [input, declared ? exampleOf(declared) : LIGHTHOUSE])) },
  };
}

function viewOf({ name, title, description, inputs, outputs }: Template): TemplateView {
  const views = Object.entries(inputs).map(([input, declared]) => ({ name: input, ...shown(declared), required: isRequired(declared) }));
  return { name, title, description, inputs: views, ...(outputs === undefined ? {} : { outputs: [...outputs] }), example: { template: name, inputs: exampleInputs(inputs) } };
}

/** Where its value goes is nobody's business. */
function shown({ targets: _, ...declared }: TemplateInput): Omit<TemplateInput, 'targets'> {
  return declared;
}

/** Those that must be given. */
function exampleInputs(inputs: Template['inputs']): Record<string, unknown> {
  return Object.fromEntries(Object.entries(inputs).filter(([, input]) => isRequired(input)).map(([name, input]) => [name, exampleOf(input)]));
}

const LIGHTHOUSE = 'a lighthouse at dusk';

/** A value that the input takes. */
function exampleOf(input: TemplateInput): unknown {
  switch (input.type) {
    case 'string':
      return LIGHTHOUSE.padEnd(input.min_length ?? 0, '.').slice(0, input.max_length);
    case 'integer':
    case 'number':
      return input.min ?? (Number(input.max ?? 1) < 1 ? input.max : 1);
    case 'boolean':
      return true;
    case 'enum':
      return input.values[0];
    case 'image':
      return 'https://example.org/picture.png';
    case 'video':
      return 'https://example.org/film.mp4';
    case 'audio':
      return 'https://example.org/sound.wav';
    default: {
      const never: never = input;
      return never;
    }
  }
}
