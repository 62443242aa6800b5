import { z } from 'zod';

export const Message = z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) });
export const Status = z.object({ status: z.object({ exec_info: z.object({ queue_remaining: z.int() }) }) });
export const Flags = z.looseObject({ supports_preview_metadata: z.boolean().catch(false) });
export const PreviewMetadata = z.looseObject({ prompt_id: z.string(), node_id: z.string().optional().catch(undefined), image_type: z.string().catch('image/jpeg') });

/** Must be the first JSON message of a socket, or it is ignored (ws 02). */
export const FEATURE_FLAGS = JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } });
