/** What a task is to do, fixed when it is accepted: later changes of templates and pipelines do not touch it. */
import type { HubTarget } from './runninghub.ts';
import type { TaskOutput } from './task.ts';
import type { Template } from './template.ts';
import type { Workflow } from './workflow.ts';

/** One step. A task that is no pipeline has one, whose name is empty. */
export interface PlannedStep {
  readonly name: string;
  readonly engine: string;
  /** As it was when the task was accepted; undefined for a graph. */
  readonly template: Template | undefined;
  readonly workflow: Workflow | undefined;
  /** Values for the template. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** `inputs` are as the file of the pipeline has them: they refer to outputs of earlier steps, and are checked when those are there. Values of a caller are never looked at for expressions. */
  readonly deferred: boolean;
  /** What a hosted engine runs in place of its own workflow or app. */
  readonly target?: HubTarget | undefined;
  readonly extraData: Readonly<Record<string, unknown>> | undefined;
}

export interface TaskPlan {
  /** As the caller gave them. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly steps: readonly PlannedStep[];
}

/** What a step that is done has left. */
export interface StepResult {
  readonly name: string;
  readonly outputs: readonly TaskOutput[];
}
