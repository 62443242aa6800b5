/** Tasks that name a workflow or an app of RunningHub, and what they are called there. Pure. */
import { errorTable, fail, type GatewayError } from '../../core/errors.ts';
import { type HubNodeInfo, type HubTarget, hubTaskId } from '../../models/runninghub.ts';
import type { TaskPlan } from '../../models/task-plan.ts';
import type { HostedValue, TaskAttempt, TaskError, TaskStatus } from '../../models/task.ts';
import type { Template, TemplateInput } from '../../models/template.ts';

/** Name of a value in messages: where it stands in the list of the caller. */
export const hostedName = (n: number): string => `nodeInfoList.${n}`;

/** The values as inputs of a template without a graph. */
export function hostedForm({ kind, id }: HubTarget, values: readonly HostedValue[]): Template {
  const inputs = values.map(({ nodeId: node, fieldName: input, media }, n): [string, TemplateInput] => [hostedName(n), { type: media ?? 'string', targets: [{ node, input }] }]);
  return { name: id, title: `${kind} ${id}`, description: '', workflow: {}, inputs: Object.fromEntries(inputs), outputs: undefined };
}

/** What was given for which field; `shown` has the values as callers may see them. */
export function nodesOf(plan: TaskPlan | undefined, shown: Readonly<Record<string, unknown>> = {}): HubNodeInfo[] {
  const inputs = plan?.steps.flatMap((step) => (step.target ? Object.entries(step.template?.inputs ?? {}) : [])) ?? [];
  return inputs.flatMap(([name, { targets }]) => targets.map(({ node: nodeId, input: fieldName }) => ({ nodeId, fieldName, fieldValue: shown[name] })));
}

export function noHub(): GatewayError {
  return fail('ENGINE_NOT_REGISTERED', 'engine "runninghub": set RUNNINGHUB_API_KEY, and RUNNINGHUB_HOST where the account is not at www.runninghub.cn.');
}

/** The newest id that RunningHub gave one of the attempts. */
export function hubIdOf(attempts: readonly Pick<TaskAttempt, 'job_id'>[]): string | undefined {
  return attempts.flatMap(({ job_id: id }) => (id === undefined ? [] : (hubTaskId(id) ?? []))).at(-1);
}

export const hubStatuses = { pending: 'QUEUED', processing: 'RUNNING', completed: 'SUCCESS', failed: 'FAILED', cancelled: 'FAILED' } as const satisfies Record<TaskStatus, string>;

/** What a task ended with, as something to throw. Its sentence begins with the title of its code already. */
export function thrownOf({ code, reason, faults = [] }: TaskError, taskId: string): GatewayError {
  const title = `${errorTable[code].title}: `;
  return fail(code, reason.startsWith(title) ? reason.slice(title.length) : reason, { taskId, faults, retryable: false });
}
