import { z } from 'zod';
import { errorCodes } from '../constants/error-codes.ts';
import { OutputFile } from './file.ts';

/** Why a prompt failed. `node_id`, `class_type` and the exception come from ComfyUI when a node raised. */
export const PromptError = z
  .object({
    code: z.enum(errorCodes),
    reason: z.string(),
    node_id: z.string().optional(),
    class_type: z.string().optional(),
    exception_type: z.string().optional(),
    exception_message: z.string().optional(),
    traceback: z.array(z.string()).optional(),
    hint: z.string().optional().meta({ description: 'What happened and what to do, in plain words, where the failure is a well-known one.' }),
  })
  .meta({ id: 'PromptError' });
export type PromptError = z.infer<typeof PromptError>;

export const PromptProgress = z
  .object({
    node: z.string().nullable().meta({ description: 'Node that runs now.' }),
    class_type: z.string().optional(),
    value: z.number().optional(),
    max: z.number().optional(),
    overall: z.number().min(0).max(1).meta({ description: 'Share of the whole prompt; never goes back.' }),
  })
  .meta({ id: 'PromptProgress' });
export type PromptProgress = z.infer<typeof PromptProgress>;

export const promptStates = ['queued', 'running', 'completed', 'failed', 'interrupted'] as const;

export const PromptState = z
  .object({
    prompt_id: z.string(),
    task_id: z.string().optional().meta({ description: 'The task that it is a run of.' }),
    state: z.enum(promptStates),
    instance: z.string(),
    client_id: z.string().optional(),
    number: z.number().optional(),
    position: z.int().optional().meta({ description: 'Prompts before this one on its instance, while queued: 0 is next.' }),
    progress: PromptProgress.optional(),
    outputs: z.array(OutputFile).optional(),
    error: PromptError.optional(),
    reason: z.string().optional().meta({ description: 'Why it was interrupted.' }),
    created_at: z.number().optional(),
    started_at: z.number().optional(),
    ended_at: z.number().optional(),
    seq: z.int().optional().meta({ description: 'Number of the newest state message of this prompt.' }),
  })
  .meta({ id: 'PromptState' });
export type PromptState = z.infer<typeof PromptState>;
