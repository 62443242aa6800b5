import { describe, expect, it } from 'vitest';
import type { PipelineStep } from '../../models/engine-config.ts';
import type { Template, TemplateInput } from '../../models/template.ts';
import { inputsOf } from './pipeline-inputs.ts';

const targets = [{ node: '1', input: 'value' }];
const template = (name: string, inputs: Record<string, TemplateInput>): Template => ({ name, title: name, description: '', workflow: {}, inputs, outputs: undefined });
const draw = template('draw', { prompt: { type: 'string', max_length: 9, targets }, seed: { type: 'integer', default: 'random', targets } });
const enlarge = template('enlarge', { image: { type: 'image', targets }, factor: { type: 'number', default: 2, min: 1, targets }, prompt: { type: 'string', max_length: 5, targets } });
const templates = { find: (name: string) => [draw, enlarge].find((one) => one.name === name) };

const step = (inputs: Record<string, unknown> | undefined, of: string | undefined = 'draw'): PipelineStep => ({ name: 'a', engine: 'comfyui', template: of, description: undefined, inputs });
const found = (...steps: PipelineStep[]) => inputsOf({ steps }, templates);

describe('the inputs of a pipeline', () => {
  it('are those of the template where a step says nothing of its own', () => {
    expect(found(step(undefined))).toEqual([{ name: 'prompt', required: true, declared: draw.inputs['prompt'] }, { name: 'seed', required: false, declared: draw.inputs['seed'] }]);
  });

  it('are what the expressions name, with the type of what they are handed on to', () => {
    expect(found(step({ image: '${input.photo}', factor: '${input.size:-4}' }, 'enlarge'))).toEqual([
      { name: 'photo', required: true, declared: { type: 'image', required: true, targets } },
      { name: 'size', required: false, declared: { type: 'number', min: 1, default: 4, required: false, targets } },
    ]);
  });

  it('must be given although the template has a default, where the step has none', () => {
    expect(found(step({ factor: '${input.size}' }, 'enlarge'))).toEqual([{ name: 'size', required: true, declared: { type: 'number', min: 1, required: true, targets } }]);
  });

  it('have no type where they become part of a text, go to no template, or to inputs of several types', () => {
    expect(found(step({ prompt: 'a ${input.what}, ${input.style:-oil}' }))).toEqual([{ name: 'what', required: true, declared: undefined }, { name: 'style', required: false, declared: undefined }]);
    expect(found(step({ anything: ['${input.list}'] }, undefined))).toEqual([{ name: 'list', required: true, declared: undefined }]);
    expect(found(step({ prompt: '${input.it}' }), step({ factor: '${input.it}' }, 'enlarge'))).toEqual([{ name: 'it', required: true, declared: undefined }]);
  });

  it('have the type that all their places agree on, without bounds that one of them may not have', () => {
    expect(found(step({ prompt: '${input.words}' }), step({ prompt: '${input.words:-x}' }, 'enlarge'))).toEqual([{ name: 'words', required: true, declared: { type: 'string', required: true, targets } }]);
  });

  it('leave a default out that the template does not take', () => {
    expect(found(step({ factor: '${input.size:-large}' }, 'enlarge'))).toEqual([{ name: 'size', required: false, declared: { type: 'number', min: 1, required: false, targets } }]);
  });

  it('are never options of tasks, nor what earlier steps made', () => {
    expect(found(step({ prompt: '${input.priority}', seed: '${input.task_type}' }), step({ image: '${steps.a.outputs[0]}' }, 'enlarge'))).toEqual([]);
  });
});
