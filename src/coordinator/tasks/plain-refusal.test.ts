import { expect, test } from 'vitest';
import { hintOf } from './plain-refusal.ts';

const fault = { node_id: '4', class_type: 'CheckpointLoaderSimple', input: 'ckpt_name', type: 'value_not_in_list', reason: "Value not in list: ckpt_name: 'sdxl.safetensors' not in ['sd15.safetensors']" };

test('a model that is not listed is said to be missing, with one that is there', () => {
  expect(hintOf([fault])).toBe('The server has no model "sdxl.safetensors" for CheckpointLoaderSimple: choose one that it has, or have it put there.');
  expect(hintOf([{ ...fault, nearest: 'sd15.safetensors' }])).toContain('choose one that it has, such as "sd15.safetensors",');
});

test('other faults keep their own words alone', () => {
  expect(hintOf([])).toBeUndefined();
  expect(hintOf([{ ...fault, reason: "Value not in list: sampler_name: 'eule' not in ['euler']" }])).toBeUndefined();
  expect(hintOf([{ ...fault, type: 'value_smaller_than_min' }])).toBeUndefined();
});
