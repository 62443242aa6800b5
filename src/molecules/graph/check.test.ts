import { describe, expect, it } from 'vitest';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import { check, checkFinite, mayBeNotFinite } from './check.ts';

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
    for (let i = 1; i < 20_000; i += 1) graph[String(i)] = node({ x: [String(i - 1), 0], hub: ['0', 0] });
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

  it('reports a bounded number of faults', () => {
    const graph = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [String(i), node({ x: ['none', 0] })]));
    expect(check(graph)).toHaveLength(100);
  });
});

describe('checkFinite', () => {
  const declarations: NodeDeclarations = new Map([
    ['Blend', { outputNode: false, inputs: new Map([['factor', { type: 'FLOAT', options: undefined, upload: false }], ['text', { type: 'STRING', options: undefined, upload: false }]]) }],
  ]);

  it.each(['nan', 'NaN', ' -inf ', '+Infinity', 'INF', '1e999', '1_0e4_00', '\u001fnan', JSON.rawJSON('1e400')])('refuses %s where a FLOAT is declared', (value) => {
    const graph = { '1': node({ factor: value }, 'Blend') };
    expect(mayBeNotFinite(graph)).toBe(true);
    expect(checkFinite(graph, declarations)).toEqual([expect.objectContaining({ node_id: '1', class_type: 'Blend', input: 'factor', type: 'not_finite' })]);
  });

  it('leaves the same words alone in a STRING', () => {
    const graph = { '1': node({ text: 'nan' }, 'Blend') };
    expect(mayBeNotFinite(graph)).toBe(true);
    expect(checkFinite(graph, declarations)).toEqual([]);
  });

  it.each(['0.5', 'banana', '1e3', 1, null, true])('has nothing to ask about %s', (value) => {
    expect(mayBeNotFinite({ '1': node({ factor: value }, 'Blend') })).toBe(false);
  });
});
