import { z } from 'zod';
import { limits } from '../constants/limits.ts';
import { OutputFile } from './file.ts';
import { Fault } from './problem.ts';
import type { HubTarget } from './runninghub.ts';
import { TaskUsage } from './task-usage.ts';
import { PromptError, PromptProgress } from './prompt-state.ts';
import * as examples from './task-examples.ts';
import type { MediaKind } from './template.ts';
import { ClientId, Workflow } from './workflow.ts';

export const taskStatuses = ['pending', 'processing', 'completed', 'failed', 'cancelled'] as const;
export const TaskStatus = z.enum(taskStatuses);
export type TaskStatus = z.infer<typeof TaskStatus>;

/** States that nothing follows. */
export const terminalStatuses = ['completed', 'failed', 'cancelled'] as const satisfies readonly TaskStatus[];
export type TerminalStatus = (typeof terminalStatuses)[number];
export const isTerminal = (status: TaskStatus): status is TerminalStatus => terminalStatuses.some((one) => one === status);

export const taskKinds = ['template', 'workflow', 'pipeline', 'hosted'] as const;
export type TaskKind = (typeof taskKinds)[number];

/** What a watcher or a webhook may be told of. `progress` is told to watchers only and takes no number. */
export const taskEventNames = ['queued', 'started', 'step', 'output', 'retrying', 'cancelling', 'completed', 'failed', 'cancelled'] as const;
export const TaskEventName = z.enum(taskEventNames);
export type TaskEventName = z.infer<typeof TaskEventName>;

export const TaskId = z.string().min(1).max(limits.idLength).meta({ id: 'TaskId', description: 'A UUID that sorts by the time of its making.' });

/** Typed clients send `null` for what they leave out. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined).optional();

export const priorities = { lowest: -100, highest: 100, usual: 0 } as const;

/** What every way of making a task takes. */
export const TaskOptions = z.strictObject({
  priority: optional(z.int().min(priorities.lowest).max(priorities.highest)).meta({ description: 'Higher ones run first; 0 is usual.' }),
  deadline_seconds: optional(z.number().min(1).max(30 * 86_400)).meta({ description: 'Seconds from now within which it must have ended; else it fails with TASK_TIMEOUT.' }),
  client_id: optional(ClientId),
  webhook_url: optional(z.string().max(2_048)).meta({ description: 'Told of what happens, signed as Standard Webhooks has it.' }),
  webhook_events: optional(z.array(TaskEventName).min(1)).meta({ description: 'Events that the webhook is told of: completed, failed and cancelled unless it says otherwise.' }),
  metadata: optional(z.record(z.string().max(100), z.unknown())).meta({ description: 'Yours; comes back with the task.' }),
  engine: optional(z.string().max(64)).meta({ description: 'Name of a registered engine.' }),
});
export type TaskOptions = z.infer<typeof TaskOptions>;

export const TemplateTask = TaskOptions.extend({ template: z.string().max(200), inputs: optional(z.record(z.string(), z.unknown())) }).meta({ id: 'TemplateTask', title: 'template: any', description: 'A template with values for its inputs.' });
export const WorkflowTask = TaskOptions.extend({ workflow: Workflow, extra_data: z.record(z.string(), z.unknown()).optional() }).meta({ id: 'WorkflowTask', title: 'graph', description: 'A graph in API format.' });
/** The inputs of a pipeline stand beside the options. */
export const PipelineTask = z.looseObject({ ...TaskOptions.shape, task_type: z.string().max(64) }).meta({ id: 'PipelineTask', title: 'pipeline: any', description: 'A pipeline by its name in upper case; its inputs stand beside.' });
export type TemplateTask = z.infer<typeof TemplateTask>;
export type WorkflowTask = z.infer<typeof WorkflowTask>;
export type PipelineTask = z.infer<typeof PipelineTask>;

/** One value for a node of what lies at RunningHub. `media`: it names a file that goes there first. */
export interface HostedValue {
  readonly nodeId: string;
  readonly fieldName: string;
  readonly fieldValue: unknown;
  readonly media?: MediaKind | undefined;
}

/** A workflow or an app by its id, on the engine `runninghub`. Only the paths of the RunningHub services make such. */
export interface HostedTask extends TaskOptions {
  readonly target: HubTarget;
  readonly values: readonly HostedValue[];
}

