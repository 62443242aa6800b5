import { z } from 'zod';
import { Fault } from './problem.ts';
import { Workflow } from './workflow.ts';

/** Typed clients send `null` for what they leave out. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined).optional();

export const DiagnosisRequest = z
  .strictObject({
    workflow: optional(Workflow),
    template: optional(z.string().min(1).max(200)).meta({ description: 'Name of a template, instead of a workflow.' }),
    inputs: optional(z.record(z.string(), z.unknown())).meta({ description: 'Values for the inputs of the template.' }),
  })
  .refine(({ workflow, template }) => (workflow === undefined) !== (template === undefined), { path: ['workflow'], error: 'give either workflow or template' })
  .refine(({ template, inputs }) => inputs === undefined || template !== undefined, { path: ['inputs'], error: 'belong to a template' })
  .meta({ id: 'DiagnosisRequest', description: 'Exactly one of workflow and template.' });
export type DiagnosisRequest = z.infer<typeof DiagnosisRequest>;

export const InstanceDiagnosis = z
  .object({
    instance: z.string(),
    checked: z.boolean().meta({ description: 'Whether the instance said which nodes it has.' }),
    reason: z.string().optional().meta({ description: 'Why it was not checked.' }),
    valid: z.boolean().meta({ description: 'Nothing is wrong with the workflow there.' }),
    errors: z.array(Fault),
    warnings: z.array(Fault).meta({ description: 'The workflow runs in spite of these.' }),
  })
  .meta({ id: 'InstanceDiagnosis' });
export type InstanceDiagnosis = z.infer<typeof InstanceDiagnosis>;

export const DiagnosisAnswer = z
  .object({
    valid: z.boolean().meta({ description: 'On at least one instance.' }),
    instances: z.array(InstanceDiagnosis),
    errors: z.array(Fault).meta({ description: 'What is wrong whatever the instance.' }),
  })
  .meta({ id: 'DiagnosisAnswer' });
export type DiagnosisAnswer = z.infer<typeof DiagnosisAnswer>;
