import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { limits } from '../../constants/limits.ts';
import { PromptRefusal } from '../../models/comfyui.ts';
import { faultsOf, nodeFaults } from './translate.ts';

const Cases = z.object({ cases: z.array(z.object({ name: z.string(), response: z.object({ status: z.int(), body: z.string().optional() }) })) });

const folder = new URL('../../../tests/fixtures/comfyui/http/', import.meta.url);
const recorded = new Map(
  ['prompt-rejected-validation.json', 'prompt-rejected-envelope.json']
    .flatMap((file) => Cases.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))).cases)
    .filter((one) => one.response.status === 400)
    .map((one) => [one.name, PromptRefusal.parse(JSON.parse(one.response.body ?? ''))]),
);

const faults = (name: string) => faultsOf(PromptRefusal.parse(recorded.get(name)));

describe('a recorded refusal', () => {
  test.each([...recorded.keys()])('"%s" becomes faults, each with a type and a reason', (name) => {
    const found = faults(name);
    expect(found.length).toBeGreaterThan(0);
    for (const fault of found) expect([fault.type.length > 0, fault.reason.length > 3]).toEqual([true, true]);
  });

  test('names node, class and input of every fault, not only of those on output nodes', () => {
    const found = faults('several-errors').map((fault) => `${fault.node_id} ${fault.class_type} ${fault.input} ${fault.type}`);
    expect(new Set(found)).toEqual(new Set([
      '1 EmptyImage width value_smaller_than_min', '1 EmptyImage height invalid_input_type',
      '3 ImageScale height required_input_missing', '3 ImageScale upscale_method value_not_in_list',
    ]));
  });

  test('of an unknown class takes the node from the details', () => {
    expect(faults('unknown-node-type')).toMatchObject([{ type: 'invalid_prompt', node_id: '2' }]);
  });

  test('of a graph without outputs is one fault of its own', () => {
    expect(faults('no-outputs')).toEqual([{ type: 'prompt_no_outputs', reason: 'Prompt has no outputs' }]);
  });

  test('of a value that is not in the list tells the nearest', () => {
    const [fault] = faults('value-not-in-list');
    expect(['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos']).toContain(fault?.nearest);
  });

  test('of a file that is not there tells no names of other people’s files', () => {
    expect(faults('load-image-missing-file')[0]?.nearest).toBeUndefined();
  });
});

const notInList = (config: unknown, received: unknown) => ({
  '1': { class_type: 'Any', errors: [{ type: 'value_not_in_list', message: 'Value not in list', details: '', extra_info: { input_name: 'x', input_config: config, received_value: received } }] },
});

describe('the nearest value', () => {
  test.each([
    ['of a list', [['euler', 'heun', 'lms'], {}], 'eulre', 'euler'],
    ['of options', ['COMBO', { options: ['nearest-exact', 'lanczos'] }], 'lancsoz', 'lanczos'],
    ['of a list of uploads is not told', [['private.png'], { image_upload: true }], 'privat.png', undefined],
    ['of an empty list is nothing', [[], {}], 'x', undefined],
    ['of a list that ComfyUI left out is nothing', null, 'x', undefined],
    ['to a number is nothing', [['1', '2'], {}], 3, undefined],
    ['to an endless text is nothing', [['a'], {}], 'a'.repeat(501), undefined],
  ])('%s', (_what, config, received, nearest) => {
    expect(nodeFaults(notInList(config, received))[0]?.nearest).toBe(nearest);
  });
});

test('faults without end are cut', () => {
  const errors = Array.from({ length: 500 }, () => ({ type: 't', message: 'm', details: 'd', extra_info: null }));
  expect(nodeFaults({ '1': { class_type: 'Any', errors } })).toHaveLength(limits.faults);
});
