import { describe, expect, it } from 'vitest';
import { isRemote, kindOf, namesRemote } from './source-kind.ts';

const kind = (source: string, publicUrl = ''): unknown => {
  const found = kindOf(source, publicUrl);
  return found.kind === 'own' ? { kind: 'own', query: Object.fromEntries(found.query) } : found;
};
const own = { kind: 'own', query: { filename: 'a b.png', prompt_id: '1' } };
const path = '/api/v1/images/download?filename=a%20b.png&prompt_id=1';

describe('where a file may be said to be', () => {
  it.each([
    ['data:image/png;base64,AAAA', { kind: 'data' }],
    ['DATA:image/png;base64,AAAA', { kind: 'data' }],
    ['https://example.org/a.png', { kind: 'url' }],
    ['HTTP://example.org/a.png', { kind: 'url' }],
    ['input/ann/a.png', { kind: 'path', path: 'ann/a.png' }],
    ['./input/ann/a.png', { kind: 'path', path: 'ann/a.png' }],
    ['input/../../etc/passwd', { kind: 'path', path: '../../etc/passwd' }],
    ['/etc/passwd', { kind: 'path', path: '/etc/passwd' }],
    ['a.png', { kind: 'name' }],
    ['input/', { kind: 'name' }],
    ['inputs/a.png', { kind: 'name' }],
    ['file:///etc/passwd', { kind: 'name' }],
    ['', { kind: 'name' }],
  ])('%s', (source, expected) => {
    expect(kind(source)).toEqual(expected);
  });

  it('is a URL of ours without its host', () => {
    expect(kind(path)).toEqual(own);
  });

  it('is a URL of ours with the host that PUBLIC_URL names, and no other', () => {
    expect(kind(`https://me.example${path}`, 'https://me.example/')).toEqual(own);
    expect(kind(`https://me.example/behind${path}`, 'https://me.example/behind')).toEqual(own);
    expect(kind(`https://me.example.evil${path}`, 'https://me.example')).toEqual({ kind: 'url' });
    expect(kind(`https://me.example${path}`)).toEqual({ kind: 'url' });
    expect(kind('https://me.example/other', 'https://me.example')).toEqual({ kind: 'url' });
  });
});

describe('a graph', () => {
  const graph = (value: unknown) => ({ '1': { class_type: 'LoadImage', inputs: { image: value } } });

  it('names something remote where any of its texts may be an address', () => {
    for (const value of ['https://example.org/a.png', 'data:image/png;base64,AA', path, { deep: ['https://example.org/a.png'] }]) expect(namesRemote(graph(value))).toBe(true);
    for (const value of ['a.png', 'see https://example.org', 7, null, ['1', 0], 'ftp://a']) expect(namesRemote(graph(value))).toBe(false);
    expect(isRemote('/api/v1/images/download')).toBe(false);
  });
});
