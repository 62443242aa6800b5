import { describe, expect, it } from 'vitest';
import { limits } from '../../constants/limits.ts';
import { TemplateInput } from '../../models/template.ts';
import { checkInputs, rulesOf } from './check.ts';

const big = (digits: string) => JSON.rawJSON(digits);
const targets = [{ node: '1', input: 'x' }];
const template = (inputs: Record<string, object>) => ({
  name: 'painting',
  inputs: Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, TemplateInput.parse({ targets, ...input })])),
});
const seven = () => 7n;
const check = (input: object, value: unknown, random: () => bigint = seven) => {
  const { values, faults } = checkInputs(template({ it: input }), { it: value }, random);
  return faults.length === 0 ? values['it'] : faults.map((fault) => fault.type).join();
};

describe('the inputs of a caller', () => {
  const painting = template({
    prompt: { type: 'string', description: 'What is shown.' },
    seed: { type: 'integer', default: 'random', min: 0, max: big('18446744073709551615') },
    steps: { type: 'integer', default: 20, min: 1, max: 150 },
    style: { type: 'enum', values: ['oil', 'water'], required: false },
  });

  it('are filled with defaults, in the order of the template', () => {
    expect(checkInputs(painting, { steps: null, prompt: 'a cat' }, seven)).toEqual({ values: { prompt: 'a cat', seed: 7, steps: 20 }, faults: [] });
  });

  it('are told all that is wrong with them, with the nearest word', () => {
    const { faults } = checkInputs(painting, { promt: 'a cat', steps: 151, style: 'oill' }, seven);
    expect(faults).toEqual([
      { input: 'inputs.promt', type: 'unknown_input', reason: 'Template "painting" has no such input; it has: prompt, seed, steps, style.', nearest: 'prompt' },
      { input: 'inputs.prompt', type: 'required_input_missing', reason: 'It is required: What is shown.' },
      { input: 'inputs.steps', type: 'value_bigger_than_max', reason: '151 is more than 150, the most that is allowed.' },
      { input: 'inputs.style', type: 'value_not_in_list', reason: '"oill" is not one of oil, water.', nearest: 'oil' },
    ]);
  });

  it('that are required in spite of a default must be given', () => {
    const strict = template({ seed: { type: 'integer', default: 'random', required: true }, text: { type: 'string', default: 'x', required: true } });
    expect(checkInputs(strict, {}, seven).faults.map((fault) => fault.type)).toEqual(['required_input_missing', 'required_input_missing']);
    expect(checkInputs(strict, { seed: 'random', text: '' }, seven)).toEqual({ values: { seed: 7, text: '' }, faults: [] });
  });

  it('are told of a bounded number of faults', () => {
    const given = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`x${n}`, 1]));
    expect(checkInputs(painting, given, seven).faults).toHaveLength(limits.faults);
  });

  it('are not looked for among what every object has', () => {
    const odd = template({ constructor: { type: 'string', required: false } });
    expect(checkInputs(odd, {}, seven)).toEqual({ values: {}, faults: [] });
    expect(checkInputs(painting, { prompt: 'x', toString: 1 }, seven).faults).toMatchObject([{ input: 'inputs.toString', type: 'unknown_input' }]);
  });
});

describe('the rules of inputs', () => {
  const rules = rulesOf(template({ steps: { type: 'integer', default: 'random', min: 1, max: 150 }, style: { type: 'enum', values: ['oil'] }, mask: { type: 'image', required: false } }));

  it('say which must be given', () => {
    expect([...rules].map(([name, { type, required }]) => [name, type, required])).toEqual([['steps', 'integer', false], ['style', 'enum', true], ['mask', 'image', false]]);
  });

  it.each([
    ['steps', 5, undefined], ['steps', 'random', undefined], ['steps', 151, '151 is more than 150, the most that is allowed'], ['style', 'oil', undefined], ['style', 'water', '"water" is not one of oil'],
    ['style', null, 'It is required'], ['mask', null, undefined], ['mask', 'a.png', undefined], ['mask', ['a.png'], 'a list is not taken; allowed: the image as the name of an upload, a path below the input folder, a URL or a data URI'],
  ])('say why a value is not taken: %s %j', (name, value, reason) => {
    expect(rules.get(name)?.refuses(value)).toBe(reason);
  });
});

