/** Surface B: the paths, bodies and words of the RunningHub service under /v1, on the same tasks. */
import { z } from 'zod';
import type { HubTask } from '../../../coordinator/tasks/hub-tasks.ts';
import { HubGenerated, HubRunBody, HubTaskState, HubUploaded, HubUploadForm } from '../../../models/runninghub-surfaces.ts';
import { isTerminal, TaskId } from '../../../models/task.ts';
import { route, type Route, type RouteContext } from '../route.ts';
import { bytesOf, type RouteDeps } from './deps.ts';
import { orderOf, received, runErrors, runHeaders, stateOf, whole } from './runninghub-words.ts';

type Deps = Pick<RouteDeps, 'config' | 'hub' | 'images' | 'readMultipart' | 'stopping'>;

const tag = 'RunningHub' as const;
const params = z.object({ task_id: TaskId });

export function generateRoutes(deps: Deps): Route[] {
  return [uploadRow(deps), generateRow(deps), ...lookingRows(deps)];
}

function uploadRow(deps: Deps): Route {
  return route({
    method: 'post',
    path: '/v1/upload',
    id: 'hubUpload',
    tag,
    summary: 'Hand a file over for a run',
    form: HubUploadForm,
    deadline: 0,
    answers: { 200: { description: 'Kept; use `fileName` as a `fieldValue`.', schema: HubUploaded } },
    errors: ['UNSUPPORTED_MEDIA_TYPE', 'PAYLOAD_TOO_LARGE', 'FILE_OPERATION_ERROR', 'CONFLICT'],
    run: (context) => received(deps, context),
  });
}

function generateRow({ config, hub, stopping }: Deps): Route {
  return route({
    method: 'post',
    path: '/v1/generate',
    id: 'hubGenerate',
    tag,
    summary: 'Run an app and wait for its end',
    description: 'Waits up to MAX_POLL_SECONDS, then answers `TIMEOUT`. The task goes on then, and also when the caller hangs up.',
    body: HubRunBody,
    headers: runHeaders,
    bodyLimit: { bytes: bytesOf(config.MAX_WORKFLOW_MB), name: 'MAX_WORKFLOW_MB' },
    examples: { app: { webappId: '1970434031953342471', nodeInfoList: [{ nodeId: '12', fieldName: 'image', fieldValue: 'https://example.org/person.png', description: 'source' }] } },
    deadline: (config.MAX_POLL_SECONDS + 120) * 1_000,
    answers: { 200: { description: 'How it ended, or that it goes on.', schema: HubGenerated } },
    errors: runErrors,
    run: async (context) => generatedOf(await hub.run(context.caller, orderOf(context, stopping), context.signal), context),
  });
}

function lookingRows({ hub }: Deps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/tasks/{task_id}',
      id: 'hubTaskState',
      tag,
      summary: 'Status of a run',
      params,
      answers: { 200: { description: 'The status.', schema: HubTaskState } },
      errors: ['TASK_NOT_FOUND'],
      run: async (context) => stateOf(await hub.find(context.caller, context.params.task_id)),
    }),
    route({
      method: 'get',
      path: '/v1/tasks/{task_id}/outputs',
      id: 'hubTaskOutputs',
      tag,
      summary: 'URLs of the results of a run',
      params,
      answers: { 200: { description: 'Empty before it has ended.', schema: z.array(z.string()) } },
      errors: ['TASK_NOT_FOUND'],
      run: async (context) => urlsOf(await hub.find(context.caller, context.params.task_id), context),
    }),
  ];
}

function generatedOf(task: HubTask, context: Pick<RouteContext, 'request'>): HubGenerated {
  const state = stateOf(task);
  const texts = task.view.outputs.flatMap(({ text }) => text ?? []);
  return { ...state, status: isTerminal(task.view.status) ? state.status : 'TIMEOUT', outputs: urlsOf(task, context), texts };
}

function urlsOf({ view }: HubTask, context: Pick<RouteContext, 'request'>): string[] {
  return view.outputs.flatMap(({ url }) => (url === undefined ? [] : [whole(url, context)]));
}
