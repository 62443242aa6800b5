import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import { type EngineConfig, type Pipeline, type PipelineStep, RunninghubEngineEntry } from '../../models/engine-config.ts';
import type { TaskRequest } from '../../models/task.ts';
import type { Template, TemplateInput } from '../../models/template.ts';
import { type Planned, Planning } from './planning.ts';

const target = [{ node: '1', input: 'value' }];
const template = (name: string, inputs: Record<string, TemplateInput>): Template => ({ name, title: name, description: '', workflow: { '1': { class_type: 'X', inputs: {} } }, inputs, outputs: undefined });
const draw = template('draw', { prompt: { type: 'string', targets: target }, seed: { type: 'integer', default: 'random', targets: target } });
const enlarge = template('enlarge', { image: { type: 'image', targets: target }, factor: { type: 'number', default: 2, targets: target } });
const templates = [draw, enlarge];

const step = (name: string, over: Partial<PipelineStep> = {}): PipelineStep => ({ name, engine: 'comfyui', template: 'draw', description: undefined, inputs: undefined, ...over });
const pipelines: Pipeline[] = [
  { name: 'both', enabled: true, description: undefined, steps: [step('first'), step('second', { template: 'enlarge', inputs: { image: '${steps.first.outputs[0]}', factor: '${input.factor:-4}' } })] },
  { name: 'off', enabled: false, description: undefined, steps: [step('first')] },
];
const config: EngineConfig = { engines: new Map(), pipelines: new Map(pipelines.map((one) => [one.name, one])) };
const planning = new Planning({ templates: { all: () => templates, find: (name) => templates.find((one) => one.name === name) }, config, engines: new Map([['comfyui', 1], ['big', 2]]), random: () => 42n, checkUrl: () => undefined });

const plan = (order: TaskRequest): Planned => planning.plan(order);
const pipeline = (request: Record<string, unknown>): Planned => plan({ kind: 'pipeline', request: { task_type: 'BOTH', ...request } });

