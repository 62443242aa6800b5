import { describe, expect, it } from 'vitest';
import type { InputDeclaration, NodeDeclarations } from '../../models/node-declaration.ts';
import { diagnose, isWarning } from './doctor.ts';

const input = (type: string, more: Partial<InputDeclaration> = {}): InputDeclaration => ({ type, options: undefined, upload: false, required: true, ...more });
const combo = (options: readonly string[], more: Partial<InputDeclaration> = {}): InputDeclaration => input('COMBO', { options, ...more });
const declared = (inputs: Readonly<Record<string, InputDeclaration>>, outputs: readonly string[] = [], outputNode = false) => ({ inputs: new Map(Object.entries(inputs)), outputNode, outputs });

const checkpoints = ['sd_xl_base_1.0.safetensors', 'v1-5-pruned-emaonly.ckpt'];
const server: NodeDeclarations = new Map([
  ['Load', declared({ ckpt_name: combo(checkpoints) }, ['MODEL', 'CLIP', 'VAE'])],
  ['Sample', declared({ model: input('MODEL'), seed: input('INT', { min: 0, max: 18446744073709551615n, default: 0 }), cfg: input('FLOAT', { min: 0, max: 100 }), sampler: combo(['euler', 'heun']), mask: input('MASK', { required: false }) }, ['IMAGE'])],
  ['Save', declared({ images: input('IMAGE') }, [], true)],
  ['Show', declared({ source: input('*', { required: false }) }, [], true)],
  ['Compare', declared({ a: input('IMAGE', { required: false }), b: input('IMAGE', { required: false }) }, [], true)],
  ['Picture', declared({ image: combo(['annas-photo.png'], { upload: true }) }, ['IMAGE', 'MASK'])],
  ['Latent', declared({ latent: combo(['annas.latent']) }, ['LATENT'])],
  ['Notes', declared({ file: combo(['plain']) }, ['STRING'])],
  ['Any', declared({ value: input('*', { required: false }), either: input('IMAGE,MASK', { required: false }), grown: input('COMFY_AUTOGROW_V3'), colour: input('COLOR', { required: false }), open: combo(['1'], { open: true, required: false }) }, ['*'])],
]);
const node = (class_type: string, inputs: Record<string, unknown> = {}) => ({ class_type, inputs });
const graph = (sample: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  '1': node('Load', { ckpt_name: checkpoints[0] }),
  '2': node('Sample', { model: ['1', 0], seed: 1, cfg: 8, sampler: 'euler', ...sample }),
  '3': node('Save', { images: ['2', 0] }),
  ...more,
});
/** Errors alone: where a link is broken, warnings tell of what nothing depends on any more. */
const faults = (workflow: Record<string, unknown>) => diagnose(workflow, server).filter((fault) => !isWarning(fault)).map((fault) => [fault.type, fault.node_id, fault.input]);

