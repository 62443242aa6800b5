import { z } from 'zod';

/** GET /system_stats, the fields we read. The sandbox marks itself. */
export const SystemStats = z.looseObject({ system: z.looseObject({ comfyui_version: z.string().optional().catch(undefined), sandbox: z.boolean().optional().catch(undefined) }) });

/** One input of a node comes as `[["a", "b"], {…}]` or `["INT", {…}]` or `["COMBO", {"options": […]}]`. */
const Input = z.array(z.unknown());
export const ObjectInfo = z.record(
  z.string(),
  z.looseObject({
    input: z.looseObject({ required: z.record(z.string(), Input).catch({}), optional: z.record(z.string(), Input).catch({}) }).catch({ required: {}, optional: {} }),
    output: z.array(z.unknown()).optional().catch(undefined),
    output_node: z.boolean().catch(false),
  }),
);
export type ObjectInfo = z.infer<typeof ObjectInfo>;
