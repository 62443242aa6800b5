import { Refused } from '../codes.ts';
import { v2Query, v2Run } from '../dialects.ts';
import { idOf } from '../json.ts';
import { accountByBearer } from '../keys.ts';
import { jsonReply } from '../reply.ts';
import { v2Task } from '../shapes.ts';
import { submit } from '../submit.ts';
import type { World } from '../world.ts';
import type { Routes } from './routes.ts';

/** Submitting and following a task in v2. Ids are the same as in v1. */
export function v2Routes(routes: Routes, world: World): void {
  const submits = [['POST /openapi/v2/run/ai-app/:id', 'app'], ['POST /openapi/v2/run/workflow/:id', 'workflow']] as const;
  for (const [name, kind] of submits) {
    routes.add({ name, dialect: v2Run, handle: (asked) => {
      const account = accountByBearer(world, asked);
      return jsonReply(v2Task(submit(world, { account, kind, targetId: idOf(asked.params['id']), body: asked.json, remoteFiles: true }), world.knobs));
    } });
  }
  routes.add({ name: 'POST /openapi/v2/query', dialect: v2Query, handle: (asked) => {
    const id = idOf(asked.json['taskId']);
    // Before the key is looked at.
    if (id === undefined || !/^[1-9]\d*$/.test(id)) throw new Refused(1007);
    const task = world.tasks.find(accountByBearer(world, asked), id);
    if (!task) throw new Refused(1004);
    const told = v2Task(task, world.knobs);
    return jsonReply(task.state === 'SUCCESS' && world.knobs.takeNullOutput() ? { ...told, results: null } : told);
  } });
}
