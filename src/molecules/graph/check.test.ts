import { describe, expect, it } from 'vitest';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import { check, checkAll, checkFinite, infiniteExtraData, mayBeNotFinite } from './check.ts';

const node = (inputs: Record<string, unknown>, class_type = 'Any') => ({ class_type, inputs });

describe('check', () => {
  it('lets a plain graph pass', () => {
    expect(check({ '1': node({}), '2': node({ images: ['1', 0], list: [1, 2, 3], text: 'x' }) })).toEqual([]);
  });

  it('tells whoever sends the format of the page how to export the API format', () => {
    const [fault] = check({ last_node_id: 3, nodes: [], links: [], version: 0.4 });
    expect(fault).toMatchObject({ type: 'ui_format' });
    expect(fault?.reason).toContain('Export (API)');
  });

  it('names a link to a node that is not there', () => {
    expect(check({ '2': node({ images: ['9', 0] }, 'SaveImage') })).toEqual([expect.objectContaining({ node_id: '2', class_type: 'SaveImage', input: 'images', type: 'missing_node' })]);
  });

  it('names the nodes of a cycle, not those before or behind it', () => {
    const graph = { start: node({}), a: node({ x: ['b', 0], y: ['start', 0] }), b: node({ x: ['a', 0] }), self: node({ x: ['self', 0] }), behind: node({ x: ['b', 0] }), last: node({ x: ['behind', 0] }) };
    expect(check(graph).map((fault) => [fault.type, fault.node_id])).toEqual([['cycle', 'a'], ['cycle', 'b'], ['cycle', 'self']]);
  });

  it('stays quick on a long chain behind a cycle', () => {
    const graph: Record<string, unknown> = { '0': node({ x: ['0', 0] }) };
    for (let i = 1; i < 10_000; i += 1) graph[String(i)] = node({ x: [String(i - 1), 0], hub: ['0', 0] });
    expect(check(graph).map((fault) => fault.node_id)).toEqual(['0']);
  });

  it.each([
    [{}, 'empty'],
    [{ '1': null }, 'invalid_node'],
    [{ '1': 'x' }, 'invalid_node'],
    [{ '1': {} }, 'missing_class_type'],
    [{ '1': { class_type: 'A', inputs: [] } }, 'invalid_inputs'],
  ])('refuses %j as %s', (graph, type) => {
    expect(check(graph)[0]?.type).toBe(type);
  });

  it.each([
    [{ '1': node({ a: JSON.rawJSON('1e400') }) }, 'a'],
    [{ '1': node({ a: { deep: [1, JSON.rawJSON('-1.5e999')] } }) }, 'a'],
    [{ '1': { ...node({}), _meta: { title: JSON.rawJSON('1e400') } } }, undefined],
  ])('refuses a number that only Python can hold, which would make the history of the server unreadable: %j', (graph, input) => {
    expect(check(graph)).toEqual([expect.objectContaining({ node_id: '1', type: 'not_finite', ...(input === undefined ? {} : { input }) })]);
  });

  it('takes integers of any length', () => {
    expect(check({ '1': node({ seed: JSON.rawJSON('18446744073709551615'), more: JSON.rawJSON(`-${'9'.repeat(400)}`) }) })).toEqual([]);
  });

  it('finds a link in a wrapped value, which ComfyUI follows without having looked at it', () => {
    expect(check({ '1': node({ x: { __value__: ['gone', 0] } }) })).toMatchObject([{ node_id: '1', input: 'x', type: 'missing_node' }]);
    expect(check({ '1': node({ x: { __value__: ['1', 0] } }) })).toMatchObject([{ node_id: '1', type: 'cycle' }]);
  });

  it('refuses more nodes than a workflow may have before it looks at any', () => {
    const nodes = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [String(i), node({})]));
    expect(check(nodes(10_000))).toEqual([]);
    expect(check(nodes(10_001))).toEqual([{ type: 'too_many_nodes', reason: 'The workflow has 10001 nodes; up to 10000 are taken.' }]);
    expect(check(Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [String(i), null])))).toMatchObject([{ type: 'too_many_nodes' }]);
  });

  it('refuses more inputs than a workflow may have', () => {
    const inputs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`i${i}`, i]));
    expect(check({ '1': node(inputs(50_000)), '2': node(inputs(50_000)) })).toEqual([]);
    expect(check({ '1': node(inputs(50_000)), '2': node(inputs(50_001)) })).toEqual([{ type: 'too_many_inputs', reason: 'The nodes have 100001 inputs together; up to 100000 are taken.' }]);
  });

  it('refuses ids and classes that no node has, and tells them in few letters', () => {
    const long = '😀'.repeat(50_000);
    for (const graph of [{ [long]: node({}) }, { '1': node({}, long) }, { '1': node({ [long]: [long, 0] }) }, { [long]: null }, { [long]: {} }, { [long]: { class_type: long, inputs: [] } }, { [long]: node({ x: [long, 0] }) }]) {
      const faults = check(graph);
      expect([faults.length, JSON.stringify(faults).length < 3_000, JSON.stringify(faults).includes('…'), JSON.stringify(faults).includes('\\ud')]).toEqual([1, true, true, false]);
    }
  });

  it('tells a bounded number of faults of each kind', () => {
    const many = (value: (i: number) => unknown) => Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`n${i}`, value(i)]));
    for (const graph of [many(() => null), many((i) => node({ x: [`n${i}`, 0] })), many(() => node({ x: JSON.rawJSON('1e999') }))]) expect(check(graph)).toHaveLength(100);
  });

  it('reports a bounded number of faults', () => {
    const graph = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [String(i), node({ x: ['none', 0] })]));
    expect(check(graph)).toHaveLength(100);
  });
});

