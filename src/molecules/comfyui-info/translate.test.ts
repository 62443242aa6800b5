import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { declarationsOf } from './translate.ts';
import { ObjectInfo } from './wire.ts';

const file = new URL('../../../tests/fixtures/comfyui/http/object_info.subset.json', import.meta.url);
const recorded = declarationsOf(ObjectInfo.parse(z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8')))));

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
});

test('a declaration of another shape does not hide the others', () => {
  const odd = { Odd: { input: 'none', output_node: 'yes' }, Half: { input: { required: 'x', optional: { a: ['FLOAT', null] } } }, Empty: {} };
  const declarations = declarationsOf(ObjectInfo.parse(odd));
  expect([...declarations.keys()]).toEqual(['Odd', 'Half', 'Empty']);
  expect(declarations.get('Half')?.inputs.get('a')).toEqual({ type: 'FLOAT', options: undefined, upload: false });
});
