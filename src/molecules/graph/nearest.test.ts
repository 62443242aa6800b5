import { describe, expect, it } from 'vitest';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import { nearestFinder, withNearest } from './nearest.ts';

const combo = (options: string[], upload = false) => ({ type: 'COMBO', options, upload, required: true });
const declarations: NodeDeclarations = new Map([
  ['KSampler', { outputNode: false, inputs: new Map([['sampler_name', combo(['euler', 'euler_ancestral', 'heun'])]]) }],
  ['LoadImage', { outputNode: false, inputs: new Map([['image', combo(['annas-photo.png'], true)]]) }],
  ['LoadLatent', { outputNode: false, inputs: new Map([['latent', combo(['annas.latent'])]]) }],
]);
const workflow = {
  '1': { class_type: 'KSampler', inputs: { sampler_name: 'eular' } },
  '2': { class_type: 'KSamplr', inputs: {} },
  '3': { class_type: 'LoadImage', inputs: { image: 'annas-photo.jpg' } },
  '4': { class_type: 'LoadLatent', inputs: { latent: 'anna.latent' } },
  '5': { class_type: 'KSampler', inputs: { sampler_name: { __value__: 'huen' } } },
  '6': { class_type: 'QuiteAnotherThingAltogether', inputs: {} },
};
const fault = (node_id: string, input: string) => ({ node_id, class_type: 'x', input, type: 'value_not_in_list', reason: 'not in (list of length 42)' });

describe('what was meant', () => {
  it.each([
    ['a value of a list that ComfyUI left out', fault('1', 'sampler_name'), { nearest: 'euler' }],
    ['a wrapped value', fault('5', 'sampler_name'), { nearest: 'heun' }],
    ['an unknown class', { node_id: '2', type: 'invalid_prompt', reason: 'no such node' }, { class_type: 'KSamplr', nearest: 'KSampler' }],
  ])('is told of %s', (_what, given, more) => {
    expect(withNearest([given], workflow, declarations)).toEqual([{ ...given, ...more }]);
  });

  it.each([
    ['uploads, which belong to callers', fault('3', 'image')],
    ['a listing of files', fault('4', 'latent')],
    ['another fault', { ...fault('1', 'sampler_name'), type: 'value_bigger_than_max' }],
    ['a node that is not in the graph', fault('9', 'sampler_name')],
    ['what ComfyUI told already', { ...fault('1', 'sampler_name'), nearest: 'lms' }],
  ])('is not told of %s', (_what, given) => {
    expect(withNearest([given], workflow, declarations)).toEqual([given]);
  });

  it('is not told of a class like no other', () => {
    expect(withNearest([{ node_id: '6', type: 'invalid_prompt', reason: '' }], workflow, declarations)).toEqual([{ node_id: '6', class_type: 'QuiteAnotherThingAltogether', type: 'invalid_prompt', reason: '' }]);
  });
});

describe('the search for many words', () => {
  it('finds what the search for one finds, and finds it once', () => {
    const list = ['euler', 'heun'];
    const find = nearestFinder();
    const found = find('eular', list);
    expect(found).toEqual({ nearest: 'euler' });
    expect(find('eular', list)).toBe(found);
    expect(find('something quite different', list)).toEqual({});
  });

  it('gives up before it takes too long', () => {
    const list = Array.from({ length: 20_000 }, (_, n) => `${n}`.padStart(100, 'x'));
    const find = nearestFinder();
    expect(find('y'.repeat(100), list)).toEqual({});
    expect(find('euler', ['eular'])).toEqual({});
    expect(nearestFinder()('euler', ['eular'])).toEqual({ nearest: 'eular' });
  });
});