/** The ways of saying what to do. */
export type TaskRequest =
  | { readonly kind: 'template'; readonly request: TemplateTask }
  | { readonly kind: 'workflow'; readonly request: WorkflowTask }
  | { readonly kind: 'pipeline'; readonly request: PipelineTask }
  | { readonly kind: 'hosted'; readonly request: HostedTask };

/** Why a task, or one of its attempts, failed. `step`: of a pipeline. */
export const TaskError = PromptError.extend({ step: z.string().optional(), faults: z.array(Fault).optional() }).meta({ id: 'TaskError' });
export type TaskError = z.infer<typeof TaskError>;

export const TaskOutput = OutputFile.extend({ step: z.string().optional(), size: z.number().optional() }).meta({ id: 'TaskOutput', examples: [examples.output] });
export type TaskOutput = z.infer<typeof TaskOutput>;

/** Milliseconds since 1970. */
export const TaskTimings = z
  .object({
    queued_at: z.number(),
    started_at: z.number().optional(),
    inputs_fetched_at: z.number().optional(),
    executed_at: z.number().optional(),
    stored_at: z.number().optional(),
    finished_at: z.number().optional(),
    wait_ms: z.number().optional(),
    run_ms: z.number().optional(),
    total_ms: z.number().optional(),
  })
  .meta({ id: 'TaskTimings', description: 'Milliseconds since 1970, and durations in milliseconds.' });
export type TaskTimings = z.infer<typeof TaskTimings>;

export const TaskAttempt = z
  .object({
    attempt: z.int(),
    step: z.string().optional(),
    engine: z.string(),
    instance: z.string().optional(),
    job_id: z.string().optional().meta({ description: 'What the engine calls it; of ComfyUI the prompt_id.' }),
    started_at: z.number(),
    ended_at: z.number().optional(),
    outcome: z.enum(['running', 'completed', 'failed', 'cancelled', 'abandoned']),
    error: TaskError.optional(),
  })
  .meta({ id: 'TaskAttempt' });
export type TaskAttempt = z.infer<typeof TaskAttempt>;

export const TaskLinks = z.object({ self: z.string(), outputs: z.string(), events: z.string(), cancel: z.string() }).meta({ id: 'TaskLinks', examples: [examples.links] });

const summary = {
  task_id: z.string(),
  status: TaskStatus,
  owner: z.string().meta({ description: 'Name of the key that made it.' }),
  task_type: z.string().meta({ description: 'TEMPLATE, WORKFLOW, RUNNINGHUB, or the name of a pipeline in upper case.' }),
  template: z.string().optional(),
  engine: z.string(),
  priority: z.int(),
  client_id: z.string(),
  created_at: z.number(),
  started_at: z.number().optional(),
  finished_at: z.number().optional(),
  progress: z.number().min(0).max(1).meta({ description: 'Never goes back.' }),
  attempt: z.int().meta({ description: 'How many attempts were begun, those of all steps of a pipeline together.' }),
  error: TaskError.optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
};

/** One row of a list. */
export const TaskSummary = z.object(summary).meta({ id: 'TaskSummary', examples: [examples.summary] });
export type TaskSummary = z.infer<typeof TaskSummary>;

export const TaskView = z
  .object({
    ...summary,
    position: z.int().optional().meta({ description: 'Tasks before it, while it is pending: 0 is next. Fairness between keys may let others go first.' }),
    current: PromptProgress.partial().optional().meta({ description: 'What runs now.' }),
    step: z.string().optional().meta({ description: 'Step of a pipeline that runs now, or failed.' }),
    eta_seconds: z.number().optional().meta({ description: 'From how long earlier tasks of the same kind took.' }),
    next_attempt_at: z.number().optional(),
    deadline_at: z.number().optional(),
    cancel_requested_at: z.number().optional(),
    waiting_for: z.string().optional().meta({ description: 'Why it is not begun, where that is not because of others before it.' }),
    outputs: z.array(TaskOutput).meta({ description: 'As they come. Of a pipeline, those of the newest step that made any: in the end, of the last one.' }),
    steps: z.array(z.object({ name: z.string(), outputs: z.array(TaskOutput) })).optional().meta({ description: 'Of a pipeline: the steps that are done, each with its outputs.' }),
    inputs: z.record(z.string(), z.unknown()).optional().meta({ description: 'Values in use, random seeds included.' }),
    attempts: z.array(TaskAttempt),
    timings: TaskTimings,
    warnings: z.array(z.string()).optional(),
    usage: TaskUsage.optional(),
    seq: z.int().meta({ description: 'Number of the newest event.' }),
    expires_at: z.number().optional(),
    links: TaskLinks,
  })
  .meta({ id: 'TaskView', examples: [examples.view] });
