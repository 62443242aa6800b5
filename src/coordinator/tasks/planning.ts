import { closestMatch } from 'leven';
import { fail, type GatewayError } from '../../core/errors.ts';
import type { EngineConfig, Pipeline, PipelineStep } from '../../models/engine-config.ts';
import { implicitHub, usualEngine } from '../../models/engine-config.ts';
import type { Fault } from '../../models/problem.ts';
import type { PlannedStep, TaskPlan } from '../../models/task-plan.ts';
import type { HostedTask, PipelineTask, TaskKind, TaskRequest, TemplateTask, WorkflowTask } from '../../models/task.ts';
import { TaskOptions } from '../../models/task.ts';
import type { Template, Templates } from '../../models/template.ts';
import { type Expression, expressionsIn, resolveInputs } from '../../molecules/engine-config/expressions.ts';
import { check, infiniteExtraData } from '../../molecules/graph/check.ts';
import { checkInputs } from '../../molecules/templates/check.ts';
import { sourceFaults } from './file-refusal.ts';
import { hostedForm, hostedName, noHub } from './hosted.ts';

export interface Planned {
  readonly kind: TaskKind;
  readonly type: string;
  /** Of the template or pipeline. */
  readonly name: string;
  readonly plan: TaskPlan;
}

export interface PlanningParts {
  readonly templates: Templates;
  readonly config: EngineConfig;
  readonly engines: { has(name: string): boolean; keys(): Iterable<string> };
  /** Throws VALIDATION_ERROR for an address that nothing will ever be fetched from. */
  readonly checkUrl: (url: string) => void;
  /** A number from 0 to 2^64-1. */
  readonly random: () => bigint;
}

/** Turns what a caller asks for into a plan that nothing changes any more. Throws what is wrong with it, one fault per thing. */
export class Planning {
  readonly #parts: PlanningParts;

  constructor(parts: PlanningParts) {
    this.#parts = parts;
  }

  plan(order: TaskRequest): Planned {
    switch (order.kind) {
      case 'template':
        return this.#ofTemplate(order.request);
      case 'workflow':
        return this.#ofWorkflow(order.request);
      case 'pipeline':
        return this.#ofPipeline(order.request);
      case 'hosted':
        return this.#ofHosted(order.request);
      default: {
        const never: never = order;
        return never;
      }
    }
  }

