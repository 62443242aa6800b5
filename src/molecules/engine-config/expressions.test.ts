import { describe, expect, it } from 'vitest';
import { resolveExpressions, resolveInputs } from './expressions.ts';

const scope = {
  input: { name: 'cat', n: 5, big: JSON.rawJSON('18446744073709551615'), list: [1, 2], sly: '${input.n}', nothing: null, off: false, zero: 0, empty: '', 'with-dash': 'd' },
  steps: { first: { outputs: [{ url: '/a.png', filename: 'a.png' }, { text: 'words', filename: 'b.txt' }] }, none: { outputs: [] } },
};
const resolve = (value: unknown) => resolveExpressions(value, scope);

describe('an expression', () => {
  it.each([
    ['${input.name}', 'cat'], ['${input.n}', 5], ['${input.big}', scope.input.big], ['${input.list}', [1, 2]], ['${input.off}', false], ['${input.zero}', 0], ['${input.empty}', ''], ['${input.with-dash}', 'd'],
    ['${steps.first.outputs[0]}', '/a.png'], ['${steps.first.outputs[1]}', 'words'],
    ['${steps.first.outputs[0].filename}', 'a.png'], ['${steps.first.outputs[0].url}', '/a.png'], ['${steps.first.outputs[1].text}', 'words'],
  ])('%s alone takes the value as it is: %j', (text, value) => {
    expect(resolve(text)).toEqual(value);
  });

  it.each([
    ['a ${input.name}!', 'a cat!'], ['${input.name}${input.n}', 'cat5'], [' ${input.n}', ' 5'], ['${input.big}.', '18446744073709551615.'], ['${input.list} ${input.off}', '[1,2] false'],
    ['see ${steps.first.outputs[0]} and ${steps.first.outputs[1]}', 'see /a.png and words'], ['$5 {x} $', '$5 {x} $'],
  ])('inside of %j is put in as text', (text, value) => {
    expect(resolve(text)).toBe(value);
  });

  it.each([
    ['${input.gone:-dog}', 'dog'], ['${input.nothing:-dog}', 'dog'], ['${input.name:-dog}', 'cat'], ['${input.gone:-}', ''], ['a ${input.gone:-0.5}', 'a 0.5'], ['${input.gone:-a:-b}', 'a:-b'], ['${input.off:-true}', false],
    ['${input.gone:-0.6}', 0.6], ['${input.gone:-2}', 2], ['${input.gone:-true}', true], ['${input.gone:-007}', '007'], ['${input.gone:-9007199254740993}', JSON.rawJSON('9007199254740993')],
  ])('%s has a default where nothing is given', (text, value) => {
    expect(resolve(text)).toEqual(value);
  });

  it('is found in objects and lists, which stay as they are', () => {
    const seed = JSON.rawJSON('18446744073709551615');
    const inputs = { image: '${steps.first.outputs[0]}', deep: [{ n: '${input.n}' }, 1, null, true], seed };
    expect(resolveInputs(inputs, scope)).toEqual({ image: '/a.png', deep: [{ n: 5 }, 1, null, true], seed });
    expect(inputs.image).toBe('${steps.first.outputs[0]}');
  });

  it('that a caller sends stays a text', () => {
    expect(resolve('${input.sly}')).toBe('${input.n}');
    expect(resolve('x ${input.sly}')).toBe('x ${input.n}');
  });

  it.each([
    ['${input.gone}', '${input.gone}: the input "gone" is missing; given: name, n, big, list, sly, off, zero, empty, with-dash.'],
    ['${input.nothing}', '${input.nothing}: the input "nothing" is missing; given: name, n, big, list, sly, off, zero, empty, with-dash.'],
    ['a ${input.toString}', '${input.toString}: the input "toString" is missing; given: name, n, big, list, sly, off, zero, empty, with-dash.'],
    ['${steps.later.outputs[0]}', '${steps.later.outputs[0]}: step "later" has not run; there are: first, none.'],
    ['${steps.constructor.outputs[0]}', '${steps.constructor.outputs[0]}: step "constructor" has not run; there are: first, none.'],
    ['${steps.first.outputs[2]}', '${steps.first.outputs[2]}: step "first" has 2 outputs, counted from 0: a.png, b.txt.'],
    ['${steps.none.outputs[0]}', '${steps.none.outputs[0]}: step "none" has 0 outputs, counted from 0: none.'],
    ['${steps.first.outputs[1].url}', '${steps.first.outputs[1].url}: that output has no url; it has: text, filename.'],
    ['${nonsense}', '${nonsense} is no expression; allowed: ${input.NAME}, ${input.NAME:-default}, ${steps.STEP.outputs[0]}, with .url, .text or .filename behind it.'],
  ])('%s that leads nowhere says what there is', (text, detail) => {
    expect(() => resolve(text)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR', detail }));
  });

  it('names the input that is missing as a fault', () => {
    expect(() => resolve({ a: '${input.gone}' })).toThrow(expect.objectContaining({ faults: [{ input: 'gone', type: 'required_input_missing', reason: 'The pipeline needs it for ${input.gone}.' }] }));
  });

  it.each(['${input}', '${input.}', '${input.a.b}', '${input.a b}', '${steps.a}', '${steps.a.outputs}', '${steps.a.outputs[x]}', '${steps.a.outputs[-1]}', '${steps.a.outputs[0].size}', '${input.a', '${}', '${ input.a }'])('%s is none', (text) => {
    expect(() => resolve(text)).toThrow(/is no expression/);
  });
});
