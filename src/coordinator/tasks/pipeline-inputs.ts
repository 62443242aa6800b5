/** What a pipeline takes, read off the expressions of its steps. Pure. */
import type { Pipeline, PipelineStep } from '../../models/engine-config.ts';
import { TaskOptions } from '../../models/task.ts';
import { TemplateInput, type Templates } from '../../models/template.ts';
import { type Expression, expressionsIn, piecesOf, resolveExpressions } from '../../molecules/engine-config/expressions.ts';
import { isRequired } from '../../molecules/templates/check.ts';

export interface PipelineInput {
  readonly name: string;
  readonly required: boolean;
  /** What it is, where steps hand it on to inputs of templates unchanged; undefined where nothing tells. */
  readonly declared: TemplateInput | undefined;
}

/** One place where a step uses an input of the task. */
interface Use {
  readonly name: string;
  readonly required: boolean;
  /** The input of a template that gets the value as it is. */
  readonly declared: TemplateInput | undefined;
}

type InputExpression = Extract<Expression, { kind: 'input' }>;
const isInput = (one: Expression): one is InputExpression => one.kind === 'input';

/** Every input in the order of the steps. An option of tasks (`priority`, …) is none, whatever a step says. */
export function inputsOf(pipeline: Pick<Pipeline, 'steps'>, templates: Pick<Templates, 'find'>): PipelineInput[] {
  const uses = pipeline.steps.flatMap((step) => usesOf(step, templates)).filter(({ name }) => !Object.hasOwn(TaskOptions.shape, name) && name !== 'task_type');
  return [...Map.groupBy(uses, ({ name }) => name)].map(([name, its]) => ({ name, required: its.some(({ required }) => required), declared: agreed(its) }));
}

function usesOf({ inputs, template, form }: PipelineStep, templates: Pick<Templates, 'find'>): Use[] {
  const declared = (form ?? (template === undefined ? undefined : templates.find(template)))?.inputs ?? {};
  if (!inputs) return Object.entries(declared).map(([name, input]) => ({ name, required: isRequired(input), declared: input }));
  return Object.entries(inputs).flatMap(([target, value]) => {
    const whole = typeof value === 'string' && piecesOf(value).length === 1;
    const goesTo = whole && Object.hasOwn(declared, target) ? declared[target] : undefined;
    return expressionsIn(value).filter(isInput).map((expression) => ({ name: expression.name, required: expression.fallback === undefined, declared: goesTo && asked(goesTo, expression) }));
  });
}

/** The input of the template with the default that the pipeline has for it; its own default is never used. */
function asked(input: TemplateInput, { source, fallback }: InputExpression): TemplateInput | undefined {
  const { default: _, ...rest } = input;
  if (fallback === undefined) return TemplateInput.safeParse({ ...rest, required: true }).data;
  const known = TemplateInput.safeParse({ ...rest, required: false, default: resolveExpressions(source, { input: {}, steps: {} }) });
  return known.data ?? TemplateInput.safeParse({ ...rest, required: false }).data;
}

/** Several places agree on a type at most: their bounds may differ. */
function agreed(uses: readonly Use[]): TemplateInput | undefined {
  const [first, ...others] = uses.flatMap(({ declared }) => declared ?? []);
  if (!first || others.length === 0) return first;
  const { type, targets, description } = first;
  const required = uses.some((use) => use.required);
  return others.every((other) => other.type === type) ? TemplateInput.safeParse({ type, targets, description, required }).data : undefined;
}
