import { expect, it } from 'vitest';
import { TemplateInput } from '../../models/template.ts';
import { render } from './render.ts';

const inputs = {
  seed: TemplateInput.parse({ type: 'integer', default: 'random', targets: [{ node: '1', input: 'seed' }, { node: '2', input: 'noise' }] }),
  picture: TemplateInput.parse({ type: 'image', targets: [{ node: '3', input: 'image' }] }),
  mask: TemplateInput.parse({ type: 'image', required: false, targets: [{ node: '3', input: 'mask' }] }),
};
const workflow = { '1': { class_type: 'A', inputs: { seed: 0, model: ['3', 0] }, _meta: { title: 'x' } }, '2': { class_type: 'B' }, '3': { class_type: 'C', inputs: { image: 'example.png' } } };
const template = { name: 'n', title: 'N', description: '', workflow, inputs, outputs: ['1'] };

it('puts a value into all its targets, and lists files', () => {
  const seed = JSON.rawJSON('18446744073709551615');
  expect(render(template, { seed, picture: 'cat.png' })).toEqual({
    workflow: { '1': { class_type: 'A', inputs: { seed, model: ['3', 0] }, _meta: { title: 'x' } }, '2': { class_type: 'B', inputs: { noise: seed } }, '3': { class_type: 'C', inputs: { image: 'example.png' } } },
    media: [{ name: 'picture', kind: 'image', source: 'cat.png', targets: [{ node: '3', input: 'image' }] }],
    outputs: ['1'],
  });
});

it('leaves the template as it is', () => {
  const before = structuredClone(workflow);
  const { workflow: made } = render(template, { seed: 5 });
  expect(workflow).toEqual(before);
  expect(made['1']).not.toBe(workflow['1']);
});

it('leaves what has no value to the graph', () => {
  expect(render(template, {})).toEqual({ workflow, media: [], outputs: ['1'] });
});
