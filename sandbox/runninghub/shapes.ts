import type { Knobs, KnobState } from './knobs.ts';
import { isEnded, type Task, type TaskOutput } from './task.ts';

/** What replies of every dialect are put together from, as the knobs shape it. */

interface Reason {
  readonly node_id: string;
  readonly node_name: string;
  readonly exception_message: string;
  readonly exception_type: string;
  readonly traceback: readonly string[];
}

const SAMPLE_REASON: Reason = {
  node_id: '3',
  node_name: 'KSampler',
  exception_message: 'Allocation on device 显存不足',
  exception_type: 'torch.OutOfMemoryError',
  traceback: ['  File "/app/execution.py", line 327, in execute\n'],
};

/** Why a task failed: the first of its node errors, else the sample. With node errors nothing ran, so nothing raised. */
export function reasonOf({ nodeErrors }: Task): Reason {
  const [reason] = Object.entries(nodeErrors).flatMap(([id, { class_type: name, errors }]) =>
    errors.map(({ type, message, details }): Reason => ({ node_id: id, node_name: name, exception_message: `${message}: ${details}`, exception_type: type, traceback: [] })));
  return reason ?? SAMPLE_REASON;
}

function failedReason(task: Task, { failedReason: shape }: Readonly<KnobState>): unknown {
  const reason = reasonOf(task);
  switch (shape) {
    case 'strings': return { ...reason, traceback: JSON.stringify(reason.traceback), current_inputs: '{}', current_outputs: '{}' };
    case 'arrays': return { ...reason, current_inputs: {}, current_outputs: {} };
    case 'text': return `${reason.node_name} ${reason.node_id}: ${reason.exception_message}`;
    case 'absent': return undefined;
  }
}

export function promptTips({ nodeErrors, outcome }: Task, { promptTips: shape }: Readonly<KnobState>): string | null {
  const tips = JSON.stringify({ result: true, error: null, outputs_to_execute: ['9'], node_errors: nodeErrors });
  if (shape === 'usual' || outcome === 'nodeErrors') return tips;
  return { null: null, empty: '', broken: tips.slice(0, 20) }[shape];
}

interface Costs {
  readonly taskCostTime: string;
  readonly thirdPartyConsumeMoney: string | null;
  readonly consumeMoney: string | null;
  readonly consumeCoins: string | null;
}

export function costsOf(task: Task): Costs {
  const paid = task.account.money !== undefined;
  return {
    taskCostTime: String(secondsOf(task)),
    thirdPartyConsumeMoney: paid ? '0.02' : null,
    consumeMoney: paid ? '0.083' : null,
    consumeCoins: paid ? null : '6',
  };
}

function secondsOf({ startedAt, endedAt }: Task): number {
  return Math.max(1, Math.ceil(((endedAt ?? 0) - (startedAt ?? endedAt ?? 0)) / 1_000));
}

function v1Output(task: Task, { url, type, nodeId }: TaskOutput, { costs }: Readonly<KnobState>): unknown {
  const { taskCostTime, ...rest } = costsOf(task);
  if (costs === 'bare') return { fileUrl: url, fileType: type, taskCostTime: Number(taskCostTime), nodeId };
  return { fileUrl: url, fileType: type, taskCostTime, nodeId, ...rest };
}

/** `{code, msg, data}` of outputs, and of the webhook that says the same. */
export function v1Outcome(task: Task, state: Readonly<KnobState>): { code: number; msg: string; data: unknown } {
  if (task.state === 'SUCCESS') return { code: 0, msg: 'success', data: task.outputs.map((output) => v1Output(task, output, state)) };
  const reason = task.state === 'FAILED' ? failedReason(task, state) : undefined;
  return { code: 805, msg: 'APIKEY_TASK_STATUS_ERROR', data: reason === undefined ? null : { failedReason: reason } };
}

/** The flat object of v2: after a submit, of query, and of the webhooks that say the same. */
export function v2Task(task: Task, knobs: Knobs): Record<string, unknown> {
  const { state } = knobs;
  const failed = task.state === 'FAILED';
  const reason = failedReason(task, state);
  return {
    taskId: task.id,
    status: task.state === 'CANCELLED' ? state.cancelledStatus : task.state,
    errorCode: failed ? '1000' : '',
    errorMessage: failed ? '工作流执行失败' : '',
    results: task.state === 'SUCCESS' ? task.outputs.map(v2Result) : null,
    clientId: task.clientId,
    promptTips: promptTips(task, state),
    ...(failed && reason !== undefined && { failedReason: reason }),
    ...(task.state === 'SUCCESS' && { failedReason: {}, usage: costsOf(task) }),
  };
}

function v2Result({ url, nodeId, type, text }: TaskOutput): unknown {
  return { url: text === null ? url : null, nodeId, outputType: type, text };
}

/** v1 `status` knows four words; a task that was cancelled counts as failed there (a guess). */
export function v1Status(task: Task): string {
  if (isEnded(task)) return task.state === 'SUCCESS' ? 'SUCCESS' : 'FAILED';
  return task.state === 'RUNNING' ? 'RUNNING' : 'QUEUED';
}
