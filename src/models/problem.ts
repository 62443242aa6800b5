import { z } from 'zod';
import { errorCodes } from '../constants/error-codes.ts';

/** One fault of a workflow or of a request, as an entry of `errors[]`. */
export const Fault = z
  .object({
    node_id: z.string().optional(),
    class_type: z.string().optional(),
    /** Input of the node, or path of the field in the request body. */
    input: z.string().optional(),
    /** ComfyUI's own word (`value_not_in_list`, `required_input_missing`, …) or ours (`cycle`, `ui_format`, …). */
    type: z.string(),
    reason: z.string(),
    /** The allowed value nearest to the one given, where the input is a list. */
    nearest: z.string().optional(),
  })
  .meta({ id: 'Fault', description: 'One thing that is wrong, with its place.' });
export type Fault = z.infer<typeof Fault>;

/** RFC 9457 problem details, with our code. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(errorCodes),
    request_id: z.string(),
    retryable: z.boolean(),
    prompt_id: z.string().optional(),
    task_id: z.string().optional().meta({ description: 'The task of this gateway that the refused call had begun.' }),
    msg: z.string().optional().meta({ description: 'As `detail`, on the paths that answer `{code, msg, data}`.' }),
    data: z.null().optional().meta({ description: 'On these paths.' }),
    errors: z.array(Fault).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });
export type Problem = z.infer<typeof Problem>;
