import { z } from 'zod';
import { limits } from '../constants/limits.ts';

const reserved = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/** Ids of ours and of callers: safe as one path segment on every file system. */
export const PromptId = z
  .string()
  .max(limits.idLength)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'must be letters, digits, "-" and "_", beginning with a letter or digit')
  .refine((id) => !reserved.test(id), 'is a name that Windows keeps for itself')
  .meta({ id: 'PromptId', description: 'Names one submission. A UUID when the gateway chooses it.' });

export const ClientId = z
  .string()
  .max(limits.idLength)
  .regex(/^[\w.:@-]+$/, 'must be letters, digits and . : @ _ -')
  .meta({ id: 'ClientId', description: 'Names whoever watches. Sockets opened under it receive what happens to its prompts. Scoped to the API key.' });

/** A graph in API format: node id → `{class_type, inputs}`. Values stay as they are: seeds go up to 2^64-1. */
export const Workflow = z
  .record(z.string(), z.unknown())
  .meta({ id: 'Workflow', description: 'A ComfyUI graph in API format: node id to {class_type, inputs}. Integers up to 2^64-1 keep every digit.' });
export type Workflow = z.infer<typeof Workflow>;

/** Typed clients send `null` for what they leave out. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined).optional();

export const SubmitRequest = z
  .strictObject({
    workflow: Workflow,
    client_id: optional(ClientId),
    prompt_id: optional(PromptId),
    front: optional(z.boolean()).meta({ description: 'Put the prompt before the others in the queue of its instance.' }),
    extra_data: z.record(z.string(), z.unknown()).optional().meta({ description: 'Passed to ComfyUI; extra_pnginfo is embedded in saved PNGs.' }),
  })
  .meta({ id: 'SubmitRequest' });
export type SubmitRequest = z.infer<typeof SubmitRequest>;

/** What the gateway itself may say of a prompt, beside what callers may: bodies from outside cannot carry it. */
export interface InternalOptions {
  /** The task that the prompt is a run of. Its id was chosen by us, and nobody used it before. */
  readonly taskId?: string | undefined;
  /** Instances that other healthy ones are preferred to. */
  readonly avoid?: readonly string[] | undefined;
  /** The only instances that it may go to. */
  readonly only?: readonly string[] | undefined;
  /** Gives it up for as long as no instance may have it; without it, nothing does. */
  readonly halt?: AbortSignal | undefined;
}

export const SubmitAnswer = z
  .object({
    prompt_id: z.string(),
    number: z.number().meta({ description: 'Place in the order of the instance: lower runs first.' }),
    client_id: z.string(),
    instance: z.string(),
    node_errors: z.record(z.string(), z.unknown()).meta({ description: 'Outputs that ComfyUI leaves out of this run, by node id.' }),
    warnings: z.array(z.string()).optional(),
  })
  .meta({ id: 'SubmitAnswer' });
export type SubmitAnswer = z.infer<typeof SubmitAnswer>;

export const InterruptRequest = z.strictObject({ prompt_id: optional(PromptId) }).meta({ id: 'InterruptRequest' });

/** What really became of a prompt that somebody asked to stop. */
export const interruptOutcomes = ['removed', 'interrupted', 'already_finished', 'interrupt_requested'] as const;
export const InterruptAnswer = z
  .object({ results: z.array(z.object({ prompt_id: z.string(), outcome: z.enum(interruptOutcomes) })) })
  .meta({
    id: 'InterruptAnswer',
    description: 'removed: it had not begun. interrupted: it was stopped. already_finished: it ended by itself. interrupt_requested: ComfyUI has the order, the running node does not react yet.',
  });
export type InterruptAnswer = z.infer<typeof InterruptAnswer>;
export type InterruptOutcome = (typeof interruptOutcomes)[number];
