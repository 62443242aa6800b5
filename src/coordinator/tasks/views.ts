/** What a task looks like to callers. Pure. */
import { service } from '../../constants/service.ts';
import type { TaskDetails, TaskRecord } from '../../models/task-store.ts';
import { isTerminal, type TaskAccepted, type TaskAttempt, type TaskOutput, type TaskSummary, type TaskTimings, type TaskView } from '../../models/task.ts';

const DAY = 86_400_000;

export function linksOf(id: string): TaskAccepted['links'] {
  const self = `${service.api}/tasks/${id}`;
  return { self, outputs: `${self}/outputs`, events: `${self}/events`, cancel: `${self}/cancel` };
}

export function acceptedOf(task: TaskRecord): TaskAccepted {
  return { task_id: task.id, status: task.status, task_type: task.type, created_at: task.createdAt, links: linksOf(task.id) };
}

export function summaryOf(task: TaskRecord): TaskSummary {
  return {
    task_id: task.id,
    status: task.status,
    owner: task.owner,
    task_type: task.type,
    engine: task.engine,
    priority: task.priority,
    client_id: task.clientId,
    created_at: task.createdAt,
    progress: task.progress,
    attempt: task.attempt,
    ...(task.kind === 'template' ? { template: task.name } : {}),
    ...(task.begunAt === undefined ? {} : { started_at: task.begunAt }),
    ...(task.endedAt === undefined ? {} : { finished_at: task.endedAt }),
    ...(task.error === undefined ? {} : { error: task.error }),
    ...(task.metadata === undefined ? {} : { metadata: task.metadata }),
  };
}

export interface ViewFacts {
  readonly task: TaskRecord;
  readonly details: TaskDetails;
  readonly attempts: readonly TaskAttempt[];
  readonly position: number | undefined;
  readonly etaMs: number | undefined;
  readonly retentionDays: number;
  readonly now: number;
  /** Why it is not begun, where that is not because of others before it. */
  readonly waitingFor: string | undefined;
}

export function viewOf({ task, details, attempts, position, etaMs, retentionDays, now, waitingFor }: ViewFacts): TaskView {
  const step = details.plan.steps[task.step]?.name ?? '';
  return {
    ...summaryOf(task),
    ...(position === undefined ? {} : { position }),
    ...(task.status !== 'processing' || task.current === undefined ? {} : { current: task.current }),
    ...(step === '' ? {} : { step }),
    ...(etaMs === undefined ? {} : { eta_seconds: Math.round(etaMs / 100) / 10 }),
    ...(waitingFor === undefined ? {} : { waiting_for: waitingFor }),
    ...momentsOf(task, { retentionDays, now }),
    outputs: [...details.outputs],
    ...(task.kind === 'pipeline' ? { steps: stepsOf(task, details) } : {}),
    ...inputsOf(details),
    attempts: [...attempts],
    timings: timingsOf(task),
    ...(details.warnings.length > 0 ? { warnings: [...details.warnings] } : {}),
    ...(details.usage === undefined ? {} : { usage: details.usage }),
    seq: task.seq,
    links: linksOf(task.id),
  };
}

/** When something is to happen, or was asked for. */
function momentsOf(task: TaskRecord, { retentionDays, now }: Pick<ViewFacts, 'retentionDays' | 'now'>): Pick<TaskView, 'next_attempt_at' | 'deadline_at' | 'cancel_requested_at' | 'expires_at'> {
  const waits = task.status === 'pending' && task.availableAt > now;
  const expires = isTerminal(task.status) && retentionDays > 0 && task.endedAt !== undefined;
  return {
    ...(waits ? { next_attempt_at: task.availableAt } : {}),
    ...(task.deadlineAt === undefined ? {} : { deadline_at: task.deadlineAt }),
    ...(task.cancelRequestedAt === undefined ? {} : { cancel_requested_at: task.cancelRequestedAt }),
    ...(expires ? { expires_at: (task.endedAt ?? 0) + retentionDays * DAY } : {}),
  };
}

/** Steps that are done. The last one's outputs are those of the task. */
function stepsOf({ status }: TaskRecord, { plan, results, outputs }: TaskDetails): NonNullable<TaskView['steps']> {
  const done = results.map((result) => ({ name: result.name, outputs: [...result.outputs] }));
  const last = plan.steps[results.length];
  return status === 'completed' && last ? [...done, { name: last.name, outputs: [...outputs] }] : done;
}

/** Of the task itself, or of its only step with what was filled in. */
function inputsOf({ plan }: TaskDetails): Pick<TaskView, 'inputs'> {
  const [first] = plan.steps;
  const values = plan.steps.length === 1 && first?.template ? { ...plan.inputs, ...first.inputs } : plan.inputs;
  const shown = Object.entries(values).map(([name, value]): [string, unknown] => [name, shortened(value)]);
  return shown.length > 0 ? { inputs: Object.fromEntries(shown) } : {};
}

/** Pictures inside of a request are not told back. */
function shortened(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shortened);
  if (typeof value !== 'string' || !/^data:/i.test(value) || value.length <= 200) return value;
  return `${value.slice(0, 60)}… (${value.length} characters)`;
}

function timingsOf(task: TaskRecord): TaskTimings {
  const { createdAt, begunAt, startedAt, inputsFetchedAt, executedAt, storedAt, endedAt } = task;
  return {
    queued_at: createdAt,
    ...(begunAt === undefined ? {} : { started_at: begunAt, wait_ms: begunAt - createdAt }),
    ...(inputsFetchedAt === undefined ? {} : { inputs_fetched_at: inputsFetchedAt }),
    ...(executedAt === undefined ? {} : { executed_at: executedAt }),
    ...(storedAt === undefined ? {} : { stored_at: storedAt }),
    ...(endedAt === undefined ? {} : { finished_at: endedAt, total_ms: endedAt - createdAt }),
    ...(startedAt === undefined || endedAt === undefined ? {} : { run_ms: endedAt - startedAt }),
  };
}

/** Only those of the nodes that count. */
export function counting(outputs: readonly TaskOutput[], nodes: readonly string[] | undefined): TaskOutput[] {
  return nodes === undefined ? [...outputs] : outputs.filter(({ node_id: id }) => nodes.includes(id));
}
