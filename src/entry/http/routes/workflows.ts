import { z } from 'zod';
import { service } from '../../../constants/service.ts';
import { DiagnosisAnswer, DiagnosisRequest } from '../../../models/diagnosis.ts';
import { OutputFile } from '../../../models/file.ts';
import { PromptState } from '../../../models/prompt-state.ts';
import { InterruptAnswer, InterruptRequest, PromptId, SubmitAnswer, SubmitRequest, type Workflow } from '../../../models/workflow.ts';
import { route, type Route } from '../route.ts';
import { bytesOf, type RouteDeps } from './deps.ts';

const OnePrompt = z.object({ prompt_id: PromptId });
const HistoryEntry = z.record(z.string(), z.unknown()).meta({ id: 'HistoryEntry', description: "ComfyUI's own history entry: prompt, outputs, status, meta. Integers up to 2^64-1 keep every digit." });
const OutputFiles = z.array(OutputFile);

const small = {
  '1': { class_type: 'EmptyImage', inputs: { width: 512, height: 512, batch_size: 1, color: 3_368_601 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'ComfyUI' } },
};
const examples = { smallest: { workflow: small }, watched: { workflow: small, client_id: 'my_client', front: true } };

export function workflowRoutes(deps: Pick<RouteDeps, 'config' | 'workflows' | 'catalog'>): Route[] {
  const { config, workflows } = deps;
  return [
    route({
      method: 'post',
      path: `${service.api}/workflows/submit`,
      id: 'submitWorkflow',
      tag: 'Workflows',
      summary: 'Submit a workflow',
      description: 'Checks the graph, hands it to the least busy healthy instance and answers as soon as that instance has queued it. Watch it over the WebSocket under the `client_id`, or ask for its state.',
      body: SubmitRequest,
      bodyLimit: { bytes: bytesOf(config.MAX_WORKFLOW_MB), name: 'MAX_WORKFLOW_MB' },
      examples,
      answers: { 200: { description: 'Queued.', schema: SubmitAnswer } },
      errors: ['WORKFLOW_VALIDATION_ERROR', 'CONFLICT', 'CONNECTION_ERROR', 'QUEUE_FULL', 'UPSTREAM_ERROR'],
      run: ({ caller, body, signal }) => workflows.submit(caller, body, signal),
    }),
    route({
      method: 'post',
      path: `${service.api}/workflows/interrupt`,
      id: 'interruptWorkflow',
      tag: 'Workflows',
      summary: 'Stop a prompt',
      description: 'With a `prompt_id` stops that prompt, whether it waits or runs; without one, everything of the caller that runs now.',
      body: InterruptRequest,
      bodyOptional: true,
      answers: { 200: { description: 'What became of each.', schema: InterruptAnswer } },
      errors: ['NOT_FOUND', 'QUEUE_OPERATION_ERROR', 'CONNECTION_ERROR', 'UPSTREAM_ERROR'],
      run: ({ caller, body, signal }) => workflows.interrupt(caller, body.prompt_id, signal),
    }),
    validateRoute(deps),
    ...promptRoutes(workflows),
  ];
}

function validateRoute({ config, workflows, catalog }: Pick<RouteDeps, 'config' | 'workflows' | 'catalog'>): Route {
  /** Throws VALIDATION_ERROR for a template that is not there. */
  const graphOf = ({ workflow, template = '', inputs = {} }: DiagnosisRequest): Workflow => workflow ?? catalog.graph(template, inputs);
  return route({
    method: 'post',
    path: `${service.api}/workflows/validate`,
    id: 'validateWorkflow',
    tag: 'Workflows',
    summary: 'Say what is wrong with a workflow',
    description: 'Runs nothing. Looks at the graph, or at what a template becomes with its inputs, by what each instance says of its nodes: missing nodes and models with the nearest names, values out of range, missing inputs, links that do not fit. Answers 200 also when the workflow is not valid. Names of files in inputs that take uploads are not looked at.',
    body: DiagnosisRequest,
    bodyLimit: { bytes: bytesOf(config.MAX_WORKFLOW_MB), name: 'MAX_WORKFLOW_MB' },
    examples: { workflow: { workflow: small }, template: { template: 'text-to-image', inputs: { prompt: 'a lighthouse' } } },
    answers: { 200: { description: 'What is wrong, and where.', schema: DiagnosisAnswer } },
    errors: ['QUEUE_FULL'],
    run: async ({ caller, body, signal }) => workflows.diagnose(caller, graphOf(body), signal),
  });
}

function promptRoutes(workflows: RouteDeps['workflows']): Route[] {
  const errors = ['NOT_FOUND', 'CONNECTION_ERROR', 'PROMPT_LOST', 'UPSTREAM_ERROR'] as const;
  return [
    route({
      method: 'get',
      path: `${service.api}/workflows/{prompt_id}`,
      id: 'getWorkflow',
      tag: 'Workflows',
      summary: 'State of a prompt',
      description: 'Where it stands: place in the queue, progress, outputs or what went wrong.',
      params: OnePrompt,
      answers: { 200: { description: 'Its state now.', schema: PromptState } },
      errors,
      run: ({ caller, params, signal }) => workflows.state(caller, params.prompt_id, signal),
    }),
    route({
      method: 'get',
      path: `${service.api}/workflows/{prompt_id}/history`,
      id: 'getWorkflowHistory',
      tag: 'Workflows',
      summary: 'History entry of a prompt',
      description: 'The bare entry, not wrapped under its id. Integers beyond 2^53 are plain JSON numbers: parse them losslessly.',
      params: OnePrompt,
      answers: { 200: { description: 'The entry.', schema: HistoryEntry } },
      errors,
      run: ({ caller, params, signal }) => workflows.history(caller, params.prompt_id, signal),
    }),
    route({
      method: 'get',
      path: `${service.api}/workflows/{prompt_id}/images`,
      id: 'getWorkflowImages',
      tag: 'Workflows',
      summary: 'Outputs of a prompt',
      description: 'Each with a `url` to fetch it by. `[]` while nothing has come out.',
      params: OnePrompt,
      answers: { 200: { description: 'The outputs.', schema: OutputFiles } },
      errors,
      run: ({ caller, params, signal }) => workflows.images(caller, params.prompt_id, signal),
    }),
  ];
}
