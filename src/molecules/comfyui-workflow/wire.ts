import { z } from 'zod';
import { NodeErrors } from '../../models/comfyui.ts';

/** 200 of POST /prompt. `number` is echoed as a float when it was given. */
export const Accepted = z.looseObject({ prompt_id: z.string(), number: z.number(), node_errors: z.union([NodeErrors, z.array(z.unknown()).transform(() => ({}))]).catch({}) });
