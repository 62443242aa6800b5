import { Refused } from '../codes.ts';
import { alt } from '../dialects.ts';
import { idOf } from '../json.ts';
import { accountByBearer } from '../keys.ts';
import { jsonReply } from '../reply.ts';
import { submit } from '../submit.ts';
import type { Task } from '../task.ts';
import type { World } from '../world.ts';
import type { Routes } from './routes.ts';

/** The dialect of brief 003, which no official document knows. */
export function altRoutes(routes: Routes, world: World): void {
  routes.add({ name: 'POST /v1/workflows/:id/run', dialect: alt, handle: (asked) => {
    const account = accountByBearer(world, asked);
    const targetId = idOf(asked.params['id']);
    const nodeInfoList = nodesOf(world, targetId, asked.json['inputs']);
    return jsonReply({ task_id: submit(world, { account, kind: 'workflow', targetId, body: { nodeInfoList }, remoteFiles: true }).id });
  } });
  routes.add({ name: 'GET /v1/tasks/:id', dialect: alt, handle: (asked) => {
    const task = world.tasks.find(accountByBearer(world, asked), idOf(asked.params['id']) ?? '');
    if (!task) throw new Refused(807);
    return jsonReply(told(task));
  } });
}

function nodesOf({ catalog }: World, id: string | undefined, inputs: unknown): unknown[] {
  const workflow = catalog.workflows.find((one) => one.id === id);
  if (!workflow) throw new Refused(380);
  if (typeof inputs !== 'object' || inputs === null) throw new Refused(301);
  return Object.entries<unknown>({ ...inputs }).map(([name, fieldValue]) => {
    const place = workflow.altInputs?.[name];
    if (!place) throw new Refused(301, `Unknown input ${name}`);
    return { ...place, fieldValue };
  });
}

const WORDS = { CREATE: 'pending', QUEUED: 'pending', RUNNING: 'running', SUCCESS: 'completed', FAILED: 'failed', CANCELLED: 'cancelled' } as const;

function told(task: Task): unknown {
  const status = { task_id: task.id, status: WORDS[task.state] };
  if (task.state === 'SUCCESS') return { ...status, result: { output_image: task.outputs[0]?.url ?? null } };
  return task.state === 'FAILED' ? { ...status, error: '工作流执行失败' } : status;
}