  #ofTemplate({ template: name, inputs = {}, engine }: TemplateTask): Planned {
    const on = this.#engine(engine);
    const template = this.#template(name);
    const values = this.#values(template, inputs, 'inputs.');
    return { kind: 'template', type: 'TEMPLATE', name, plan: { inputs, steps: [{ name: '', engine: on, template, workflow: undefined, inputs: values, deferred: false, extraData: undefined }] } };
  }

  #ofWorkflow({ workflow, extra_data: extraData, engine }: WorkflowTask): Planned {
    const faults = [...check(workflow), ...infiniteExtraData(extraData)];
    if (faults.length > 0) throw fail('WORKFLOW_VALIDATION_ERROR', sentences(faults), { faults });
    return { kind: 'workflow', type: 'WORKFLOW', name: '', plan: { inputs: {}, steps: [{ name: '', engine: this.#engine(engine), template: undefined, workflow, inputs: {}, deferred: false, extraData }] } };
  }

  #ofPipeline(request: PipelineTask): Planned {
    const pipeline = this.#pipeline(request.task_type);
    const options = new Set([...Object.keys(TaskOptions.shape), 'task_type']);
    const inputs = Object.fromEntries(Object.entries(request).filter(([name]) => !options.has(name)));
    if (request.engine !== undefined) throw fail('VALIDATION_ERROR', `the steps of pipeline ${pipeline.name} name their engines themselves; leave "engine" out.`);
    const faults = this.#unknown(pipeline, inputs);
    if (faults.length > 0) throw invalid(faults);
    return { kind: 'pipeline', type: pipeline.name.toUpperCase(), name: pipeline.name, plan: { inputs, steps: pipeline.steps.map((step) => this.#step(step, inputs)) } };
  }

  /** The values go as they are; only files are looked at. */
  #ofHosted({ target, values }: HostedTask): Planned {
    if (this.#parts.config.engines.get(implicitHub)?.type !== 'runninghub') throw noHub();
    const template = hostedForm(target, values);
    const inputs = Object.fromEntries(values.map(({ fieldValue }, n) => [hostedName(n), fieldValue]));
    const faults = sourceFaults(template, inputs, this.#parts.checkUrl);
    if (faults.length > 0) throw invalid(faults.map((fault) => ({ ...fault, input: fault.input?.replace(/^inputs\./, '') })));
    return { kind: 'hosted', type: 'RUNNINGHUB', name: target.id, plan: { inputs: {}, steps: [{ name: '', engine: implicitHub, template, target, workflow: undefined, inputs, deferred: false, extraData: undefined }] } };
  }

  /** A step that needs nothing of earlier ones is checked now, and its values are fixed; the others when their turn comes. */
  #step(step: PipelineStep, inputs: Readonly<Record<string, unknown>>): PlannedStep {
    const template = step.template === undefined ? step.form : this.#template(step.template);
    const planned = { name: step.name, engine: step.engine, template, workflow: undefined, extraData: undefined };
    if (step.inputs && expressionsIn(step.inputs).some(isOutput)) {
      if (template) this.#checkEarly(template, step.inputs, inputs);
      return { ...planned, inputs: step.inputs, deferred: true };
    }
    const given = step.inputs ? resolveInputs(step.inputs, { input: inputs, steps: {} }) : known(inputs, template);
    return { ...planned, inputs: template ? this.#values(template, given, '') : given, deferred: false };
  }

  /** What does not wait for an earlier step is checked before that runs in vain. */
  #checkEarly(template: Template, given: Readonly<Record<string, unknown>>, inputs: Readonly<Record<string, unknown>>): void {
    const early = Object.fromEntries(Object.entries(given).filter(([, value]) => !expressionsIn(value).some(isOutput)));
    const values = resolveInputs(early, { input: inputs, steps: {} });
    const faults = checkInputs(template, values, this.#parts.random).faults.filter(({ input }) => input !== undefined && Object.hasOwn(values, input.replace(/^inputs\./, '')));
    if (faults.length > 0) throw invalid(faults);
  }

  #values(template: Template, given: Readonly<Record<string, unknown>>, before: string): Record<string, unknown> {
    const { values, faults: own } = checkInputs(template, given, this.#parts.random);
    const faults = [...own, ...sourceFaults(template, values, this.#parts.checkUrl)];
    if (faults.length > 0) throw invalid(faults.map((fault) => (fault.input === undefined ? fault : { ...fault, input: fault.input.replace(/^inputs\./, before) })));
    return values;
  }

  /** Inputs that no step asks for are mistakes of spelling. */
  #unknown(pipeline: Pipeline, inputs: Readonly<Record<string, unknown>>): Fault[] {
    const known = pipeline.steps.flatMap((step) => namesOf(step, this.#parts.templates));
    return Object.keys(inputs).filter((name) => !known.includes(name)).map((name) => {
      const nearest = closestMatch(name, known, { maxDistance: 3 });
      return { input: name, type: 'unrecognized_keys', reason: `pipeline ${pipeline.name} has no input "${name.slice(0, 100)}"; it has: ${[...new Set(known)].join(', ') || 'none'}`, ...(nearest === undefined ? {} : { nearest }) };
    });
  }

  #template(name: string): Template {
    const template = this.#parts.templates.find(name);
    if (template) return template;
    const names = this.#parts.templates.all().map((one) => one.name);
    throw unknownName('template', name, names);
  }

  #pipeline(type: string): Pipeline {
    const all = [...this.#parts.config.pipelines.values()];
    const pipeline = all.find(({ name }) => name.toUpperCase() === type.toUpperCase());
    if (!pipeline) throw unknownName('task_type', type, all.filter(({ enabled }) => enabled).map(({ name }) => name.toUpperCase()));
    if (!pipeline.enabled) throw fail('VALIDATION_ERROR', `task_type ${type} is switched off (pipelines.${pipeline.name}.enabled in engine_config.yml).`);
    return pipeline;
  }

  #engine(name = usualEngine): string {
    if (this.#parts.config.engines.get(name)?.type === 'runninghub') throw fail('VALIDATION_ERROR', `engine "${name}" runs what lies at RunningHub, no templates or graphs; ask for a pipeline that has a step on it (task_type).`);
    if (this.#parts.engines.has(name)) return name;
    throw fail('ENGINE_NOT_REGISTERED', `engine "${name.slice(0, 100)}"; registered: ${[...this.#parts.engines.keys()].join(', ')}.`);
  }
}

/** Of the inputs of the task, those that the template has: a step without inputs of its own takes no others. */
function known(inputs: Readonly<Record<string, unknown>>, template: Template | undefined): Readonly<Record<string, unknown>> {
  return template ? Object.fromEntries(Object.entries(inputs).filter(([name]) => Object.hasOwn(template.inputs, name))) : inputs;
}

const isOutput = ({ kind }: Expression): boolean => kind === 'output';

/** Names of inputs of the task that a step uses. */
function namesOf(step: PipelineStep, templates: Templates): string[] {
  if (step.inputs) return expressionsIn(step.inputs).flatMap((one) => (one.kind === 'input' ? [one.name] : []));
  return Object.keys((step.form ?? (step.template === undefined ? undefined : templates.find(step.template)))?.inputs ?? {});
}

function unknownName(what: string, name: string, known: readonly string[]): GatewayError {
  const nearest = closestMatch(name, known, { maxDistance: Math.max(3, Math.floor(name.length / 2)) });
  const reason = `there is no ${what} "${name.slice(0, 100)}"; there are: ${known.join(', ') || 'none'}`;
  return fail('VALIDATION_ERROR', `${reason}.`, { faults: [{ input: what, type: 'unknown_name', reason, ...(nearest === undefined ? {} : { nearest }) }] });
}

export function invalid(faults: readonly Fault[]): GatewayError {
  return fail('VALIDATION_ERROR', sentences(faults), { faults });
}

function sentences(faults: readonly Fault[]): string {
  const told = faults.slice(0, 3).map(({ input, reason }) => (input === undefined || reason.includes(input) ? reason : `${input}: ${reason}`));
  return `${told.join(' ')}${faults.length > 3 ? ` (and ${faults.length - 3} more)` : ''}`;
}
