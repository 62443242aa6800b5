/** Surface C: the root paths of the RunningHub proxy with records, in RunningHub's `{code, msg, data}`, on the same tasks. */
import { z } from 'zod';
import { hubStatuses } from '../../../coordinator/tasks/hosted.ts';
import type { HubTask } from '../../../coordinator/tasks/hub-tasks.ts';
import type { HubApp } from '../../../models/runninghub.ts';
import { enveloped, HubAppAnswer, HubAppBody, HubRecord, HubRunBody, HubSubmitted, HubTaskBody, HubUploaded, HubUploadForm } from '../../../models/runninghub-surfaces.ts';
import { TaskId } from '../../../models/task.ts';
import { route, type Route, type RouteContext } from '../route.ts';
import { bytesOf, type RouteDeps } from './deps.ts';
import { failureOf, hubErrors, idsOf, notesOf, orderOf, received, runErrors, runHeaders, whole } from './runninghub-words.ts';

type Deps = Pick<RouteDeps, 'config' | 'hub' | 'images' | 'readMultipart' | 'stopping'>;

const tag = 'RunningHub' as const;
const enclosed = <T>(data: T): { code: 0; msg: 'success'; data: T } => ({ code: 0, msg: 'success', data });

export function nodeRoutes(deps: Deps): Route[] {
  return [...makingRows(deps), uploadRow(deps), ...recordRows(deps)];
}

function makingRows({ config, hub, stopping }: Deps): Route[] {
  return [
    route({
      method: 'post',
      path: '/get_node_info',
      id: 'hubNodeInfo',
      tag,
      envelope: true,
      summary: 'What may be set of an app',
      body: HubAppBody,
      answers: { 200: { description: 'Texts are plain, `fieldData` is read, and no key is in it.', schema: enveloped(HubAppAnswer) } },
      errors: hubErrors,
      run: async ({ body, signal }) => enclosed(appOf(body.webappId, await hub.app(body.webappId, AbortSignal.any([signal, stopping])))),
    }),
    route({
      method: 'post',
      path: '/submit_task',
      id: 'hubSubmitTask',
      tag,
      envelope: true,
      summary: 'Run an app',
      description: 'Answers when RunningHub has taken it, or after MAX_POLL_SECONDS with the id of this gateway; it is taken later then.',
      body: HubRunBody,
      headers: runHeaders,
      bodyLimit: { bytes: bytesOf(config.MAX_WORKFLOW_MB), name: 'MAX_WORKFLOW_MB' },
      deadline: (config.MAX_POLL_SECONDS + 120) * 1_000,
      answers: { 200: { description: 'Taken.', schema: enveloped(HubSubmitted) } },
      errors: runErrors,
      run: async (context) => {
        const task = await hub.create(context.caller, orderOf(context, stopping), context.signal);
        return enclosed<HubSubmitted>({ ...idsOf(task), taskStatus: hubStatuses[task.view.status], error: failureOf(task) });
      },
    }),
  ];
}

function uploadRow(deps: Deps): Route {
  return route({
    method: 'post',
    path: '/upload',
    id: 'hubProxyUpload',
    tag,
    envelope: true,
    summary: 'Hand a file over for a run',
    form: HubUploadForm,
    deadline: 0,
    answers: { 200: { description: 'Kept; use `fileName` as a `fieldValue`.', schema: enveloped(HubUploaded) } },
    errors: ['UNSUPPORTED_MEDIA_TYPE', 'PAYLOAD_TOO_LARGE', 'FILE_OPERATION_ERROR', 'CONFLICT'],
    run: async (context) => enclosed(await received(deps, context)),
  });
}

function recordRows({ hub, stopping }: Deps): Route[] {
  const answers = { 200: { description: 'The record. RunningHub is asked every POLL_INTERVAL_SECONDS while a task runs.', schema: enveloped(HubRecord) } };
  return [
    route({
      method: 'post',
      path: '/task/query_task_status',
      id: 'hubQueryTask',
      tag,
      envelope: true,
      summary: 'What became of a run',
      description: 'RunningHub is asked, once a second at most; what has ended there is told as soon as its results are kept, or after a few seconds.',
      body: HubTaskBody,
      answers,
      errors: ['TASK_NOT_FOUND'],
      run: async (context) => enclosed(recordOf(await hub.ask(context.caller, context.body.taskId, { signal: context.signal, enough: stopping }), context)),
    }),
    route({
      method: 'get',
      path: '/tasks/{task_id}',
      id: 'hubTaskRecord',
      tag,
      envelope: true,
      summary: 'The record of a run',
      params: z.object({ task_id: TaskId }),
      answers,
      errors: ['TASK_NOT_FOUND'],
      run: async (context) => enclosed(recordOf(await hub.find(context.caller, context.params.task_id), context)),
    }),
  ];
}

function recordOf(task: HubTask, context: Pick<RouteContext, 'request'>): HubRecord {
  const { status, created_at: created, outputs, timings } = task.view;
  const moments = [timings.started_at, timings.inputs_fetched_at, timings.executed_at, timings.stored_at, timings.finished_at];
  const results = outputs.map(({ url, text, filename, node_id: nodeId }) => ({ ...(url === undefined ? {} : { fileUrl: whole(url, context) }), ...(text === undefined ? {} : { text }), fileType: /\.(\w+)$/.exec(filename)?.[1] ?? '', nodeId }));
  return {
    ...idsOf(task),
    id: task.id,
    status: hubStatuses[status],
    created_at: created,
    updated_at: Math.max(created, ...moments.map((at) => at ?? 0)),
    result_data: failureOf(task) ?? (status === 'completed' ? results : null),
    ...notesOf(task),
    node_info: task.nodes.map((node) => ({ ...node })),
  };
}

function appOf(webappId: string, app: HubApp): HubAppAnswer {
  const nodeInfoList = app.inputs.map(({ node_id: nodeId, class_type: nodeName, field: fieldName, type: fieldType, value, label, label_cn: cn, label_en: en, ...more }) => {
    const description = label ?? cn ?? en;
    return { nodeId, nodeName, fieldName, fieldType, ...(value === undefined ? {} : { fieldValue: value }), ...(description === undefined ? {} : { description }), ...more };
  });
  return { webappId, ...app, cover: app.covers[0]?.url ?? null, nodeInfoList };
}
