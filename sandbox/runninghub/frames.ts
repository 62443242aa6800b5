import { reasonOf } from './shapes.ts';
import type { Task } from './task.ts';

/** Messages of ComfyUI, as the progress socket passes them on. */

const promptOf = ({ id }: Task): { prompt_id: string } => ({ prompt_id: `prompt-${id}` });

export function startFrames(task: Task): unknown[] {
  return [
    { type: 'status', data: { status: { exec_info: { queue_remaining: 1 } }, sid: task.clientId } },
    { type: 'execution_start', data: { ...promptOf(task), timestamp: Date.now() } },
    { type: 'execution_cached', data: { nodes: ['4'], ...promptOf(task) } },
    { type: 'executing', data: { node: '3', display_node: '3', ...promptOf(task) } },
  ];
}

export const progressFrame = (task: Task, value: number, max: number): unknown => ({ type: 'progress', data: { value, max, ...promptOf(task), node: '3' } });

/** None of them names a result URL. */
export function successFrames(task: Task): unknown[] {
  return [
    progressFrame(task, 20, 20),
    { type: 'executing', data: { node: '9', display_node: '9', ...promptOf(task) } },
    { type: 'executed', data: { node: '9', output: { images: [{ filename: '输出_00001_.png', subfolder: '', type: 'output' }] }, ...promptOf(task) } },
    { type: 'execution_success', data: { ...promptOf(task), timestamp: Date.now() } },
    { type: 'executing', data: { node: null, ...promptOf(task) } },
  ];
}

export function failureFrames(task: Task): unknown[] {
  const { node_id: node, node_name: type, ...raised } = reasonOf(task);
  const where = { ...promptOf(task), node_id: node, node_type: type, executed: ['4'] };
  if (task.state === 'CANCELLED') return [{ type: 'execution_interrupted', data: where }];
  return [{ type: 'execution_error', data: { ...where, ...raised } }];
}
