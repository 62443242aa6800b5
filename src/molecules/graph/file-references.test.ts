import { describe, expect, test } from 'vitest';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import { fileReferences, isPlain, mayNameFiles, rewrite } from './file-references.ts';
import { classesOf, linksOf, nodesOf } from './read.ts';

const load = (image: unknown, inputs: Record<string, unknown> = {}) => ({ class_type: 'LoadImage', inputs: { image, ...inputs } });
const declarations: NodeDeclarations = new Map([
  ['LoadImage', { inputs: new Map([['image', { type: 'COMBO', options: [], upload: true }], ['note', { type: 'STRING', options: undefined, upload: false }]]), outputNode: false }],
]);
const refs = (image: unknown) => fileReferences({ '1': load(image) }, declarations).map((reference) => reference.ref);

describe('file references', () => {
  test.each([
    ['photo.png', { filename: 'photo.png', subfolder: '', type: 'input' }],
    ['a/b/photo.png', { filename: 'photo.png', subfolder: 'a/b', type: 'input' }],
    ['ComfyUI_00001_.png [output]', { filename: 'ComfyUI_00001_.png', subfolder: '', type: 'output' }],
    ['x/y.png [temp]', { filename: 'y.png', subfolder: 'x', type: 'temp' }],
    ['y.png [input]', { filename: 'y.png', subfolder: '', type: 'input' }],
    ['odd [name].png', { filename: 'odd [name].png', subfolder: '', type: 'input' }],
  ])('read %s as ComfyUI does', (value, ref) => {
    expect(refs(value)).toEqual([ref]);
  });

  test('are only inputs that the instance declares as uploads', () => {
    const graph = { '1': load('a.png', { note: 'b.png' }), '2': { class_type: 'Unknown', inputs: { image: 'c.png' } } };
    expect(fileReferences(graph, declarations)).toEqual([{ nodeId: '1', classType: 'LoadImage', input: 'image', value: 'a.png', ref: { filename: 'a.png', subfolder: '', type: 'input' }, annotated: false }]);
  });

  test.each([[['1', 0]], [42], [null], ['x'.repeat(2_000)]])('are no links, numbers or endless texts: %j', (value) => {
    expect(refs(value)).toEqual([]);
  });

  test('need no look at an instance when no text ends like a file', () => {
    expect(mayNameFiles({ '1': load('photo.PNG') })).toBe(true);
    expect(mayNameFiles({ '1': load('photo.png [output]') })).toBe(true);
    expect(mayNameFiles({ '1': { class_type: 'CLIPTextEncode', inputs: { text: 'a png of a cat', n: 3 } } })).toBe(false);
  });
});

describe('a plain reference', () => {
  test.each(['a.png', 'a/b.png', 'a.png [output]', 'a/b.png [temp]', 'odd [name].png', '..a.png', 'a..b.png'])('%s is one', (value) => {
    expect(isPlain(value)).toBe(true);
  });

  test.each(['../output/a.png', 'a/../../output/a.png', './a.png', 'a//b.png', '/etc/a.png', 'a\\b.png', 'a.pngX[output]', 'a.png[temp]', 'a.png [output] [input]', '', 'a/..', '.. [output]'])('%s is none: it may lead elsewhere than it seems', (value) => {
    expect(isPlain(value)).toBe(false);
  });

  test('in disguise is looked at all the same', () => {
    expect(mayNameFiles({ '1': load('a.pngX[output]') })).toBe(true);
  });
});

describe('a rewritten graph', () => {
  test('has the new names, and the caller’s graph keeps the old ones', () => {
    const graph = { '1': { ...load('a.png', { other: 1 }), _meta: { title: 'x' } }, '2': load('b.png') };
    const changed = rewrite(graph, [{ nodeId: '1', input: 'image', value: 'alice/a.png' }]);
    expect(changed).toEqual({ '1': { ...load('alice/a.png', { other: 1 }), _meta: { title: 'x' } }, '2': load('b.png') });
    expect(graph['1'].inputs['image']).toBe('a.png');
  });

  test('takes several changes of one node', () => {
    const changed = rewrite({ '1': load('a.png', { mask: 'm.png' }) }, [{ nodeId: '1', input: 'image', value: 'A' }, { nodeId: '1', input: 'mask', value: 'M' }]);
    expect(changed).toEqual({ '1': load('A', { mask: 'M' }) });
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
});
