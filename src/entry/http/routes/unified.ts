/** Surface A: the paths, bodies and words of the unified task service that this one replaces, on the same tasks. */
import { z } from 'zod';
import { graphOf } from '../../../coordinator/tasks/graph-shape.ts';
import { fail } from '../../../core/errors.ts';
import type { Caller } from '../../../models/caller.ts';
import * as examples from '../../../models/task-examples.ts';
import { TaskId, TaskOptions, type TaskRequest, TaskStatus, type TaskView } from '../../../models/task.ts';
import { route, type Route } from '../route.ts';
import { bytesOf, type RouteDeps } from './deps.ts';
import { Cursor, type Fields, idempotencyKeyOf, read, readTask, taskHeaders } from './task-body.ts';

type Deps = Pick<RouteDeps, 'config' | 'tasks' | 'queue' | 'workflows' | 'instances' | 'catalog'>;

const upper = z.string().meta({ description: 'PENDING, PROCESSING, COMPLETED, FAILED or CANCELLED.' });
const Anything = z.record(z.string(), z.unknown());
const options = Object.keys(TaskOptions.shape);

const OldForm = z.looseObject({ workflow_name: z.string().max(200), params: z.looseObject({ input_data: z.looseObject({ wf_json: Anything }) }) });
const NewForm = z.looseObject({ workflow: z.union([z.string().max(200), Anything]), inputs: Anything.optional() });
const CreateBody = z.union([OldForm, NewForm]).meta({ id: 'UnifiedTask', description: 'Either form; `wf_json`, or `workflow`, may be a whole graph in API format. What POST /api/v1/tasks takes beside may stand in both.' });

const { links: _links, ...createdExample } = examples.accepted;
const { links: _own, outputs: outputExamples, ...stateExample } = examples.view;
const shouted = <T extends { readonly status: string }>(task: T): Omit<T, 'status'> & { status: string } => ({ ...task, status: task.status.toUpperCase() });

const Created = z.object({ task_id: z.string(), status: upper, task_type: z.string(), created_at: z.number() }).meta({ id: 'UnifiedCreated', examples: [shouted(createdExample)] });
const One = z.looseObject({ task_id: z.string(), status: upper, results: z.array(Anything), error: Anything.nullable(), progress: z.number() }).meta({ id: 'UnifiedTaskState', examples: [{ ...shouted(stateExample), results: outputExamples, error: null }] });
const Page = z.object({ tasks: z.array(z.looseObject({ task_id: z.string(), status: upper })), next_cursor: z.string().nullable() }).meta({ id: 'UnifiedTaskPage', examples: [{ ...examples.page, tasks: examples.page.tasks.map(shouted) }] });

const tag = 'Unified tasks' as const;

export function unifiedRoutes(deps: Deps): Route[] {
  return [...taskRows(deps), ...figureRows(deps), ...comfyuiRows(deps), ...healthRows(deps)];
}

function taskRows({ config, tasks }: Deps): Route[] {
  return [
    route({
      method: 'post',
      path: '/api/tasks/create',
      id: 'unifiedCreateTask',
      tag,
      summary: 'Create a task',
      body: Anything,
      documented: () => CreateBody,
      bodyLimit: { bytes: bytesOf(config.MAX_WORKFLOW_MB), name: 'MAX_WORKFLOW_MB' },
      headers: { 'Idempotency-Key': taskHeaders['Idempotency-Key'] },
      examples: {
        'by name': { workflow: 'text-to-image', inputs: { prompt: 'a lighthouse at dusk', seed: 42 } },
        'first form': { workflow_name: 'basic_generation', params: { input_data: { wf_json: { prompt: 'a lighthouse at dusk', seed: 12_345 } } } },
      },
      answers: { 200: { description: 'It is on disk.', schema: Created } },
      errors: ['WORKFLOW_VALIDATION_ERROR', 'ENGINE_NOT_REGISTERED', 'QUEUE_FULL'],
      run: async (context) => {
        const { task } = await tasks.create(context.caller, { order: unifiedOrder(context.body), idempotencyKey: idempotencyKeyOf(context) });
        return { task_id: task.id, status: task.status.toUpperCase(), task_type: task.type, created_at: task.createdAt };
      },
    }),
    route({
      method: 'get',
      path: '/api/tasks',
      id: 'unifiedListTasks',
      tag,
      summary: 'Tasks, newest first',
      query: z.looseObject({ status: z.string().toLowerCase().pipe(TaskStatus).optional(), limit: z.coerce.number().int().min(1).max(500).default(50), cursor: Cursor }),
      answers: { 200: { description: 'A page.', schema: Page } },
      errors: [],
      run: async ({ caller, query: { status, limit, cursor } }) => {
        const page = await tasks.list(caller, { limit, ...(status === undefined ? {} : { status }), ...(cursor === undefined ? {} : { cursor }) });
        return { tasks: page.tasks.map(shouted), next_cursor: page.next_cursor };
      },
    }),
    route({
      method: 'get',
      path: '/api/tasks/{task_id}',
      id: 'unifiedGetTask',
      tag,
      summary: 'Status and results of a task',
      params: z.object({ task_id: TaskId }),
      answers: { 200: { description: 'The task.', schema: One } },
      errors: ['TASK_NOT_FOUND'],
      run: async ({ caller, params }) => stateOf(await tasks.view(caller, params.task_id)),
    }),
  ];
}