describe('checkAll', () => {
  it('tells every kind at once, where check tells the first', () => {
    const graph = { '1': null, '2': node({ x: ['gone', 0] }), '3': node({ x: ['3', 0] }), '4': node({ x: JSON.rawJSON('1e400') }) };
    expect(check(graph).map((fault) => fault.type)).toEqual(['invalid_node']);
    const { faults, readable } = checkAll(graph);
    expect([readable, faults.map((fault) => [fault.type, fault.node_id])]).toEqual([true, [['invalid_node', '1'], ['missing_node', '2'], ['not_finite', '4'], ['cycle', '3']]]);
  });

  it.each([[{}, 'empty'], [{ nodes: [] }, 'ui_format'], [{ ['x'.repeat(2_000)]: node({}), '1': null }, 'name_too_long']])('does not look at the nodes of what is none: %j', (graph, type) => {
    expect(checkAll(graph)).toMatchObject({ readable: false, faults: [{ type }] });
  });

  it('tells a bounded number of faults', () => {
    expect(checkAll(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [String(i), i % 2 ? null : node({ x: ['none', 0] })]))).faults).toHaveLength(100);
  });
});

describe('extra_data', () => {
  it('holds no infinity at any depth, since the history keeps it', () => {
    expect(infiniteExtraData({ pnginfo: { list: [1, JSON.rawJSON('1e400')] }, fine: JSON.rawJSON('18446744073709551615') })).toMatchObject([{ input: 'extra_data.pnginfo', type: 'not_finite' }]);
    expect(infiniteExtraData(undefined)).toEqual([]);
  });
});

describe('checkFinite', () => {
  const declarations: NodeDeclarations = new Map([
    ['Blend', { outputNode: false, inputs: new Map([['factor', { type: 'FLOAT', options: undefined, upload: false, required: true }], ['text', { type: 'STRING', options: undefined, upload: false, required: true }]]) }],
  ]);

  it.each(['nan', 'NaN', ' -inf ', '+Infinity', 'INF', '1e999', '1_0e4_00', '\u001fnan', JSON.rawJSON('1e400')])('refuses %s where a FLOAT is declared', (value) => {
    const graph = { '1': node({ factor: value }, 'Blend') };
    expect(mayBeNotFinite(graph)).toBe(true);
    expect(checkFinite(graph, declarations)).toEqual([expect.objectContaining({ node_id: '1', class_type: 'Blend', input: 'factor', type: 'not_finite' })]);
  });

  it.each([
    { __value__: 'nan' },
    { __value__: { __value__: '-inf' } },
    { __value__: JSON.rawJSON('1e400') },
    '9'.repeat(309),
    `${' '.repeat(500)}nan${' '.repeat(500)}`,
    `1${'0'.repeat(1_000)}`,
    '\u0085nan\u3000',
    '\uff11e\uff19\uff19\uff19',
    '.5e+999',
    '1.e999',
  ])('refuses what Python makes the same of: %j', (value) => {
    const graph = { '1': node({ factor: value }, 'Blend') };
    expect(mayBeNotFinite(graph)).toBe(true);
    expect(checkFinite(graph, declarations)).toEqual([expect.objectContaining({ input: 'factor', type: 'not_finite' })]);
  });

  it('tells a bounded number of faults, in few letters', () => {
    const graph = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`${n}${'x'.repeat(5_000)}`, node({ factor: 'nan' }, 'Blend')]));
    const faults = checkFinite(graph, declarations);
    expect([faults.length, JSON.stringify(faults).length < 100_000]).toEqual([100, true]);
  });

  it('leaves the same words alone in a STRING', () => {
    const graph = { '1': node({ text: 'nan' }, 'Blend') };
    expect(mayBeNotFinite(graph)).toBe(true);
    expect(checkFinite(graph, declarations)).toEqual([]);
  });

  it.each(['0.5', 'banana', '1e3', '9'.repeat(308), 'nano', 'information', '1_0', '', ' ', 1, null, true, { __value__: '0.5' }, ['nan'], JSON.rawJSON('18446744073709551615')])('has nothing to ask about %s', (value) => {
    expect(mayBeNotFinite({ '1': node({ factor: value }, 'Blend') })).toBe(false);
  });
});
