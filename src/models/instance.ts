import { z } from 'zod';

/** One ComfyUI server of the pool. `name` is its host and port: shown, stored, stable over restarts. */
export interface Instance {
  readonly name: string;
  /** Base URL without a trailing slash and without credentials. */
  readonly url: string;
  /** Extra headers for every call, from `user:password@` of the configured URL. Secret. */
  readonly headers: Readonly<Record<string, string>>;
}

export const InstanceStatus = z
  .object({
    instance: z.string(),
    healthy: z.boolean().meta({ description: 'Its event socket is open.' }),
    sandbox: z.boolean(),
    passed_over_until: z.number().optional().meta({ description: 'Milliseconds since 1970: it failed to take prompts, and gets none before unless it is the only one.' }),
    queue_remaining: z.int().optional(),
    in_flight: z.int().meta({ description: 'Prompts of this gateway that have not ended.' }),
    connects: z.int(),
    drops: z.int(),
    connected_at: z.number().optional(),
    uptime_seconds: z.number().optional().meta({ description: 'Since the event socket was opened last.' }),
    last_error: z.string().optional(),
    comfyui_version: z.string().optional(),
  })
  .meta({ id: 'InstanceStatus' });
export type InstanceStatus = z.infer<typeof InstanceStatus>;

export const Readiness = z.object({ ready: z.boolean(), instances: z.array(InstanceStatus) }).meta({ id: 'Readiness' });
export type Readiness = z.infer<typeof Readiness>;