/** Either form as what the canonical call takes; `null` counts as left out. Throws VALIDATION_ERROR. */
export function unifiedOrder(given: Fields): TaskRequest {
  const body = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  const beside = Object.fromEntries(Object.entries(body).filter(([name]) => options.includes(name)));
  if (body['workflow_name'] !== undefined) {
    const { workflow_name: template, params } = read(OldForm, body);
    const given = params.input_data.wf_json;
    const graph = graphOf(given);
    return readTask(graph ? { ...beside, workflow: graph } : { ...beside, template, inputs: given });
  }
  if (body['workflow'] === undefined) throw fail('VALIDATION_ERROR', 'body: give "workflow" (a name, or a graph), or "workflow_name" with "params.input_data.wf_json".');
  const { workflow, inputs } = read(NewForm, body);
  return readTask(typeof workflow === 'string' ? { ...beside, template: workflow, inputs: inputs ?? {} } : { ...beside, workflow });
}

function stateOf(view: TaskView): z.infer<typeof One> {
  const { links: _, outputs, error, ...rest } = view;
  return { ...shouted(rest), results: outputs, error: error ?? null };
}

function figureRows({ tasks }: Deps): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/stats',
      id: 'unifiedStats',
      tag,
      summary: 'Counts per status, times and rates',
      answers: { 200: { description: 'The figures now.', schema: Anything } },
      errors: [],
      run: async ({ caller }) => {
        const { counts, queue_length, wait_ms, run_ms, success_rate, engines, templates } = await tasks.stats(caller);
        const rates = { success_rate, failure_rate: success_rate === null ? null : 1 - success_rate };
        return { tasks: Object.fromEntries(Object.entries(counts).map(([status, count]) => [status.toUpperCase(), count])), queue_length, processing_time_ms: run_ms, waiting_time_ms: wait_ms, ...rates, engines, templates };
      },
    }),
  ];
}

function comfyuiRows({ queue, instances, workflows }: Deps): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/comfyui-queue-status',
      id: 'unifiedComfyuiQueue',
      tag,
      summary: "ComfyUI's queues",
      answers: { 200: { description: 'As counts.', schema: Anything } },
      errors: ['CONNECTION_ERROR', 'UPSTREAM_ERROR'],
      run: async ({ caller, signal }) => {
        const { running, pending, others, queue_remaining, instances: servers } = await queue.status(caller, signal);
        return { queue_running: running.length + others.running, queue_pending: pending.length + others.pending, queue_remaining, exec_info: { queue_remaining }, instances: servers };
      },
    }),
    route({
      method: 'get',
      path: '/api/comfyui-system-stats',
      id: 'unifiedComfyuiSystem',
      tag,
      summary: "ComfyUI's own system figures",
      description: 'Of the first server, and of all under `instances`. Command lines, which tell of paths, are left out.',
      answers: { 200: { description: 'GET /system_stats of ComfyUI.', schema: Anything } },
      errors: ['CONNECTION_ERROR', 'UPSTREAM_ERROR'],
      run: ({ signal }) => instances.systemStats(signal),
    }),
    route({
      method: 'post',
      path: '/api/comfyui-interrupt',
      id: 'unifiedInterrupt',
      tag,
      summary: 'Stop the current generation',
      description: 'What runs of the caller; for an admin, whatever runs. A task whose prompt is stopped so becomes CANCELLED.',
      answers: { 200: { description: 'What became of each.', schema: Anything } },
      errors: ['QUEUE_OPERATION_ERROR', 'CONNECTION_ERROR', 'UPSTREAM_ERROR'],
      run: async ({ caller, signal }) => ({ status: 'ok', ...(await workflows.interrupt(caller, undefined, signal)) }),
    }),
  ];
}

function healthRows(deps: Deps): Route[] {
  return [
    route({
      method: 'get',
      path: '/api/health',
      id: 'unifiedHealth',
      tag,
      summary: 'Is the service alive',
      open: true,
      answers: { 200: { description: 'It is.', schema: z.object({ status: z.literal('ok') }) } },
      errors: [],
      run: () => ({ status: 'ok' }),
    }),
    route({
      method: 'get',
      path: '/api/status',
      id: 'unifiedStatus',
      tag,
      summary: 'How each part is',
      answers: { 200: { description: 'Part by part.', schema: Anything } },
      errors: [],
      run: ({ caller, signal }) => statusOf(deps, caller, signal),
    }),
  ];
}

/** The database has answered when this is told. */
async function statusOf({ tasks, catalog, instances, config }: Deps, caller: Caller, signal: AbortSignal): Promise<Fields> {
  const [{ engines }, { counts, queue_length: queueLength }] = await Promise.all([catalog.engines(signal), tasks.stats(caller)]);
  const { ready } = instances.readiness();
  return {
    status: engines.every(({ healthy }) => healthy) ? 'ok' : 'degraded',
    service: config.APP_NAME,
    database: { status: 'ok' },
    queue: { status: 'ok', length: queueLength, processing: counts.processing },
    comfyui: { status: ready ? 'ok' : 'unreachable' },
    engines: engines.map(({ name, type, healthy, reason, running, pending, capacity }) => ({ name, type, status: healthy ? 'ok' : 'unreachable', ...(reason === undefined ? {} : { reason }), running, pending, capacity })),
  };
}