function refusal(deed: () => unknown): GatewayError {
  try {
    deed();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new TypeError('nothing was refused');
}

describe('a step on an engine that runs something of its own', () => {
  const hub = RunninghubEngineEntry.parse({ type: 'runninghub', config: { api_key: 'k', workflow_id: '1' } });
  const form = { ...enlarge, name: 'hub', workflow: {} };
  const hosted = new Planning({
    templates: { all: () => templates, find: (name) => templates.find((one) => one.name === name) },
    config: { engines: new Map([['hub', hub]]), pipelines: new Map([['grow', { name: 'grow', enabled: true, description: undefined, steps: [step('only', { engine: 'hub', template: undefined, form })] }]]) },
    engines: new Map([['comfyui', 1], ['hub', 2]]), random: () => 42n, checkUrl: () => undefined,
  });

  it('has its values checked against what that takes', () => {
    expect(hosted.plan({ kind: 'pipeline', request: { task_type: 'GROW', image: 'a.png' } }).plan.steps).toMatchObject([{ engine: 'hub', template: form, inputs: { image: 'a.png', factor: 2 } }]);
    expect(refusal(() => hosted.plan({ kind: 'pipeline', request: { task_type: 'GROW', image: 'a.png', facto: 3 } })).faults).toMatchObject([{ input: 'facto', nearest: 'factor' }]);
    expect(refusal(() => hosted.plan({ kind: 'pipeline', request: { task_type: 'GROW' } })).faults).toMatchObject([{ input: 'image' }]);
  });

  it('is the only thing that runs there', () => {
    expect(refusal(() => hosted.plan({ kind: 'template', request: { template: 'draw', inputs: { prompt: 'x' }, engine: 'hub' } })).detail).toContain('no templates or graphs');
    expect(refusal(() => hosted.plan({ kind: 'workflow', request: { workflow: { '1': { class_type: 'X', inputs: {} } }, engine: 'hub' } })).detail).toContain('no templates or graphs');
  });
});

describe('a task from a template', () => {
  it('has its values checked, defaults filled in and random numbers drawn for good', () => {
    const { kind, type, name, plan: made } = plan({ kind: 'template', request: { template: 'draw', inputs: { prompt: 'a lighthouse' } } });
    expect({ kind, type, name }).toEqual({ kind: 'template', type: 'TEMPLATE', name: 'draw' });
    expect(made).toEqual({ inputs: { prompt: 'a lighthouse' }, steps: [{ name: '', engine: 'comfyui', template: draw, workflow: undefined, inputs: { prompt: 'a lighthouse', seed: 42 }, deferred: false, extraData: undefined }] });
  });

  it('is refused with each value that is wrong, by the names of the call', () => {
    const error = refusal(() => plan({ kind: 'template', request: { template: 'draw', inputs: { promt: 'x', seed: 'y' } } }));
    expect(error.code).toBe('VALIDATION_ERROR');
    expect(error.faults.map(({ input, type }) => [input, type])).toEqual([['inputs.promt', 'unknown_input'], ['inputs.prompt', 'required_input_missing'], ['inputs.seed', expect.any(String)]]);
  });

  it('is refused where there is no such template, and told of the nearest one', () => {
    expect(refusal(() => plan({ kind: 'template', request: { template: 'drwa' } })).faults).toMatchObject([{ input: 'template', nearest: 'draw', reason: 'there is no template "drwa"; there are: draw, enlarge' }]);
    expect(refusal(() => plan({ kind: 'template', request: { template: 'x'.repeat(200) } })).message.length).toBeLessThan(300);
  });

  it('runs on the engine that it names, if that is registered', () => {
    expect(plan({ kind: 'template', request: { template: 'draw', inputs: { prompt: 'x' }, engine: 'big' } }).plan.steps[0]?.engine).toBe('big');
    expect(refusal(() => plan({ kind: 'template', request: { template: 'draw', inputs: { prompt: 'x' }, engine: 'bigger' } }))).toMatchObject({ code: 'ENGINE_NOT_REGISTERED', detail: 'engine "bigger"; registered: comfyui, big.' });
  });

  it('whose texts look like expressions keeps them as they are', () => {
    const { plan: made } = plan({ kind: 'template', request: { template: 'draw', inputs: { prompt: '${steps.first.outputs[0]}' } } });
    expect(made.steps[0]).toMatchObject({ deferred: false, inputs: { prompt: '${steps.first.outputs[0]}' } });
  });
});

describe('a task from a graph', () => {
  it('takes the graph as it is', () => {
    const workflow = { '1': { class_type: 'X', inputs: {} } };
    expect(plan({ kind: 'workflow', request: { workflow, extra_data: { a: 1 } } })).toMatchObject({ kind: 'workflow', type: 'WORKFLOW', name: '', plan: { inputs: {}, steps: [{ workflow, extraData: { a: 1 } }] } });
  });

  it('is refused for what is no graph', () => {
    expect(refusal(() => plan({ kind: 'workflow', request: { workflow: { '1': 'x' } } }))).toMatchObject({ code: 'WORKFLOW_VALIDATION_ERROR', faults: [{ node_id: '1', type: 'invalid_node' }] });
  });
});

describe('a task from a pipeline', () => {
  it('fixes the values of steps that need nothing of earlier ones, and leaves the others for their turn', () => {
    const { kind, type, name, plan: made } = pipeline({ prompt: 'a lighthouse', priority: 5, metadata: { a: 1 } });
    expect({ kind, type, name, inputs: made.inputs }).toEqual({ kind: 'pipeline', type: 'BOTH', name: 'both', inputs: { prompt: 'a lighthouse' } });
    expect(made.steps).toMatchObject([
      { name: 'first', template: draw, deferred: false, inputs: { prompt: 'a lighthouse', seed: 42 } },
      { name: 'second', template: enlarge, deferred: true, inputs: { image: '${steps.first.outputs[0]}', factor: '${input.factor:-4}' } },
    ]);
  });

  it('gives a step that says nothing of inputs those that its template has, and not those of other steps', () => {
    expect(pipeline({ prompt: 'a lighthouse', factor: 3 }).plan.steps[0]?.inputs).toEqual({ prompt: 'a lighthouse', seed: 42 });
  });

  it('is found whatever the case of its name', () => {
    expect(pipeline({ task_type: 'Both', prompt: 'x' }).type).toBe('BOTH');
  });

  it('is refused for inputs that no step asks for, each with the nearest that one does', () => {
    const { faults } = refusal(() => pipeline({ prompt: 'x', facter: 2, zzzzzzzz: 1 }));
    expect(faults.map(({ input, nearest }) => [input, nearest])).toEqual([['facter', 'factor'], ['zzzzzzzz', undefined]]);
    expect(faults[0]?.reason).toBe('pipeline both has no input "facter"; it has: prompt, seed, factor');
  });

  it('is refused for values that a step would refuse, by the names of the call', () => {
    expect(refusal(() => pipeline({})).faults).toMatchObject([{ input: 'prompt', type: 'required_input_missing' }]);
  });

  it('is refused where it names an engine, is switched off, or does not exist', () => {
    expect(refusal(() => pipeline({ prompt: 'x', engine: 'big' })).message).toContain('leave "engine" out');
    expect(refusal(() => pipeline({ task_type: 'OFF' })).message).toContain('pipelines.off.enabled');
    expect(refusal(() => pipeline({ task_type: 'BOHT' })).faults).toMatchObject([{ input: 'task_type', nearest: 'BOTH', reason: 'there is no task_type "BOHT"; there are: BOTH' }]);
  });
});

describe('what is wrong', () => {
  it('is told of three things as a sentence, and of all as faults', () => {
    const inputs = Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`unknown${n}`, 1]));
    const error = refusal(() => plan({ kind: 'template', request: { template: 'draw', inputs: { prompt: 'x', ...inputs } } }));
    expect(error.faults).toHaveLength(6);
    expect(error.detail).toMatch(/inputs\.unknown2: .* \(and 3 more\)$/s);
    expect(error.detail).not.toContain('unknown3');
  });
});