export type TaskView = z.infer<typeof TaskView>;

export const TaskAccepted = z
  .object({ task_id: z.string(), status: TaskStatus, task_type: z.string(), created_at: z.number(), links: TaskLinks })
  .meta({ id: 'TaskAccepted', description: 'It is on disk.', examples: [examples.accepted] });
export type TaskAccepted = z.infer<typeof TaskAccepted>;

const time = z.coerce.number('must be milliseconds since 1970').int('must be whole milliseconds since 1970').min(0).max(Number.MAX_SAFE_INTEGER).optional();

export const TaskQuery = z.strictObject({
  status: TaskStatus.optional(),
  task_type: z.string().max(64).optional(),
  template: z.string().max(200).optional(),
  engine: z.string().max(64).optional(),
  client_id: z.string().max(limits.idLength).optional(),
  owner: z.string().max(64).optional().meta({ description: "Name of a key; for admins, who see everybody's." }),
  created_after: time.meta({ description: 'Milliseconds since 1970.' }),
  created_before: time.meta({ description: 'Milliseconds since 1970.' }),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(limits.idLength).optional().meta({ description: '`next_cursor` of the page before.' }),
});
export type TaskQuery = z.infer<typeof TaskQuery>;

export const TaskPage = z.object({ tasks: z.array(TaskSummary), next_cursor: z.string().nullable() }).meta({ id: 'TaskPage', description: 'Newest first.', examples: [examples.page] });
export type TaskPage = z.infer<typeof TaskPage>;

/** One thing that happened to a task, as watchers and webhooks are told. */
export const TaskEvent = z
  .object({
    task_id: z.string(),
    seq: z.int(),
    event: TaskEventName,
    status: TaskStatus,
    at: z.number().meta({ description: 'Milliseconds since 1970.' }),
    data: z.record(z.string(), z.unknown()).meta({ description: 'By event: `attempt`, `prompt_id`, `step`, `outputs`, `error`, `next_attempt_at` and the like.' }),
  })
  .meta({ id: 'TaskEvent' });
export type TaskEvent = z.infer<typeof TaskEvent>;

const Times = z.object({ p50: z.number().nullable(), p95: z.number().nullable() }).meta({ description: 'Milliseconds; null where nothing ran yet.' });
const Counts = z.object({ pending: z.int(), processing: z.int(), completed: z.int(), failed: z.int(), cancelled: z.int() });
const figures = { counts: Counts, queue_length: z.int(), success_rate: z.number().nullable().meta({ description: 'Of those that completed or failed.' }), wait_ms: Times, run_ms: Times };

export const TaskStats = z
  .object({
    ...figures,
    engines: z.array(z.object({ engine: z.string(), ...figures })),
    templates: z.array(z.object({ template: z.string(), task_type: z.string(), ...figures })),
  })
  .meta({ id: 'TaskStats', description: 'Over the tasks that are kept; times over the newest of them. Of the caller; for an admin, of everybody.' });
export type TaskStats = z.infer<typeof TaskStats>;

export const Delivery = z
  .object({
    n: z.int(),
    event: TaskEventName,
    seq: z.int(),
    url: z.string().meta({ description: 'Without its query.' }),
    status: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.int(),
    created_at: z.number(),
    next_attempt_at: z.number().optional(),
    delivered_at: z.number().optional(),
    last_status: z.int().optional().meta({ description: 'HTTP status of the newest answer.' }),
    last_error: z.string().optional(),
  })
  .meta({ id: 'Delivery', examples: [examples.delivery] });
export type Delivery = z.infer<typeof Delivery>;
