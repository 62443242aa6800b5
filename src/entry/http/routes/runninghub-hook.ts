/** Where RunningHub tells that a run has ended, if RUNNINGHUB_WEBHOOK_BASE says that it can. */
import { z } from 'zod';
import { service } from '../../../constants/service.ts';
import { TaskId } from '../../../models/task.ts';
import { drain } from '../body.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

/** What is sent there is not read: it is a hint, repeated at will and signed by nobody, and the run is asked for. */
export function hookRoutes({ hub }: Pick<RouteDeps, 'hub'>): Route[] {
  return [
    route({
      method: 'post',
      path: `${service.hubHook}/{task_id}/{token}`,
      id: 'hubHook',
      tag: 'RunningHub',
      summary: 'RunningHub says that a run has ended',
      description: 'For RunningHub alone: each run has an address of its own. The body is not read; the run is looked at at once.',
      open: true,
      params: z.object({ task_id: TaskId, token: z.string().max(128) }),
      answers: { 204: { description: 'Heard.' } },
      errors: ['NOT_FOUND'],
      run: async ({ params, request, response }) => {
        await hub.heard(params.task_id, params.token);
        response.end();
        drain(request);
      },
    }),
  ];
}
