import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { limits } from '../../constants/limits.ts';
import { readTemplates } from './load.ts';

const GRAPH = '{"1":{"class_type":"A","inputs":{"seed":18446744073709551615,"text":""}},"9":{"class_type":"Save"}}';
const seed = '{"type":"integer","default":"random","min":0,"max":18446744073709551615,"targets":[{"node":"1","input":"seed"}]}';
const template = (parts: Record<string, string> = {}) => {
  const all = { title: '"T"', graph: '"g.graph"', inputs: `{"seed":${seed}}`, ...parts };
  return `{${Object.entries(all).map(([key, text]) => `"${key}":${text}`).join(',')}}`;
};

/** What reading says of a folder with these files; faults without the folder's own path. */
async function read(files: Record<string, string | Buffer>) {
  await using folder = await temporaryFolder();
  for (const [name, text] of Object.entries({ 'g.graph': GRAPH, ...files })) {
    await mkdir(join(folder.path, name, '..'), { recursive: true });
    await writeFile(join(folder.path, name), text);
  }
  const { templates, faults } = await readTemplates(folder.path);
  const told = [...faults, ...templates.flatMap((one) => one.faults)].map((line) => line.replaceAll(folder.path, 'F'));
  return { templates: templates.map((one) => one.template).filter((one) => one !== undefined), faults: told };
}

const inputFaults = async (inputs: string) => (await read({ 't.json': template({ inputs }) })).faults.map((line) => line.replace('F/t.json: inputs.', ''));
const target = '"targets":[{"node":"1","input":"seed"}]';

describe('a folder of templates', () => {
  it('is read with its graphs, and numbers keep every digit', async () => {
    const { templates, faults } = await read({ 'b.json': template(), 'a.json': template({ graph: '"graphs/g.json"', outputs: '["9"]', description: '"D"' }), 'graphs/g.json': GRAPH, '.hidden.json': '{', 'notes.txt': 'x' });
    expect(faults).toEqual([]);
    expect(templates.map(({ name, title, description, outputs }) => [name, title, description, outputs])).toEqual([['a', 'T', 'D', ['9']], ['b', 'T', '', undefined]]);
    expect(JSON.stringify(templates[1]?.workflow)).toBe(GRAPH);
    expect(templates[1]?.inputs['seed']).toMatchObject({ default: 'random', min: 0, max: JSON.rawJSON('18446744073709551615') });
  });

  it('that is missing has none', async () => {
    expect(await readTemplates('/nowhere/at/all')).toEqual({ templates: [], faults: [] });
  });

  it('tells the faults of all files together, and still has the good ones', async () => {
    const { templates, faults } = await read({ 'bad.json': template({ title: '""', nonsense: '1' }), 'good.json': template(), 'worse.json': '{\n  "title": "T",\n}' });
    expect(templates.map(({ name }) => name)).toEqual(['good']);
    expect(faults).toEqual([
      'F/bad.json: title: "" is too short; allowed: 1 or more characters',
      'F/bad.json: nonsense: is not known here; allowed: title, description, graph, inputs, outputs',
      'F/worse.json: line 3, column 1: it is not JSON: unexpected "}"',
    ]);
  });

  it('has a bounded number of them', async () => {
    const files = Object.fromEntries(Array.from({ length: limits.templates + 1 }, (_, n) => [`t${n}.json`, '{']));
    const { faults } = await read(files);
    expect(faults[0]).toBe(`F: it has ${limits.templates + 1} templates; up to ${limits.templates} are taken`);
    expect(faults).toHaveLength(limits.templates + 1);
  });

  it('says of a name that could not stand in an address', async () => {
    expect((await read({ 'a b.json': template() })).faults).toEqual(['F/a b.json: its name must be letters, digits, "_", "-" and ".", up to 100']);
  });

  it('says of a file that is too large, no text, or no template', async () => {
    const { faults } = await read({ 'a.json': Buffer.alloc(limits.templateBytes + 1, ' '), 'b.json': Buffer.from([0xff]), 'c.json': '[]', 'd.json': `${'['.repeat(300)}${']'.repeat(300)}` });
    expect(faults).toEqual([
      `F/a.json: it has ${limits.templateBytes + 1} bytes; up to ${limits.templateBytes} are taken`,
      'F/b.json: it is not UTF-8 text',
      'F/c.json: a list is not an object',
      'F/d.json: the JSON is nested 300 levels deep; up to 200 are taken.',
    ]);
  });
});

