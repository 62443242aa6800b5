import { describe, expect, test } from 'vitest';
import { limits } from '../../constants/limits.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import { fileReferences, mayNameFiles, rewrite } from './file-references.ts';
import { classesOf, linksOf, nodesOf } from './read.ts';

const load = (image: unknown, inputs: Record<string, unknown> = {}) => ({ class_type: 'LoadImage', inputs: { image, ...inputs } });
const declarations: NodeDeclarations = new Map([
  ['LoadImage', { inputs: new Map([['image', { type: 'COMBO', options: [], upload: true, required: true }], ['note', { type: 'STRING', options: undefined, upload: false, required: true }]]), outputNode: false }],
]);
const image = (value: unknown) => fileReferences({ '1': load(value) }, [declarations], false).map(({ at, value: text, ref, annotated }) => ({ at, text, type: ref.type, annotated }));

describe('file references', () => {
  test('are the texts of inputs that the instance declares as uploads', () => {
    const graph = { '1': load('x/a.png', { note: 'b.png' }), '2': { class_type: 'Unknown', inputs: { image: 'c.png' } } };
    const ref = { filename: 'a.png', subfolder: 'x', type: 'input' };
    expect(fileReferences(graph, [declarations], false)).toEqual([{ nodeId: '1', classType: 'LoadImage', input: 'image', at: [], value: 'x/a.png', ref, annotated: false }]);
    expect(fileReferences(graph, [declarations], true)).toHaveLength(1);
  });

  test('are declared as uploads where one of the instances does so', () => {
    const older: NodeDeclarations = new Map([['LoadImage', { inputs: new Map([['image', { type: 'STRING', options: undefined, upload: false, required: true }]]), outputNode: false }]]);
    expect(fileReferences({ '1': load('a.png') }, [older, declarations], false)).toHaveLength(1);
    expect(fileReferences({ '1': load('a.png') }, [older], false)).toEqual([]);
  });

  test('are texts with the bracket of ComfyUI everywhere, for callers who may not use every file', () => {
    const graph = { '1': load('a.png', { note: 'b.png [output]', words: 'a lighthouse [output]' }), '2': { class_type: 'Unknown', inputs: { image: { deep: 'c.pngX[temp]' } } } };
    expect(fileReferences(graph, [declarations], true).map((reference) => [reference.nodeId, reference.input, reference.at])).toEqual([['1', 'image', []], ['1', 'note', []], ['2', 'image', ['deep']]]);
    expect(fileReferences(graph, [declarations], false)).toHaveLength(1);
  });

  test('are found in lists and in wrapped values', () => {
    expect(image({ __value__: 'a.png [output]' })).toEqual([{ at: ['__value__'], text: 'a.png [output]', type: 'output', annotated: true }]);
    expect(image({ __value__: ['a.png', 'b.png [temp]'] }).map(({ at, type }) => [at, type])).toEqual([[['__value__', 0], 'input'], [['__value__', 1], 'temp']]);
    expect(image(['a.png'])).toHaveLength(1);
  });

  test.each([[['1', 0]], [{ __value__: ['1', 0] }], [42], [null], [JSON.rawJSON('18446744073709551615')]])('are no links and no numbers: %j', (value) => {
    expect(image(value)).toEqual([]);
  });

  test('are found in a text of any length', () => {
    expect(image(`${'./'.repeat(600)}a.png`)).toHaveLength(1);
  });

  test('are not gathered without end', () => {
    expect(image({ __value__: Array.from({ length: 5_000 }, (_, n) => `${n}.png`) })).toHaveLength(limits.fileReferences + 1);
  });

  test('of a caller who may use every file need no look at an instance when no text could be one', () => {
    for (const value of ['photo.PNG', 'photo.png [output]', 'a.pngX[output]', 'photo', { __value__: 'photo' }]) expect(mayNameFiles({ '1': load(value) })).toBe(true);
    expect(mayNameFiles({ '1': { class_type: 'Unknown', inputs: { deep: [{ a: 'b.png' }] } } })).toBe(true);
    expect(mayNameFiles({ '1': { class_type: 'CLIPTextEncode', inputs: { text: 'a png of a cat', n: 3, filename_prefix: 'x' } } })).toBe(false);
  });
});

describe('a rewritten graph', () => {
  test('has the new names, and the caller’s graph keeps the old ones', () => {
    const graph = { '1': { ...load('a.png', { other: 1 }), _meta: { title: 'x' } }, '2': load({ __value__: ['a.png', 'b.png'] }) };
    const changed = rewrite(graph, [{ nodeId: '1', input: 'image', at: [], text: 'alice/a.png' }, { nodeId: '2', input: 'image', at: ['__value__', 1], text: 'B' }]);
    expect(changed).toEqual({ '1': { ...load('alice/a.png', { other: 1 }), _meta: { title: 'x' } }, '2': load({ __value__: ['a.png', 'B'] }) });
    expect(graph['1'].inputs['image']).toBe('a.png');
  });

  test('takes several changes of one node', () => {
    const changes = [{ nodeId: '1', input: 'image', at: [], text: 'A' }, { nodeId: '1', input: 'mask', at: [], text: 'M' }];
    expect(rewrite({ '1': load('a.png', { mask: 'm.png' }) }, changes)).toEqual({ '1': load('A', { mask: 'M' }) });
  });
});

describe('reading a graph', () => {
  test('finds nodes and their classes, and a fault for each thing that is no node', () => {
    const graph = { '1': { class_type: 'A', inputs: {} }, '2': null, '3': { inputs: {} }, '4': { class_type: 'B', inputs: [] }, '5': { class_type: 'C' }, '6': [] };
    const { nodes, faults } = nodesOf(graph);
    expect([...nodes.keys()]).toEqual(['1', '5']);
    expect(faults.map((fault) => `${fault.node_id} ${fault.type}`)).toEqual(['2 invalid_node', '3 missing_class_type', '4 invalid_inputs', '6 invalid_node']);
    expect(classesOf(graph)).toEqual(new Map([['1', 'A'], ['5', 'C']]));
  });

  test('takes a list of a text and a number for a link, and no other list', () => {
    const inputs = { link: ['1', 0], numbers: [1, 0], long: ['1', 0, 2], text: '1', words: ['a', 'b'] };
    expect(linksOf({ classType: 'A', inputs })).toEqual([{ input: 'link', from: '1' }]);
  });

  test('takes what ComfyUI unwraps to a link for a link, and a slot of many digits for a slot', () => {
    const inputs = { wrapped: { __value__: ['1', 0] }, twice: { __value__: { __value__: ['2', 0] } }, long: ['3', JSON.rawJSON('18446744073709551615')], list: { __value__: ['a'] } };
    expect(linksOf({ classType: 'A', inputs })).toEqual([{ input: 'wrapped', from: '1' }, { input: 'twice', from: '2' }, { input: 'long', from: '3' }]);
  });
});
