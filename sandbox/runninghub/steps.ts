import { z } from 'zod';

/** Every route that counts its requests and takes steps. The last three are of the host that serves files. */
export const ROUTES = [
  'GET /api/webapp/apiCallDemo',
  'POST /api/openapi/getJsonApiFormat',
  'POST /api/openapi/getLoraUploadUrl',
  'POST /task/openapi/upload',
  'POST /task/openapi/create',
  'POST /task/openapi/ai-app/run',
  'POST /task/openapi/status',
  'POST /task/openapi/outputs',
  'POST /task/openapi/cancel',
  'POST /task/openapi/getWebhookDetail',
  'POST /task/openapi/retryWebhook',
  'POST /uc/openapi/accountStatus',
  'POST /openapi/v2/media/upload/binary',
  'POST /openapi/v2/run/ai-app/:id',
  'POST /openapi/v2/run/workflow/:id',
  'POST /openapi/v2/query',
  'GET /openapi/v2/queue/status',
  'POST /v1/upload',
  'POST /v1/workflows/:id/run',
  'GET /v1/tasks/:id',
  'GET /output',
  'GET /input',
  'PUT /lora',
] as const;
export const RouteName = z.enum(ROUTES);
export type RouteName = z.infer<typeof RouteName>;

/**
 * What becomes of the next requests of a route: a code in the route's own envelope, a fault, or a body as it stands.
 * With `after` the request is handled first (a task is created, a file kept) and only its answer is lost.
 */
export const Step = z
  .strictObject({
    times: z.number().int().min(1).max(1_000_000).default(1),
    after: z.boolean().default(false),
    code: z.number().int().optional(),
    msg: z.string().optional(),
    fault: z.enum(['cut', 'hang', 'html', 'half', 'empty']).optional(),
    body: z.string().optional(),
    /** HTTP status. Otherwise 502 for html and 200 for the rest, but 401 for code -1. */
    status: z.number().int().min(200).max(599).optional(),
  })
  .refine(({ code, fault, body }) => [code, fault, body].filter((one) => one !== undefined).length === 1, 'A step is a code, a fault or a body.');
export type Step = z.infer<typeof Step>;