describe('the doctor', () => {
  it('has nothing to say of a sound workflow', () => {
    expect(diagnose(graph(), server)).toEqual([]);
  });

  it('names unknown classes with the nearest known one, also where nothing depends on them', () => {
    expect(diagnose(graph({}, { '9': node('Sampel') }), server)).toMatchObject([{ type: 'missing_node_type', node_id: '9', class_type: 'Sampel', nearest: 'Sample' }]);
  });

  it('looks at what feeds a node of an unknown class, which may be an output', () => {
    expect(faults({ '1': node('Load', { ckpt_name: 'none.ckpt' }), '2': node('Nowhere', { x: ['1', 0] }) })).toEqual([['missing_node_type', '2', undefined], ['missing_model', '1', 'ckpt_name']]);
  });

  it('names a missing model with the nearest one', () => {
    const [fault] = diagnose({ ...graph(), '1': node('Load', { ckpt_name: 'sd_xl_base.safetensors' }) }, server);
    expect(fault).toEqual({ type: 'missing_model', node_id: '1', class_type: 'Load', input: 'ckpt_name', nearest: 'sd_xl_base_1.0.safetensors', reason: 'Input "ckpt_name" of node "1" (Load) names the model "sd_xl_base.safetensors", which the instance does not have.' });
  });

  it.each([
    [{ sampler: 'eular' }, 'value_not_in_list', 'sampler'],
    [{ sampler: 7 }, 'value_not_in_list', 'sampler'],
    [{ sampler: { __value__: 'eular' } }, 'value_not_in_list', 'sampler'],
    [{ sampler: 'other.safetensors' }, 'missing_model', 'sampler'],
    [{ seed: -1 }, 'value_smaller_than_min', 'seed'],
    [{ seed: JSON.rawJSON('18446744073709551616') }, 'value_bigger_than_max', 'seed'],
    [{ seed: '18446744073709551616' }, 'value_bigger_than_max', 'seed'],
    [{ cfg: 100.5 }, 'value_bigger_than_max', 'cfg'],
    [{ cfg: 'much' }, 'invalid_input_type', 'cfg'],
    [{ cfg: 'nan' }, 'not_finite', 'cfg'],
    [{ seed: '1.5' }, 'invalid_input_type', 'seed'],
    [{ seed: null }, 'invalid_input_type', 'seed'],
    [{ seed: {} }, 'invalid_input_type', 'seed'],
    [{ model: 'a text' }, 'link_expected', 'model'],
    [{ model: ['1'] }, 'bad_linked_input', 'model'],
    [{ model: [1, 0] }, 'bad_linked_input', 'model'],
    [{ model: ['1', '0'] }, 'bad_linked_input', 'model'],
    [{ model: ['1', 0.5] }, 'bad_linked_input', 'model'],
    [{ model: ['1', 3] }, 'bad_linked_input', 'model'],
    [{ model: ['1', -4] }, 'bad_linked_input', 'model'],
    [{ model: ['1', JSON.rawJSON('18446744073709551615')] }, 'bad_linked_input', 'model'],
    [{ model: ['1', 1] }, 'return_type_mismatch', 'model'],
    [{ seed: ['1', 0] }, 'return_type_mismatch', 'seed'],
  ])('finds what is wrong with %j', (sample, type, where) => {
    expect(faults(graph(sample))).toEqual([[type, '2', where]]);
  });

  it.each([
    { seed: JSON.rawJSON('18446744073709551615') }, { seed: ' +1_000 ' }, { seed: true }, { seed: 1.9 }, { cfg: '1e1' }, { cfg: 100 }, { cfg: false },
    { model: ['1', -3] }, { model: { __value__: ['1', 0] } }, { undeclared: 'x' }, { sampler: 'somebodys.png' },
  ])('takes what ComfyUI takes: %j', (sample) => {
    expect(faults(graph(sample))).toEqual([]);
  });

  it('names required inputs that are missing, and what would do', () => {
    const { '1': load, '3': save } = graph();
    const told = diagnose({ '1': load, '2': node('Sample', { cfg: 1, sampler: 'heun' }), '3': save }, server);
    expect(told.filter((fault) => !isWarning(fault)).map((fault) => fault.reason)).toEqual([
      'Input "model" of node "2" (Sample) is missing: link it to an output of type MODEL.',
      'Input "seed" of node "2" (Sample) is missing; the page of ComfyUI fills in 0.',
    ]);
  });

  it('names a node without inputs, and a workflow without an output', () => {
    expect(faults({ '1': { class_type: 'Show' } })).toEqual([['missing_inputs', '1', undefined]]);
    expect(faults({ '1': node('Load', { ckpt_name: 'none.ckpt' }) })).toEqual([['prompt_no_outputs', undefined, undefined], ['missing_model', '1', 'ckpt_name']]);
  });

  it('warns of nodes that no output depends on, without looking at them, and of outputs to which nothing is linked', () => {
    const found = diagnose(graph({}, { '8': node('Load', { ckpt_name: 'none.ckpt' }), '9': node('Compare') }), server);
    expect(found.map((fault) => [fault.type, fault.node_id, isWarning(fault)])).toEqual([['unused_node', '8', true], ['unconnected_output', '9', true]]);
    expect(diagnose(graph({}, { '9': node('Compare', { a: ['2', 0] }) }), server)).toEqual([]);
    expect(diagnose(graph({ seed: -1 }), server).map(isWarning)).toEqual([false]);
  });

  it('warns of inputs that the class does not declare, with the nearest that it does', () => {
    expect(diagnose(graph({ sede: 1, other: ['1', 0] }), server)).toEqual([
      { node_id: '2', class_type: 'Sample', input: 'sede', type: 'unknown_input', nearest: 'seed', reason: 'Node "2" (Sample) has no input "sede"; it has: model, seed, cfg, sampler, mask. ComfyUI ignores it, unless the node takes what it does not declare.' },
      expect.objectContaining({ input: 'other', type: 'unknown_input', reason: 'Node "2" (Sample) has no input "other"; it has: model, seed, cfg, sampler, mask. The node gets what is linked to it, and fails unless it takes what it does not declare.' }),
    ]);
    expect(diagnose(graph({ sede: 1, seed: -1 }), server).map(isWarning)).toEqual([false, true]);
    expect(diagnose(graph({}, { '8': node('Load', { ckpt: 'x' }) }), server).map((fault) => fault.type)).toEqual(['unused_node']);
  });

  it('does not warn of inputs that nodes make up, nor of what the page of ComfyUI writes by itself', () => {
    const picture = { '6': node('Picture', { image: 'a.png', upload: 'image' }), '7': node('Any', { 'grown.image0': ['6', 0], grown: 1, value: 1 }), '8': node('Show', { source: ['7', 0] }) };
    expect(diagnose(picture, server)).toEqual([]);
    const other = { '7': node('Any', { 'grow.image0': 1, 'value.x': 2, grown: 1 }), '8': node('Show', { source: ['7', 0] }) };
    expect(diagnose(other, server).map((fault) => fault.input)).toEqual(['grow.image0', 'value.x']);
  });

  it('does not judge types that take anything, inputs that nodes make up, and controls of packs', () => {
    const odd = node('Any', { value: ['1', 0], either: ['2', 0], colour: '#fff', open: 2 });
    expect(faults(graph({ model: ['7', 5] }, { '7': node('Any', {}), '8': odd, '9': node('Show', { source: ['8', 0] }) }))).toEqual([]);
  });

  it('does not find links to nodes that are not there, which is told once for all instances', () => {
    expect(faults(graph({ model: ['99', 0] }))).toEqual([]);
  });

  it.each([
    ['Picture', { image: 'annas-photo.jpg' }], ['Picture', { image: 'annas-photo.png' }],
    ['Latent', { latent: 'annas.latent' }], ['Latent', { latent: 'x' }],
    ['Notes', { file: 'annas-diary.txt' }],
  ])('tells nobody whether a file is there: %s %j', (classType, inputs) => {
    expect(faults({ '1': node(classType, inputs), '2': node('Show', { source: ['1', 0] }) })).toEqual([]);
  });

  it('tells a bounded number of faults, in bounded words, and does not compare names forever', () => {
    const many: NodeDeclarations = new Map([...server, ...Array.from({ length: 5_000 }, (_, n): [string, ReturnType<typeof declared>] => [`SomeRatherLongNameOfANodeClass${n}`, declared({})])]);
    const workflow = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`${n}${'x'.repeat(900)}`, node(`AnotherRatherLongNameOfAClass${n * 7}${'y'.repeat(90)}`, {})]));
    const begun = performance.now();
    const found = diagnose(workflow, many);
    expect([found.length, JSON.stringify(found).length < 150_000]).toEqual([100, true]);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('looks into a long list once, however many nodes choose from it', () => {
    const long = Array.from({ length: 20_000 }, (_, n) => `model-${n}.safetensors`);
    const one: NodeDeclarations = new Map([['Load', declared({ ckpt_name: combo(long) }, ['MODEL'], true)]]);
    const workflow = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`${n}`, node('Load', { ckpt_name: 'model-19999.safetensors' })]));
    const begun = performance.now();
    expect(diagnose(workflow, one)).toEqual([]);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
