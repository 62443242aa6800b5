import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { gone, ScriptedTaskEngine } from '../../../tests/support/scripted-task-engine.ts';
import type { EngineConfig } from '../../models/engine-config.ts';
import type { Template, TemplateInput } from '../../models/template.ts';
import { Catalog } from './catalog.ts';

const targets = [{ node: '1', input: 'value' }];
const template = (name: string, inputs: Record<string, TemplateInput> = {}): Template => ({ name, title: `Title of ${name}`, description: 'd', workflow: { '1': { class_type: 'X', inputs: {} } }, inputs, outputs: ['1'] });
const step = { name: 'first', engine: 'comfyui', template: 'say', description: 'says', inputs: undefined };
const config: EngineConfig = { engines: new Map([['comfyui', { type: 'comfyui', description: 'usual', config: {} }]]), pipelines: new Map([['off', { name: 'off', enabled: false, description: undefined, steps: [step] }], ['speak', { name: 'speak', enabled: true, description: undefined, steps: [step] }]]) };
const something: unknown = expect.anything();
const forEver = new AbortController().signal;

function catalogOf(templates: readonly Template[], engines: readonly ScriptedTaskEngine[] = []): Catalog {
  return new Catalog({
    templates: { all: () => templates, find: (name) => templates.find((one) => one.name === name) },
    ...{ config, engines: new Map(engines.map((engine) => [engine.name, engine])), random: () => 7n },
    store: { loads: () => Promise.resolve(new Map([['comfyui', { pending: 3, processing: 2 }]])) },
  });
}

const say = template('say', { text: { type: 'string', targets }, seed: { type: 'integer', default: 'random', targets } });

describe('templates', () => {
  it('are told with their inputs, but not where those go, and a body to begin with', () => {
    expect(catalogOf([say]).templates()).toEqual([{
      ...{ name: 'say', title: 'Title of say', description: 'd', outputs: ['1'] },
      inputs: [{ name: 'text', type: 'string', required: true }, { name: 'seed', type: 'integer', default: 'random', required: false }],
      example: { template: 'say', inputs: { text: 'a lighthouse at dusk' } },
    }]);
  });

  it('are told one by one with their graphs; NOT_FOUND for another', () => {
    expect(catalogOf([say]).template('say')).toMatchObject({ name: 'say', workflow: say.workflow });
    expect(() => catalogOf([say]).template('x')).toThrow(/template "x"/);
  });

  it('become graphs with the values of their examples', () => {
    const catalog = catalogOf([say]);
    expect(catalog.graph('say', { text: 'hello', seed: 5 })).toEqual({ '1': { class_type: 'X', inputs: { value: 5 } } });
    expect(() => catalog.graph('say', {})).toThrow(/inputs\.text/);
    expect(() => catalog.graph('x', {})).toThrow('there is no template "x"; there are: say.');
  });

  it.each<[string, TemplateInput]>([
    ['an integer with a least value', { type: 'integer', min: 512, targets }],
    ['an integer with a greatest value below one', { type: 'integer', max: -5, targets }],
    ['a number with a greatest value below one', { type: 'number', max: 0.5, targets }],
    ['a short text', { type: 'string', max_length: 4, targets }],
    ['a long text', { type: 'string', min_length: 100, targets }],
    ['a boolean', { type: 'boolean', targets }],
    ['one of several words', { type: 'enum', values: ['a', 'b'], targets }],
  ])('have an example that they take themselves: %s', (_, input) => {
    const catalog = catalogOf([template('one', { value: input })]);
    expect(catalog.example('one')).toMatchObject({ '1': { inputs: { value: something } } });
  });
});

