import type { StepResult, TaskPlan } from '../../models/task-plan.ts';
import type { Claim, TaskRecord } from '../../models/task-store.ts';
import type { TaskOutput } from '../../models/task.ts';
import type { WorkerParts } from './parts.ts';
import type { Stops } from './stops.ts';

/** What a step is worked on with. */
export interface StepFacts {
  readonly parts: WorkerParts;
  readonly stops: Stops;
  readonly task: TaskRecord;
  readonly plan: TaskPlan;
  readonly index: number;
  readonly claim: Claim;
  readonly results: readonly StepResult[];
  readonly warnings: readonly string[];
  /** Job that an earlier process stored, and perhaps handed over. */
  readonly resumed: string | undefined;
}

export interface StepDone {
  /** Of this step. */
  readonly outputs: readonly TaskOutput[];
  /** Of all. */
  readonly warnings: readonly string[];
  readonly executedAt: number;
  readonly storedAt: number;
}
