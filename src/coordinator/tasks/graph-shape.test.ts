import { expect, it } from 'vitest';
import { graphOf } from './graph-shape.ts';

const node = { class_type: 'X', inputs: {} };

it('takes values for a graph when each of them is a node', () => {
  expect(graphOf({ '1': node, '2': { class_type: 'Y' } })).toEqual({ '1': node, '2': { class_type: 'Y' } });
});

it.each([{}, { prompt: 'a lighthouse' }, { '1': node, seed: 7 }, { '1': { inputs: {} } }, { '1': [node] }, { '1': null }])('takes %j for values of a template', (given) => {
  expect(graphOf(given)).toBeUndefined();
});