describe('the graph of a template', () => {
  const graphFault = async (graph: string) => (await read({ 'g.graph': graph, 't.json': template({ inputs: '{}' }) })).faults;

  it.each([
    ['{"nodes":[],"links":[]}', 'F/t.json: graph: F/g.graph: this is the format that the ComfyUI page saves; export it with Workflow > Export (API) instead'],
    ['[]', 'F/t.json: graph: F/g.graph: a list is not a graph; allowed: an object of nodes in API format'],
    ['{}', 'F/t.json: graph: F/g.graph: the graph has no nodes'],
    ['{"1":5}', 'F/t.json: graph: F/g.graph: node "1" is 5; allowed: an object with class_type and inputs'],
    ['{"1":{"inputs":{}}}', 'F/t.json: graph: F/g.graph: node "1" has no class_type; allowed: an object with class_type and inputs'],
    ['{"1":{"class_type":"A","inputs":[]}}', 'F/t.json: graph: F/g.graph: node "1" has inputs that are no object; allowed: an object with class_type and inputs'],
    ['{"1":{"class_type":"A"},\n "2":nul}', 'F/t.json: graph: F/g.graph: line 2, column 6: it is not JSON: unexpected "n"'],
  ])('%s is refused', async (graph, fault) => {
    expect(await graphFault(graph)).toEqual([fault]);
  });

  it('must be there, below the folder', async () => {
    expect((await read({ 't.json': template({ graph: '"gone.json"' }) })).faults).toEqual(['F/t.json: graph: there is no file "gone.json" in F']);
    for (const path of ['../secret.json', '/etc/passwd', 'a/../../b', 'C:\\\\x']) expect((await read({ 't.json': template({ graph: `"${path}"` }) })).faults).toEqual([expect.stringMatching(/^F\/t\.json: graph: .* allowed: a file below F$/)]);
  });

  it('must not be a link that leads out', async () => {
    await using outside = await temporaryFolder();
    await using folder = await temporaryFolder();
    await writeFile(join(outside.path, 'g.json'), GRAPH);
    await symlink(join(outside.path, 'g.json'), join(folder.path, 'g.graph'));
    await writeFile(join(folder.path, 't.json'), template());
    expect((await readTemplates(folder.path)).templates[0]?.faults).toEqual([expect.stringContaining('a link leads out of the folder')]);
  });

  it('has the nodes that targets and outputs name, also where the template has other faults', async () => {
    const inputs = `{"a":{"type":"boolean","targets":[{"node":"1","input":"x"},{"node":"7","input":"x"}]},"b":{"type":"bool",${target}}}`;
    expect((await read({ 't.json': template({ inputs, outputs: '["9","10"]' }) })).faults).toEqual([
      'F/t.json: inputs.b.type: "bool" is not a supported type of input; allowed: string, integer, number, boolean, enum, image, video, audio',
      'F/t.json: inputs.a.targets[1].node: the graph has no node "7"; allowed: 1, 9',
      'F/t.json: outputs[1]: the graph has no node "10"; allowed: 1, 9',
    ]);
  });
});

describe('an input of a template', () => {
  it.each([
    [`"type":"integer","default":0,"min":1,"max":5`, 'default: 0 is less than 1, the least that is allowed'],
    [`"type":"integer","default":"often"`, 'default: "often" is not a whole number, nor "random"'],
    [`"type":"integer","default":"5"`, 'default: "5" is not a whole number, nor "random"'],
    [`"type":"integer","default":1.5`, 'default: 1.5 is not a whole number, nor "random"'],
    [`"type":"integer","default":18446744073709551615,"max":18446744073709551614`, 'default: 18446744073709551615 is more than 18446744073709551614, the most that is allowed'],
    [`"type":"integer","min":18446744073709551615,"max":18446744073709551614`, 'min: 18446744073709551615 is more than max, which is 18446744073709551614'],
    [`"type":"integer","max":18446744073709551616`, 'max: 18446744073709551616 is not a whole number from -9223372036854775808 to 18446744073709551615'],
    [`"type":"integer","min":"1"`, 'min: "1" is not a whole number from -9223372036854775808 to 18446744073709551615'],
    [`"type":"integer","default":"random","max":-1`, 'default: "random" draws from 0 on, but max is -1'],
    [`"type":"number","default":2,"max":1`, 'default: 2 is more than 1, the most that is allowed'],
    [`"type":"number","min":2,"max":1`, 'min: 2 is more than max, which is 1'],
    [`"type":"string","min_length":5,"max_length":4`, 'min_length: 5 is more than max_length, which is 4'],
    [`"type":"string","default":"abc","max_length":2`, 'default: A text of 3 characters is more than 2 characters, the most that is allowed'],
    [`"type":"enum","values":["a","b"],"default":"c"`, 'default: "c" is not one of a, b'],
    [`"type":"enum","values":["a","a"]`, 'values: a value stands there twice'],
    [`"type":"enum","values":[]`, 'values: has too few entries; allowed: 1 or more'],
    [`"type":"boolean","default":"yes"`, 'default: "yes" is not true or false'],
    [`"type":"boolean","max":1`, 'max: is not known here; allowed: type, description, required, targets, default'],
    [`"default":1`, 'type: is missing; allowed: string, integer, number, boolean, enum, image, video, audio'],
  ])('{%s} is refused', async (parts, fault) => {
    expect(await inputFaults(`{"x":{${parts},${target}}}`)).toEqual([`x.${fault}`]);
  });

  it('needs a target, and has it for itself', async () => {
    expect(await inputFaults('{"x":{"type":"boolean"}}')).toEqual(['x.targets: is missing; allowed: a list']);
    expect(await inputFaults('{"x":{"type":"boolean","targets":[{"node":1,"input":"y"}]}}')).toEqual(['x.targets[0].node: 1 is not a text']);
    expect(await inputFaults(`{"x":{"type":"boolean",${target}},"y":{"type":"boolean",${target}}}`)).toEqual(['y.targets[0]: input "seed" of node "1" is a target of "x" already']);
  });

  it('has a name that is a word', async () => {
    expect(await inputFaults(`{"a b":{"type":"boolean",${target}}}`)).toEqual(['a b: this name must be a word of letters, digits and "_"']);
  });

  it('is told of with the others, up to a limit', async () => {
    const inputs = Object.fromEntries(Array.from({ length: limits.faults + 5 }, (_, n) => [`x${n}`, { type: 'boolean' }]));
    const faults = (await read({ 't.json': template({ inputs: JSON.stringify(inputs) }) })).faults;
    expect(faults).toHaveLength(limits.faults + 1);
    expect(faults.at(-1)).toBe('F/t.json: and 5 more faults');
  });
});
