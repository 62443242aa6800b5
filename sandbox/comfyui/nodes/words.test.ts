import { afterAll, describe, expect, it } from 'vitest';
import { gray } from './testing/frames.ts';
import { listening, makeFolders, runNode } from './testing/run-graph.ts';
import { shown } from './words.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

describe('text nodes', () => {
  it('pass a string on', async () => {
    expect((await runNode('PrimitiveString', { value: 'héllo' }, context)).outputs).toEqual(['héllo']);
  });

  it('join two strings by a delimiter', async () => {
    expect((await runNode('StringConcatenate', { string_a: 'a', string_b: 'b', delimiter: ', ' }, context)).outputs).toEqual(['a, b']);
    expect((await runNode('StringConcatenate', { string_a: '', string_b: '', delimiter: '-' }, context)).outputs).toEqual(['-']);
  });

  it('show what they are given', async () => {
    expect((await runNode('PreviewAny', { source: 'text ☃' }, context)).ui).toEqual({ text: ['text ☃'] });
    expect((await runNode('PreviewAny', { source: 20 }, context)).ui).toEqual({ text: ['20'] });
  });
});

describe('a value shown as text', () => {
  it.each([
    [true, 'True'],
    [false, 'False'],
    [18446744073709551615n, '18446744073709551615'],
    [1.5, '1.5'],
    [NaN, 'nan'],
    [null, 'None'],
    [undefined, 'None'],
    [{ seed: 5n, of: ['x'] }, '{"seed":"5","of":["x"]}'],
    [[gray([[1, 2]])], 'tensor(shape=[1, 1, 2, 3])'],
  ])('%# reads as Python would print it', (value, text) => {
    expect(shown(value)).toBe(text);
  });
});
