import { service } from '../../../constants/service.ts';
import { ClearAnswer, ClearRequest, DeleteAnswer, DeleteRequest, QueueStatus } from '../../../models/queue.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const errors = ['QUEUE_OPERATION_ERROR', 'CONNECTION_ERROR', 'UPSTREAM_ERROR'] as const;

export function queueRoutes({ queue }: Pick<RouteDeps, 'queue'>): Route[] {
  return [
    route({
      method: 'get',
      path: `${service.api}/queue/status`,
      id: 'getQueue',
      tag: 'Queue',
      summary: 'What runs and what waits',
      description: "The caller's own prompts by id, other people's as counts.",
      answers: { 200: { description: 'The queue over all instances.', schema: QueueStatus } },
      errors,
      run: ({ caller, signal }) => queue.status(caller, signal),
    }),
    route({
      method: 'post',
      path: `${service.api}/queue/clear`,
      id: 'clearQueue',
      tag: 'Queue',
      summary: 'Remove everything that waits',
      description: "Removes the caller's pending prompts from every instance. What runs goes on.",
      body: ClearRequest,
      answers: { 200: { description: 'How many were removed.', schema: ClearAnswer } },
      errors,
      run: async ({ caller, signal }) => ({ cleared: await queue.clear(caller, signal) }),
    }),
    route({
      method: 'post',
      path: `${service.api}/queue/delete`,
      id: 'deleteFromQueue',
      tag: 'Queue',
      summary: 'Remove some that wait',
      description: 'Tells of every id what became of it. A prompt that runs is not touched: interrupt it.',
      body: DeleteRequest,
      answers: { 200: { description: 'How many were removed, and what became of each.', schema: DeleteAnswer } },
      errors,
      run: ({ caller, body, signal }) => queue.delete(caller, body.prompt_ids, signal),
    }),
  ];
}
