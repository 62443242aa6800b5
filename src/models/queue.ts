import { z } from 'zod';
import { limits } from '../constants/limits.ts';
import { interruptOutcomes, PromptId } from './workflow.ts';

const QueueItem = z.object({ prompt_id: z.string(), number: z.number(), instance: z.string(), client_id: z.string().optional() }).meta({ id: 'QueueItem' });

export const QueueStatus = z
  .object({
    running: z.array(QueueItem),
    pending: z.array(QueueItem).meta({ description: 'In the order in which they will run on their instance.' }),
    queue_remaining: z.int().meta({ description: "Everybody's prompts, running and pending, over all instances." }),
    others: z.object({ running: z.int(), pending: z.int() }).meta({ description: "Other people's prompts, as counts." }),
    instances: z.array(z.object({ instance: z.string(), healthy: z.boolean(), running: z.int(), pending: z.int() })).meta({ description: 'Healthy is an instance that has answered now, within 2.5 seconds; of another the figures are 0.' }),
  })
  .meta({ id: 'QueueStatus' });
export type QueueStatus = z.infer<typeof QueueStatus>;
export type QueueItem = z.infer<typeof QueueItem>;

export const ClearRequest = z.strictObject({ clear: z.literal(true) }).meta({ id: 'ClearRequest' });
export const ClearAnswer = z.object({ cleared: z.int() }).meta({ id: 'ClearAnswer' });
export const DeleteRequest = z.strictObject({ prompt_ids: z.array(PromptId).min(1).max(limits.deleteIds) }).meta({ id: 'DeleteRequest' });
export const DeleteAnswer = z
  .object({ deleted: z.int(), results: z.array(z.object({ prompt_id: z.string(), outcome: z.enum([...interruptOutcomes, 'running', 'not_found']) })) })
  .meta({ id: 'DeleteAnswer' });
export type DeleteAnswer = z.infer<typeof DeleteAnswer>;
