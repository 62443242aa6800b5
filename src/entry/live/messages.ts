import { z } from 'zod';
import { limits } from '../../constants/limits.ts';
import { TaskId } from '../../models/task.ts';
import { InterruptRequest, PromptId, SubmitRequest } from '../../models/workflow.ts';

const requestId = z.string().max(limits.idLength).optional();
const since = z.int().min(0).optional();
const items = z.array(z.union([z.strictObject({ prompt_id: PromptId, since }), z.strictObject({ task_id: TaskId, since })], { error: 'must be {prompt_id, since?} or {task_id, since?}' })).min(1).max(limits.subscriptions);

/** What a client may send. `request_id` comes back in the answer; it may stand beside `type` or in `data`. */
export const ClientMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('submit'), data: SubmitRequest.extend({ request_id: requestId }), request_id: requestId }),
  z.object({ type: z.literal('interrupt'), data: InterruptRequest.extend({ request_id: requestId }).default({}), request_id: requestId }),
  z.object({ type: z.literal('subscribe'), data: z.strictObject({ items, request_id: requestId }), request_id: requestId }),
  z.object({ type: z.literal('unsubscribe'), data: z.strictObject({ items, request_id: requestId }), request_id: requestId }),
  z.object({ type: z.literal('feature_flags'), data: z.looseObject({ supports_preview_metadata: z.boolean().default(false), request_id: requestId }), request_id: requestId }),
  z.object({ type: z.literal('ping'), data: z.looseObject({ request_id: requestId }).default({}), request_id: requestId }),
]);
export type ClientMessage = z.infer<typeof ClientMessage>;

export const clientMessageTypes = ['submit', 'interrupt', 'subscribe', 'unsubscribe', 'feature_flags', 'ping'] as const;
