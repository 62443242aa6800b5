import { createHash } from 'node:crypto';
import type { Caller } from '../../models/caller.ts';
import type { Engine, EngineJob } from '../../models/engine.ts';
import type { PlannedStep } from '../../models/task-plan.ts';
import type { Blueprint, MediaInput, Template } from '../../models/template.ts';
import { resolveInputs } from '../../molecules/engine-config/expressions.ts';
import { checkInputs } from '../../molecules/templates/check.ts';
import { render } from '../../molecules/templates/render.ts';
import { invalid } from './planning.ts';
import type { StepFacts } from './step-facts.ts';

/** What an engine is given. `media`: files that the graph names. */
type Placed = Pick<EngineJob, 'workflow' | 'values'> & { readonly media: readonly MediaInput[] };

type InputFacts = Pick<StepFacts, 'parts' | 'plan' | 'results' | 'task'>;

interface Whose {
  readonly step: PlannedStep;
  readonly engine: Pick<Engine, 'name' | 'hosted'>;
  readonly caller: Caller;
}

/** What the engine of a step is given: a graph, or values where it has its own. */
export class StepInputs {
  readonly #facts: InputFacts;
  readonly #step: PlannedStep;
  readonly #engine: Whose['engine'];
  readonly #caller: Caller;

  constructor(facts: InputFacts, { step, engine, caller }: Whose) {
    this.#facts = facts;
    this.#step = step;
    this.#engine = engine;
    this.#caller = caller;
  }

  /** With the files in place. */
  async placed(signal: AbortSignal): Promise<Placed> {
    const { sources, lane } = this.#facts.parts;
    const { template } = this.#step;
    const blueprint = this.#blueprint();
    const place = async (): Promise<Placed> => {
      if (this.#engine.hosted === true && template) return { workflow: {}, media: [], values: await sources.collect(this.#caller, template, { values: this.#values(template), signal }) };
      return { workflow: await sources.place(this.#caller, blueprint, signal), media: blueprint.media };
    };
    return sources.isSlow(blueprint) ? lane.through({ engine: this.#engine.name, owner: this.#caller.key }, place, signal) : place();
  }

  /** The graph of this step. Values that refer to earlier steps are known only now; random ones are the same at every attempt. */
  #blueprint(): Blueprint {
    const { template, workflow } = this.#step;
    return template ? render(template, this.#values(template)) : { workflow: workflow ?? {}, media: [], outputs: undefined };
  }

  #values(template: Template): Readonly<Record<string, unknown>> {
    if (!this.#step.deferred) return this.#step.inputs;
    const { plan, results, task } = this.#facts;
    const { name } = this.#step;
    const steps = Object.fromEntries(results.map((result) => [result.name, { outputs: result.outputs }]));
    let drawn = 0;
    const random = (): bigint => createHash('sha256').update([task.id, name, (drawn += 1)].join('\n')).digest().readBigUInt64BE();
    const { values, faults } = checkInputs(template, resolveInputs(this.#step.inputs, { input: plan.inputs, steps }), random);
    if (faults.length > 0) throw invalid(faults);
    return values;
  }
}
