import { z } from 'zod';
import { service } from '../../../constants/service.ts';
import { acceptedOf } from '../../../coordinator/tasks/views.ts';
import { isTerminal, Delivery, TaskAccepted, TaskId, TaskOutput, TaskPage, TaskQuery, TaskStats, TaskView } from '../../../models/task.ts';
import { sendEvents } from '../event-stream.ts';
import { route, type Route, type RouteContext } from '../route.ts';
import { bytesOf, type RouteDeps } from './deps.ts';
import { Cursor, type Fields, idempotencyKeyOf, longestWait, readTask, taskHeaders, waitOf } from './task-body.ts';

const OneTask = z.object({ task_id: TaskId });
const AnyFields = z.record(z.string(), z.unknown());
const path = `${service.api}/tasks`;
const one = `${path}/{task_id}`;

const graph = { workflow: { '1': { class_type: 'EmptyImage', inputs: { width: 512, height: 512, batch_size: 1, color: 3_368_601 } }, '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'task' } } } };

type Deps = Pick<RouteDeps, 'config' | 'tasks' | 'catalog' | 'stringify' | 'stopping'>;

export function taskRoutes(deps: Deps): Route[] {
  return [createRow(deps), ...lookingRows(deps), watchRow(deps), statsRow(deps), ...changingRows(deps), ...deliveryRows(deps)];
}

function createRow(deps: Deps): Route {
  return route({
    method: 'post',
    path,
    id: 'createTask',
    tag: 'Tasks',
    summary: 'Hand a task over',
    description: 'Answers 202 as soon as the task is on disk. `Idempotency-Key: …` makes it safe to send the same call again within 24 hours. With `Prefer: wait=30` it answers 200 with the task when that has ended within so many seconds, else 202.',
    body: AnyFields,
    documented: () => deps.catalog.newTask(),
    bodyLimit: { bytes: bytesOf(deps.config.MAX_WORKFLOW_MB), name: 'MAX_WORKFLOW_MB' },
    examples: () => ({ ...deps.catalog.taskExamples(), graph }),
    headers: taskHeaders,
    deadline: (longestWait + 30) * 1_000,
    answers: { 202: { description: 'Accepted: it will end exactly once.', schema: TaskAccepted }, 200: { description: 'It has ended while the call waited.', schema: TaskView } },
    errors: ['WORKFLOW_VALIDATION_ERROR', 'ENGINE_NOT_REGISTERED', 'QUEUE_FULL'],
    run: (context) => create(deps, context),
  });
}

async function create({ tasks, stopping }: Deps, context: RouteContext<unknown, unknown, Fields>): Promise<TaskAccepted | TaskView> {
  const { caller, body, response, signal } = context;
  const wait = waitOf(context);
  const { task, again } = await tasks.create(caller, { order: readTask(body), idempotencyKey: idempotencyKeyOf(context) });
  response.status(202);
  response.setHeader('Location', `${path}/${task.id}`);
  if (again) response.setHeader('Idempotency-Replayed', 'true');
  if (wait === undefined) return acceptedOf(task);
  response.setHeader('Preference-Applied', `wait=${wait}`);
  context.letGo();
  const view = await tasks.settled(caller, task.id, AbortSignal.any([signal, stopping, AbortSignal.timeout(wait * 1_000)]));
  if (!isTerminal(view.status)) return acceptedOf(await tasks.find(caller, task.id));
  response.status(200);
  return view;
}

function lookingRows({ tasks }: Deps): Route[] {
  return [
    route({
      method: 'get',
      path,
      id: 'listTasks',
      tag: 'Tasks',
      summary: 'Tasks, newest first',
      description: 'Those of the caller; for an admin, everybody\'s. `next_cursor` leads to the next page.',
      query: TaskQuery.extend({ cursor: Cursor }),
      answers: { 200: { description: 'A page.', schema: TaskPage } },
      errors: [],
      run: ({ caller, query }) => tasks.list(caller, query),
    }),
    route({
      method: 'get',
      path: one,
      id: 'getTask',
      tag: 'Tasks',
      summary: 'One task',
      description: 'Where it stands, what came out of it so far, every attempt with its reason, and when what happened.',
      params: OneTask,
      answers: { 200: { description: 'The task.', schema: TaskView } },
      errors: ['TASK_NOT_FOUND'],
      run: ({ caller, params }) => tasks.view(caller, params.task_id),
    }),
    route({
      method: 'get',
      path: `${one}/outputs`,
      id: 'getTaskOutputs',
      tag: 'Tasks',
      summary: 'What came out',
      description: 'Each with a `url` to fetch it by; a text has `text` instead. As they come while the task is worked on.',
      params: OneTask,
      answers: { 200: { description: 'The outputs.', schema: z.array(TaskOutput) } },
      errors: ['TASK_NOT_FOUND'],
      run: ({ caller, params }) => tasks.outputs(caller, params.task_id),
    }),
  ];
}

function watchRow({ tasks, stringify, stopping }: Deps): Route {
  return route({
    method: 'get',
    path: `${one}/events`,
    id: 'watchTask',
    tag: 'Tasks',
    summary: 'What happens to it, as it happens',
    description: 'Server-sent events: those after `Last-Event-ID` (or `since`) first, then each as it happens, none missing and none twice, and `progress` in between, which has no id. Ends after `completed`, `failed` or `cancelled`; 204 when there is nothing after that number any more.',
    params: OneTask,
    query: z.strictObject({ since: z.coerce.number().int().min(0).optional().meta({ description: 'Number of the newest event that is known already; the header goes before it.' }) }),
    headers: { 'Last-Event-ID': { description: 'Number of the newest event that is known already: browsers send it when they come back.', schema: z.string() } },
    deadline: 0,
    answers: { 200: { description: 'The events.', contentType: 'text/event-stream' }, 204: { description: 'It has ended, and nothing is left to be told.' } },
    errors: ['TASK_NOT_FOUND', 'QUEUE_FULL'],
    run: async ({ caller, params, query, request, response, signal }) => {
      const given = Number(request.headers['last-event-id'] ?? query.since ?? 0);
      const since = Number.isInteger(given) && given >= 0 ? given : 0;
      const task = await tasks.find(caller, params.task_id);
      if (isTerminal(task.status) && since >= task.seq) return void response.status(204).end();
      const until = AbortSignal.any([signal, stopping]);
      const told = await tasks.watch(caller, params.task_id, { since, signal: until });
      await sendEvents(response, told, { stringify, signal: until });
    },
  });
}

function statsRow({ tasks }: Deps): Route {
  return route({
    method: 'get',
    path: `${service.api}/stats`,
    id: 'getStats',
    tag: 'Tasks',
    summary: 'Figures',
    description: 'Counts, queue length, waiting and running times and the share that succeeded: in all, per engine and per template.',
    answers: { 200: { description: 'The figures now.', schema: TaskStats } },
    errors: [],
    run: ({ caller }) => tasks.stats(caller),
  });
}

function changingRows({ tasks, stopping }: Deps): Route[] {
  return [
    route({
      method: 'post',
      path: `${one}/cancel`,
      id: 'cancelTask',
      tag: 'Tasks',
      summary: 'Stop a task',
      description: 'One that waits is gone at once. Of one that is worked on, the engine is told; the answer says what really became of it: `cancelled`, or how it ended by itself. A node that does not react yet leaves it `processing` with `cancel_requested_at`.',
      params: OneTask,
      answers: { 200: { description: 'The task as it is now.', schema: TaskView } },
      errors: ['TASK_NOT_FOUND', 'CONFLICT'],
      run: ({ caller, params, signal }) => tasks.cancel(caller, params.task_id, AbortSignal.any([signal, stopping])),
    }),
    route({
      method: 'post',
      path: `${one}/retry`,
      id: 'retryTask',
      tag: 'Tasks',
      summary: 'Once more',
      description: 'Of a task that failed or was cancelled; a pipeline goes on at the step that it ended at.',
      params: OneTask,
      answers: { 202: { description: 'It waits again.', schema: TaskAccepted } },
      errors: ['TASK_NOT_FOUND', 'CONFLICT'],
      run: async ({ caller, params }) => acceptedOf(await tasks.retry(caller, params.task_id)),
    }),
    route({
      method: 'delete',
      path: one,
      id: 'deleteTask',
      tag: 'Tasks',
      summary: 'Forget a task',
      description: 'One that has ended, with its events and its copies of outputs.',
      params: OneTask,
      answers: { 204: { description: 'It is gone.' } },
      errors: ['TASK_NOT_FOUND', 'CONFLICT', 'FILE_OPERATION_ERROR'],
      run: async ({ caller, params, response }) => {
        await tasks.remove(caller, params.task_id);
        response.end();
      },
    }),
  ];
}

function deliveryRows({ tasks }: Deps): Route[] {
  return [
    route({
      method: 'get',
      path: `${one}/deliveries`,
      id: 'getDeliveries',
      tag: 'Tasks',
      summary: 'What its webhook was told',
      params: OneTask,
      answers: { 200: { description: 'Each delivery with its tries.', schema: z.array(Delivery) } },
      errors: ['TASK_NOT_FOUND'],
      run: ({ caller, params }) => tasks.deliveries(caller, params.task_id),
    }),
    route({
      method: 'post',
      path: `${one}/deliveries/{n}/redeliver`,
      id: 'redeliver',
      tag: 'Tasks',
      summary: 'Tell the webhook again',
      params: z.object({ task_id: TaskId, n: z.coerce.number().int().min(1) }),
      answers: { 202: { description: 'It is tried at once.', schema: Delivery } },
      errors: ['TASK_NOT_FOUND', 'NOT_FOUND'],
      run: ({ caller, params }) => tasks.redeliver(caller, params.task_id, params.n),
    }),
  ];
}