describe('a complete graph', () => {
  it('has every input of its template at all its targets, also where it may be left out', () => {
    const at = (...inputs: string[]) => inputs.map((input) => ({ node: '1', input }));
    const inputs: Record<string, TemplateInput> = {
      size: { type: 'integer', min: 16, required: false, targets: at('width', 'height') },
      seed: { type: 'integer', default: 'random', targets: at('seed') },
      mode: { type: 'enum', values: ['a', 'b'], default: 'b', targets: at('mode') },
      mask: { type: 'image', required: false, targets: at('file') },
    };
    const catalog = catalogOf([template('one', inputs)]);
    expect(catalog.complete('one')).toEqual({ '1': { class_type: 'X', inputs: { width: 16, height: 16, seed: 1, mode: 'a', file: 'https://example.org/picture.png' } } });
    expect(() => catalog.complete('two')).toThrow('there is no template "two"; there are: one.');
  });
});

describe('the schema of a new task', () => {
  it('has each template with its own inputs, however often it is asked for and whatever its name', () => {
    const catalog = catalogOf([say, template('a-b'), template('a_b')]);
    const written = (): string => JSON.stringify(z.toJSONSchema(catalog.newTask(), { unrepresentable: 'any', io: 'input' }));
    expect(written()).toContain('Title of a-b');
    expect(written()).toBe(written());
    expect(written()).toContain('Title of a_b');
  });

  it('has each pipeline that is switched on with its own inputs, and a title for every way', () => {
    const { $defs = {} } = z.toJSONSchema(catalogOf([say]).newTask(), { unrepresentable: 'any', io: 'input' });
    expect($defs['Task_SPEAK']).toMatchObject({ title: 'pipeline: SPEAK', required: ['task_type', 'text'], additionalProperties: false, properties: { task_type: { const: 'SPEAK' }, text: { type: 'string' }, seed: { type: 'integer' }, priority: something } });
    expect($defs['Task_SPEAK']?.properties).not.toHaveProperty('engine');
    expect($defs['Task_OFF']).toBeUndefined();
    expect(Object.values($defs).map(({ title }) => title).filter((title) => /^(template|graph|pipeline)/.test(title ?? '')).sort()).toEqual(['graph', 'pipeline: SPEAK', 'pipeline: any', 'template: any', 'template: say']);
  });

  it('has examples of what is there: a template and a pipeline that is switched on', () => {
    expect(catalogOf([say]).taskExamples()).toEqual({ template: { template: 'say', inputs: { text: 'a lighthouse at dusk' } }, pipeline: { task_type: 'SPEAK', text: 'a lighthouse at dusk' } });
    expect(catalogOf([say, template('text-to-image')]).taskExamples()).toMatchObject({ template: { template: 'text-to-image' } });
    expect(catalogOf([]).taskExamples()).toEqual({ pipeline: { task_type: 'SPEAK' } });
  });
});

describe('engines', () => {
  it('are told with how they are, what they can take and what they have to do', async () => {
    expect(await catalogOf([], [new ScriptedTaskEngine('comfyui'), new ScriptedTaskEngine('other')]).engines(forEver)).toEqual({
      engines: [
        { name: 'comfyui', type: 'comfyui', description: 'usual', healthy: true, running: 2, pending: 3, capacity: 10 },
        { name: 'other', type: 'comfyui', healthy: true, running: 0, pending: 0, capacity: 10 },
      ],
      pipelines: [expect.objectContaining({ name: 'off', enabled: false }), { name: 'speak', task_type: 'SPEAK', enabled: true, steps: [{ name: 'first', engine: 'comfyui', template: 'say', description: 'says' }], inputs: [], example: { task_type: 'SPEAK' } }],
    });
  });

  it('are told to be ill where they do not say how they are', async () => {
    const [broken, slow] = [new ScriptedTaskEngine('broken'), new ScriptedTaskEngine('slow')];
    broken.health = () => Promise.reject(new TypeError('no route'));
    slow.health = (signal?: AbortSignal) => (signal ? gone(signal) : Promise.reject(new TypeError('no signal')));
    const { engines } = await catalogOf([], [broken, slow]).engines(AbortSignal.timeout(20));
    expect(engines).toMatchObject([{ name: 'broken', healthy: false, reason: 'no route' }, { name: 'slow', healthy: false }]);
  });
});
