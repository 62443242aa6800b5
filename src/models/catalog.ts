import { z } from 'zod';
import { EngineHealth } from './engine.ts';
import { Workflow } from './workflow.ts';

const InputView = z
  .looseObject({ name: z.string(), type: z.string(), required: z.boolean(), description: z.string().optional() })
  .meta({ id: 'TemplateInputView', description: 'With `default`, `min`, `max`, `values` and the like where there are such.' });

export const TemplateView = z
  .object({
    name: z.string(),
    title: z.string(),
    description: z.string(),
    inputs: z.array(InputView),
    outputs: z.array(z.string()).optional().meta({ description: 'Nodes whose files are the outputs; all where it is missing.' }),
    example: z.record(z.string(), z.unknown()).meta({ description: 'A body for POST /api/v1/tasks.' }),
  })
  .meta({ id: 'TemplateView' });
export type TemplateView = z.infer<typeof TemplateView>;

export const TemplateDetail = TemplateView.extend({ workflow: Workflow }).meta({ id: 'TemplateDetail' });
export type TemplateDetail = z.infer<typeof TemplateDetail>;

const PipelineInputView = z
  .looseObject({ name: z.string(), required: z.boolean(), type: z.string().optional().meta({ description: 'Where the template of a step tells.' }), description: z.string().optional() })
  .meta({ id: 'PipelineInputView', description: 'As the expressions of the steps tell, with what their templates say of it.' });

export const PipelineView = z
  .object({
    name: z.string(),
    task_type: z.string(),
    enabled: z.boolean(),
    description: z.string().optional(),
    steps: z.array(z.object({ name: z.string(), engine: z.string(), template: z.string().optional(), description: z.string().optional() })),
    inputs: z.array(PipelineInputView),
    example: z.record(z.string(), z.unknown()).meta({ description: 'A body for POST /api/v1/tasks.' }),
  })
  .meta({ id: 'PipelineView' });
export type PipelineView = z.infer<typeof PipelineView>;

export const EngineList = z.object({ engines: z.array(EngineHealth), pipelines: z.array(PipelineView) }).meta({ id: 'EngineList' });
export type EngineList = z.infer<typeof EngineList>;
