import { describe, expect, it } from 'vitest';
import { parseYaml } from './yaml.ts';

const file = `# a comment
engines:
  one: &shared
    type: comfyui
    instances:
      - "a:1"
      - b:2
  two: *shared
seed: 18446744073709551615
hex: 0xff
`;

describe('YAML', () => {
  it('is read with aliases, and integers keep every digit', () => {
    const one = { type: 'comfyui', instances: ['a:1', 'b:2'] };
    const { value, faults, warnings } = parseYaml(file);
    expect(value).toEqual({ engines: { one, two: one }, seed: JSON.rawJSON('18446744073709551615'), hex: 255 });
    expect([faults, warnings]).toEqual([[], []]);
    expect(JSON.stringify(value)).toContain('18446744073709551615');
  });

  it.each([
    [[], 2],
    [['engines'], 2],
    [['engines', 'one', 'type'], 4],
    [['engines', 'one', 'instances', 1], 7],
    [['engines', 'one', 'missing'], 3],
    [['engines', 'two', 'instances', 0], 6],
    [['engines', 'two', 'instances', 9], 5],
    [['seed', 'deeper', 'still'], 9],
  ])('knows that %j stands in line %i', (path, line) => {
    expect(parseYaml(file).lineOf(path)).toBe(line);
  });

  it('knows what stands without quotes', () => {
    const file = parseYaml('a: x\nb: "x"\nc: [x]\n');
    expect([['a'], ['b'], ['c'], ['c', 0], ['d']].map((path) => file.isPlain(path))).toEqual([true, false, false, true, false]);
  });

  it('says of a key that stands twice where it does', () => {
    expect(parseYaml('a: 1\nb:\n  key: 1\n  key: 2\n').faults).toEqual([{ line: 4, text: 'the key "key" stands there twice' }]);
  });

  it('tells every fault with its line', () => {
    const { faults, value } = parseYaml('a: [1, 2\nb: "x\n');
    expect(faults.length).toBeGreaterThan(0);
    for (const fault of faults) expect(fault.line).toBeGreaterThan(0);
    expect(value).toBeUndefined();
  });

  it('warns of a tag that it does not know', () => {
    expect(parseYaml('a: 1\nb: !secret x\n').warnings).toEqual([{ line: 2, text: 'Unresolved tag: !secret' }]);
  });

  it('has no value where there is nothing but comments', () => {
    expect(parseYaml('# nothing\n')).toMatchObject({ value: null, faults: [] });
    expect(parseYaml('').lineOf(['a'])).toBe(1);
  });

  it('refuses a document that unfolds without end', () => {
    const bomb = Array.from({ length: 12 }, (_, n) => `k${n}: &k${n} [${n === 0 ? 'x' : Array.from({ length: 9 }, () => `*k${n - 1}`).join(', ')}]`).join('\n');
    expect(parseYaml(bomb).faults[0]?.text).toMatch(/alias/i);
  });
});
