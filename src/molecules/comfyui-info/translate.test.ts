import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseLenientJson } from '../../atoms/json/json.ts';
import { declarationsOf } from './translate.ts';
import { ObjectInfo } from './wire.ts';

const file = new URL('../../../tests/fixtures/comfyui/http/object_info.subset.json', import.meta.url);
const recorded = declarationsOf(ObjectInfo.parse(parseLenientJson(readFileSync(file, 'utf8'))));

describe('the recorded node declarations', () => {
  test('know which inputs are uploads', () => {
    expect(recorded.get('LoadImage')?.inputs.get('image')).toMatchObject({ type: 'COMBO', upload: true });
    expect(recorded.get('EmptyImage')?.inputs.get('width')).toMatchObject({ type: 'INT', upload: false, options: undefined });
  });

  test('know lists of values in both shapes', () => {
    expect(recorded.get('ImageScale')?.inputs.get('upscale_method')).toMatchObject({ type: 'COMBO', options: expect.arrayContaining(['lanczos']) as unknown });
    expect(recorded.get('ImageBlend')?.inputs.get('blend_mode')).toMatchObject({ type: 'COMBO', options: expect.arrayContaining(['multiply']) as unknown });
  });

  test('know which nodes are outputs', () => {
    expect([recorded.get('SaveImage')?.outputNode, recorded.get('ImageScale')?.outputNode]).toEqual([true, false]);
  });

  test('know what output slots carry', () => {
    expect([recorded.get('CheckpointLoaderSimple')?.outputs, recorded.get('SaveImage')?.outputs]).toEqual([['MODEL', 'CLIP', 'VAE'], []]);
  });

  test('know what is required and in which range, to the last digit', () => {
    const sampler = recorded.get('KSampler')?.inputs;
    expect(sampler?.get('seed')).toEqual({ type: 'INT', options: undefined, upload: false, required: true, min: 0, max: 18446744073709551615n, default: 0 });
    expect(sampler?.get('cfg')).toMatchObject({ type: 'FLOAT', min: 0, max: 100, default: 8 });
    expect(recorded.get('ImageCompositeMasked')?.inputs.get('mask')).toMatchObject({ type: 'MASK', required: false });
  });

  test('keep equal lists once', () => {
    const lists = ['KSampler', 'KSamplerAdvanced'].map((name) => recorded.get(name)?.inputs.get('sampler_name')?.options);
    expect(lists[0]?.length).toBeGreaterThan(10);
    expect(lists[0]).toBe(lists[1]);
  });
});

test('a declaration of another shape does not hide the others', () => {
  const odd = { Odd: { input: 'none', output_node: 'yes' }, Half: { input: { required: 'x', optional: { a: ['FLOAT', null] } } }, Empty: {} };
  const declarations = declarationsOf(ObjectInfo.parse(odd));
  expect([...declarations.keys()]).toEqual(['Odd', 'Half', 'Empty']);
  expect(declarations.get('Half')?.inputs.get('a')).toEqual({ type: 'FLOAT', options: undefined, upload: false, required: false });
  expect(declarations.get('Half')?.outputs).toBeUndefined();
});

test.each([
  ['numbers', [[1, 2, 'auto'], {}], true],
  ['several at once', ['COMBO', { options: ['a'], multiselect: true }], true],
  ['a list that the page fetches', ['COMBO', { options: [], remote: { route: '/x' } }], true],
  ['texts alone', [['a', 'b'], { multiselect: false }], undefined],
])('a list of %s tells whether it is all', (_what, input, open) => {
  const declared = declarationsOf(ObjectInfo.parse({ One: { input: { required: { x: input } } } })).get('One')?.inputs.get('x');
  expect([declared?.type, declared?.open]).toEqual(['COMBO', open]);
});

test('limits beyond every number are none, and long defaults are left out', () => {
  const input = ['FLOAT', { min: JSON.rawJSON('-1e400'), max: null, default: 'x'.repeat(10_000) }];
  expect(declarationsOf(ObjectInfo.parse({ One: { input: { required: { x: input } } } })).get('One')?.inputs.get('x')).toEqual({ type: 'FLOAT', options: undefined, upload: false, required: true });
});