describe('an integer', () => {
  it.each([
    [5, 5], ['5', 5], [' -5 ', -5], [big('5'), 5], [9007199254740991, 9007199254740991],
    ['9007199254740993', big('9007199254740993')], [big('18446744073709551615'), big('18446744073709551615')], ['-9223372036854775808', big('-9223372036854775808')],
  ])('%j is taken as %j', (given, taken) => {
    expect(JSON.stringify(check({ type: 'integer' }, given))).toBe(JSON.stringify(taken));
  });

  it.each([5.5, 1e300, '5.5', '0x10', '', 'many', true, [5], {}, 9007199254740993, big('1e400'), '9'.repeat(50), 'random'])('is not %j', (given) => {
    expect(check({ type: 'integer' }, given)).toBe('invalid_input_type');
  });

  it('keeps limits beyond 2^53 to the last digit', () => {
    const input = { type: 'integer', min: big('9007199254740993'), max: big('9007199254740995') };
    expect(['9007199254740992', '9007199254740993', '9007199254740995', '9007199254740996'].map((one) => typeof check(input, one))).toEqual(['string', 'object', 'object', 'string']);
    expect(check({ type: 'integer' }, '18446744073709551616')).toBe('value_bigger_than_max');
    expect(check({ type: 'integer' }, '-9223372036854775809')).toBe('value_smaller_than_min');
  });

  it.each(['random', null, undefined])('is drawn for %j where the default is random', (given) => {
    expect(check({ type: 'integer', default: 'random' }, given)).toBe(7);
  });

  it('is drawn from the whole range, and from nothing else', () => {
    const all = 2n ** 64n - 1n;
    const draw = (limitsOf: object, random: bigint) => JSON.stringify(check({ type: 'integer', default: 'random', ...limitsOf }, 'random', () => random));
    expect(draw({}, all)).toBe(String(all));
    expect(draw({ min: -5 }, 0n)).toBe('0');
    expect(draw({ min: 10, max: 12 }, 0n)).toBe('10');
    expect(draw({ min: 10, max: 12 }, 2n)).toBe('12');
    expect(draw({ min: 10, max: 12 }, 3n)).toBe('10');
    expect(draw({ max: 3 }, -1n)).toBe('3');
  });

  it('is a new one each time', () => {
    let n = 0n;
    const random = () => (n += 1n);
    expect([check({ type: 'integer', default: 'random' }, null, random), check({ type: 'integer', default: 'random' }, null, random)]).toEqual([1, 2]);
  });
});

describe('a value', () => {
  const fitting = { 'a text': { type: 'string', min_length: 2, max_length: 3 }, 'a number': { type: 'number', min: 0.5, max: 1 }, 'true or false': { type: 'boolean' }, 'one of a list': { type: 'enum', values: ['a', 'b'] }, 'a picture': { type: 'image' }, 'a video': { type: 'video' }, 'a sound': { type: 'audio' } };

  it.each<[keyof typeof fitting, unknown]>([
    ['a text', 'ab'], ['a text', 'abc'], ['a number', 0.5], ['a number', 1], ['true or false', true], ['true or false', false], ['one of a list', 'b'],
    ['a picture', 'a.png'], ['a picture', 'https://example.org/a.png'], ['a video', 'a.mp4'], ['a sound', 'a.wav'],
  ])('that is %s may be %j', (what, value) => {
    expect(checkInputs(template({ it: fitting[what] }), { it: value }, seven)).toEqual({ values: { it: value }, faults: [] });
  });

  it.each<[keyof typeof fitting, unknown, string]>([
    ['a text', 'a', 'value_smaller_than_min'], ['a text', 'abcd', 'value_bigger_than_max'], ['a text', 5, 'invalid_input_type'],
    ['a number', 0.4, 'value_smaller_than_min'], ['a number', 1.1, 'value_bigger_than_max'], ['a number', '1', 'invalid_input_type'], ['a number', Number.NaN, 'invalid_input_type'],
    ['true or false', 'true', 'invalid_input_type'], ['true or false', 1, 'invalid_input_type'],
    ['one of a list', 'c', 'value_not_in_list'], ['one of a list', 1, 'invalid_input_type'],
    ['a picture', '', 'invalid_input_type'], ['a picture', { url: 'x' }, 'invalid_input_type'], ['a video', '', 'invalid_input_type'], ['a sound', false, 'invalid_input_type'],
  ])('that is %s may not be %j', (what, value, type) => {
    expect(check(fitting[what], value)).toBe(type);
  });

  it('that is a number of many digits stays as it came', () => {
    expect(JSON.stringify(check({ type: 'number' }, big('12345678901234567890')))).toBe('12345678901234567890');
    expect(check({ type: 'number' }, big('1e400'))).toBe('invalid_input_type');
  });

  it('that is a data URI may be long, but not without end', () => {
    expect(check({ type: 'image' }, 'x'.repeat(limits.mediaText))).toHaveLength(limits.mediaText);
    expect(check({ type: 'image' }, 'x'.repeat(limits.mediaText + 1))).toBe('value_bigger_than_max');
  });

  it('is told back cut', () => {
    const { faults } = checkInputs(template({ it: { type: 'boolean' } }), { it: 'y'.repeat(5_000) }, seven);
    expect(faults[0]?.reason.length).toBeLessThan(limits.told + 100);
  });
});
