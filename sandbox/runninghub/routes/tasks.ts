import type { Account } from '../accounts.ts';
import { Refused } from '../codes.ts';
import { v1 } from '../dialects.ts';
import { idOf } from '../json.ts';
import { accountInV1 } from '../keys.ts';
import type { Reply } from '../reply.ts';
import { promptTips, v1Outcome, v1Status } from '../shapes.ts';
import type { RouteName } from '../steps.ts';
import { submit } from '../submit.ts';
import type { Task } from '../task.ts';
import type { World } from '../world.ts';
import type { Routes } from './routes.ts';
import { envelope, ok } from './v1.ts';

/** Submitting and following a task in v1. */
export function taskRoutes(routes: Routes, world: World): void {
  const addSubmit = (name: RouteName, kind: 'app' | 'workflow'): void => {
    routes.add({ name, dialect: v1, handle: (asked) => {
      const body = asked.json;
      const account = accountInV1(world, asked, body['apiKey']);
      const targetId = idOf(body[kind === 'app' ? 'webappId' : 'workflowId']);
      return ok(world, created(world, submit(world, { account, kind, targetId, body, remoteFiles: false })));
    } });
  };
  addSubmit('POST /task/openapi/create', 'workflow');
  addSubmit('POST /task/openapi/ai-app/run', 'app');
  const add = (name: RouteName, handle: (task: Task) => Reply): void => {
    routes.add({ name, dialect: v1, handle: (asked) => {
      const body = asked.json;
      return handle(taskNamed(world, accountInV1(world, asked, body['apiKey']), body['taskId']));
    } });
  };
  add('POST /task/openapi/status', (task) => {
    const status = v1Status(task);
    return world.knobs.state.statusObject ? ok(world, { taskStatus: status }) : ok(world, status, '');
  });
  add('POST /task/openapi/outputs', (task) => outputs(world, task));
  add('POST /task/openapi/cancel', (task) => {
    world.tasks.cancel(task);
    return ok(world, null);
  });
}

/** 807 also for tasks of other accounts. */
export function taskNamed({ tasks }: World, account: Account, given: unknown): Task {
  const id = idOf(given);
  if (id === undefined) throw new Refused(301, 'taskId cannot be empty');
  if (!/^[1-9]\d*$/.test(id)) throw new Refused(301, 'taskId must be positive');
  const task = tasks.find(account, id);
  if (!task) throw new Refused(807);
  return task;
}

function created({ knobs, socketUrl }: World, task: Task): unknown {
  return {
    netWssUrl: task.state === 'RUNNING' ? socketUrl(task) : null,
    taskId: task.id,
    clientId: task.clientId,
    taskStatus: task.state,
    promptTips: promptTips(task, knobs.state),
  };
}

function outputs(world: World, task: Task): Reply {
  const { knobs, socketUrl } = world;
  if (task.state === 'CREATE' || task.state === 'QUEUED') return envelope(world, { code: 813, msg: 'APIKEY_TASK_IS_QUEUED', data: null });
  if (task.state === 'RUNNING') {
    const data = { socket: { netWssUrl: socketUrl(task) }, null: null, absent: undefined }[knobs.state.runningData];
    return envelope(world, { code: 804, msg: 'APIKEY_TASK_IS_RUNNING', data });
  }
  if (task.state === 'SUCCESS' && knobs.takeNullOutput()) return ok(world, null);
  return envelope(world, v1Outcome(task, knobs.state));
}
