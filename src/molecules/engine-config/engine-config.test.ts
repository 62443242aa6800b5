import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { ConfigError } from '../../core/config.ts';
import { TemplateInput } from '../../models/template.ts';
import { rulesOf } from '../templates/check.ts';
import { readTemplates } from '../templates/load.ts';
import { loadEngineConfig, parseEngineConfig } from './engine-config.ts';

const variables: Record<string, string> = { COUNT: '3', HOST: '10.0.0.5:8188', EMPTY: '', SECRET: 'hunter2', ON: 'true' };
const takes = (inputs: Readonly<Record<string, unknown>>) => rulesOf({ inputs: z.record(z.string(), TemplateInput).parse(Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, { targets: [{ node: '1', input: name }], ...z.record(z.string(), z.unknown()).parse(input) }]))) });
/** Of pose-change and upscale only the names are known. */
const templates = new Map([
  ['pose-change', undefined],
  ['upscale', undefined],
  ['paint', takes({ prompt: { type: 'string', max_length: 9 }, steps: { type: 'integer', default: 20, min: 1, max: 150 }, style: { type: 'enum', values: ['oil', 'ink'], default: 'oil' }, mask: { type: 'image', required: false } })],
]);
const options = { rules: rulesOf, environment: (name: string) => variables[name], templates, instances: ['10.0.0.5:8188', '10.0.0.6:8188'] };
const parse = (text: string) => parseEngineConfig(text, 'e.yml', options);

function linesOf(text: string): readonly string[] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  return [];
}

/** A pipeline `p` with these steps, from line 3 on. */
const steps = (...lines: string[]) => `pipelines:\n  p:\n    steps:\n${lines.map((line) => `      ${line}\n`).join('')}`;

describe('the engine registry', () => {
  it('has engines, and pipelines with their steps in order', () => {
    const { config, warnings } = parse(`
engines:
  fast:
    type: comfyui
    description: The fast one.
    config: { concurrency: 2, instances: ["10.0.0.5:8188"] }
pipelines:
  two_steps:
    description: Both.
    steps:
      z_first: { engine: fast, template: pose-change, inputs: { source_image: "\${input.source_image}", seed: 18446744073709551615 } }
      a_second: { engine: comfyui, template: upscale, description: Larger., inputs: { image: "\${steps.z_first.outputs[0]}", deep: [{ name: "x \${steps.z_first.outputs[0].filename}" }] } }
  off: { enabled: false, steps: { only: { engine: comfyui, template: upscale } } }
`);
    expect(warnings).toEqual([]);
    expect(config.engines).toEqual(new Map([['comfyui', { type: 'comfyui', config: {} }], ['fast', { type: 'comfyui', description: 'The fast one.', config: { concurrency: 2, instances: ['10.0.0.5:8188'] } }]]));
    expect([...config.pipelines.keys()]).toEqual(['two_steps', 'off']);
    expect(config.pipelines.get('two_steps')).toEqual({
      name: 'two_steps', enabled: true, description: 'Both.',
      steps: [
        { name: 'z_first', engine: 'fast', template: 'pose-change', description: undefined, inputs: { source_image: '${input.source_image}', seed: JSON.rawJSON('18446744073709551615') } },
        { name: 'a_second', engine: 'comfyui', template: 'upscale', description: 'Larger.', inputs: { image: '${steps.z_first.outputs[0]}', deep: [{ name: 'x ${steps.z_first.outputs[0].filename}' }] } },
      ],
    });
    expect(config.pipelines.get('off')).toMatchObject({ enabled: false, steps: [{ name: 'only', inputs: undefined }] });
  });

  it.each(['', '# nothing\n', 'engines:\npipelines:\n', '{}'])('has the usual engine and no pipeline where the file says nothing: %j', (text) => {
    const { config } = parse(text);
    expect([...config.engines]).toEqual([['comfyui', { type: 'comfyui', config: {} }]]);
    expect(config.pipelines.size).toBe(0);
  });

  it('may say more of the usual engine', () => {
    expect(parse('engines:\n  comfyui:\n    type: comfyui\n    config: { concurrency: 4 }\n').config.engines.get('comfyui')).toMatchObject({ config: { concurrency: 4 } });
    expect(parse('engines:\n  comfyui:\n    type: comfyui\n    config:\n      # concurrency: 4\n').config.engines.get('comfyui')).toMatchObject({ config: {} });
  });
});

describe('a variable of the environment', () => {
  it('is put in, or its default; without quotes it may be a number', () => {
    const { config } = parse('engines:\n  a:\n    type: "${TYPE:-comfyui}"\n    description: on ${HOST}, ${EMPTY:-not set}, ${input.x}, ${steps.a}\n    config:\n      concurrency: ${COUNT}\n      instances: ["${HOST}"]\n');
    expect(config.engines.get('a')).toEqual({ type: 'comfyui', description: 'on 10.0.0.5:8188, not set, ${input.x}, ${steps.a}', config: { concurrency: 3, instances: ['10.0.0.5:8188'] } });
    expect(parse('engines:\n  a:\n    type: comfyui\n    description: "${COUNT}"\n').config.engines.get('a')?.description).toBe('3');
    expect(parse(`pipelines:\n  p:\n    enabled: \${ON}\n    steps: { s: { engine: comfyui, template: upscale, inputs: { a: "\${COUNT}" } } }\n`).config.pipelines.get('p')).toMatchObject({ enabled: true, steps: [{ inputs: { a: '3' } }] });
  });

  it('that is a secret is not to have a default in the file', () => {
    expect(linesOf('engines: { a: { type: comfyui, description: "${MY_API_KEY}" } }')).toEqual(['e.yml:1: engines.a.description: MY_API_KEY is not set; set it (in .env, or in the environment)']);
  });

  it('that is not set, or empty, is a fault with its line, and the only one of its place', () => {
    expect(linesOf('engines:\n  a:\n    type: ${GONE}\n    description: ${EMPTY} ${ALSO_GONE}\n')).toEqual([
      'e.yml:3: engines.a.type: GONE is not set; set it (in .env, or in the environment), or give a default: ${GONE:-default}',
      'e.yml:4: engines.a.description: EMPTY is not set; set it (in .env, or in the environment), or give a default: ${EMPTY:-default}',
      'e.yml:4: engines.a.description: ALSO_GONE is not set; set it (in .env, or in the environment), or give a default: ${ALSO_GONE:-default}',
    ]);
  });

  it.each(['${HOST-x}', '${HOST:x}', '${HOST'])('is not written %s', (text) => {
    expect(linesOf(`engines:\n  a:\n    type: comfyui\n    description: "${text}"\n`)).toEqual([`e.yml:4: engines.a.description: ${text} is not understood; allowed: \${NAME} or \${NAME:-default}`]);
  });

  it('is not told in a message: it may be secret', () => {
    expect(linesOf('engines:\n  a:\n    type: "${SECRET}"\n')).toEqual(['e.yml:3: engines.a.type: "${SECRET}" is not a supported engine type; allowed: comfyui, runninghub']);
    expect(linesOf('engines:\n  a:\n    type: comfyui\n    config: { concurrency: "${SECRET}" }\n').join()).not.toContain('hunter2');
  });
});

describe('a fault of the engine registry', () => {
  it('has the line, the field, what is wrong and what is allowed; all are told together', () => {
    expect(linesOf(`engines:
  foo:
    type: facefusion
  bar:
    type: comfyui
    confg: {}
    config:
      concurrency: 0
      instances:
        - 10.0.0.5:8188
        - 5
  9bad:
    type: comfyui
pipelines:
  p:
    enabled: maybe
    steps: {}
  q:
    steps:
      s:
        engin: comfyui
  r: yes
pipes: {}
`).toSorted()).toEqual([
      'e.yml:3: engines.foo.type: "facefusion" is not a supported engine type; allowed: comfyui, runninghub',
      'e.yml:8: engines.bar.config.concurrency: 0 is too small; allowed: 1 or more',
      'e.yml:11: engines.bar.config.instances[1]: 5 is not a text',
      'e.yml:6: engines.bar.confg: is not known here; allowed: type, description, config',
      'e.yml:12: engines.9bad: this name must be letters, digits, "_" and "-", beginning with a letter',
      'e.yml:16: pipelines.p.enabled: "maybe" is not true or false',
      'e.yml:17: pipelines.p.steps: must have at least one step',
      'e.yml:20: pipelines.q.steps.s.engine: is missing; allowed: a text',
      'e.yml:21: pipelines.q.steps.s.engin: is not known here; allowed: engine, template, description, inputs',
      'e.yml:22: pipelines.r: "yes" is not an object',
      'e.yml:23: pipes: is not known here; allowed: engines, pipelines',
    ].toSorted());
  });

  it.each([
    ['engines: [1]', ['e.yml:1: engines: a list is not an object']],
    ['- a', ['e.yml:1: a list is not an object']],
    ['engines:\n  a: { type: comfyui }\n  a: { type: comfyui }\n', ['e.yml:3: the key "a" stands there twice']],
    ['engines:\n  a: { type: comfyui, config: { instances: ["10.0.0.7:8188"] } }\n', ['e.yml:2: engines.a.config.instances[0]: "10.0.0.7:8188" is none of COMFYUI_URLS; allowed: 10.0.0.5:8188, 10.0.0.6:8188']],
    [steps('s:', '  engine: fst', '  template: upscale'), ['e.yml:5: pipelines.p.steps.s.engine: "fst" is not a registered engine; allowed: comfyui']],
    [steps('s:', '  engine: comfyui', '  template: upscal'), ['e.yml:6: pipelines.p.steps.s.template: there is no template "upscal"; allowed: pose-change, upscale, paint']],
    [steps('s:', '  engine: comfyui'), ['e.yml:4: pipelines.p.steps.s: has no template, which an engine of type comfyui needs; allowed: pose-change, upscale, paint']],
    [steps('s:', '  engine: runninghub'), ['e.yml:5: pipelines.p.steps.s.engine: "runninghub" is the engine of RUNNINGHUB_API_KEY, which runs what callers of /v1/generate and /submit_task name, and no pipelines: add one with a workflow_id or webapp_id of its own']],
    [steps('s:', '  engine: toString', '  template: upscale'), ['e.yml:5: pipelines.p.steps.s.engine: "toString" is not a registered engine; allowed: comfyui']],
  ])('%j', (text, lines) => {
    expect(linesOf(text)).toEqual(lines);
  });

  it('of YAML itself has its line', () => {
    const lines = linesOf('engines:\n  a: [1\npipelines: {}\n');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/^e\.yml:[1-9]: ./);
  });

  it('of YAML itself is told once for its line, for three lines, with what was probably meant', () => {
    const step = (value: string) => `{ engine: comfyui, template: upscale, inputs: { image: ${value}, factor: ${value} } }`;
    const [bare, ...others] = linesOf(steps(`a: ${step('${input.image}')}`, ...['b', 'c', 'd', 'e'].map((name) => `${name}: { engine: } }`)));
    expect(bare).toMatch(/^e\.yml:4: .+; put \$\{…\} in quotes$/);
    expect(others).toEqual([expect.stringMatching(/^e\.yml:5: /), expect.stringMatching(/^e\.yml:6: /)]);
    expect(others.join('\n')).not.toContain('in quotes');
  });

  it.each(['a: { b: "${X}" c: [ }', "a: { b: '${X}' c: [ }", 'a: { b: [ } # as in ${X}'])('of YAML itself that has nothing to do with ${…} is told without a word of it: %s', (text) => {
    expect(linesOf(text).join('\n')).toMatch(/^e\.yml:1: (?![^]*in quotes)/);
  });

  it.each([
    ['{ prompt: "${input.prompt}", stepps: 5 }', ['.inputs.stepps: template "paint" has no such input; nearest: steps; allowed: prompt, steps, style, mask']],
    ['{ steps: 5 }', ['.inputs: has no "prompt", which template "paint" needs: string']],
    ['{ prompt: }', ['.inputs: has no "prompt", which template "paint" needs: string']],
    ['{}', ['.inputs: has no "prompt", which template "paint" needs: string']],
    ['{ prompt: x, steps: 151, style: "water" }', ['.inputs.steps: 151 is more than 150, the most that is allowed', '.inputs.style: "water" is not one of oil, ink']],
    ['{ prompt: "${input.prompt:-far too long}", steps: "${input.steps:-many}" }', ['.inputs.prompt: ${input.prompt:-far too long}: A text of 12 characters is more than 9 characters, the most that is allowed', '.inputs.steps: ${input.steps:-many}: "many" is not taken; allowed: a whole number from 1 to 150']],
    ['{ prompt: [x] }', ['.inputs.prompt: a list is not taken; allowed: a text']],
    ['{ prompt: x, style: "${SECRET}", steps: "${SECRET}" }', ['.inputs.style: "${SECRET}" with what the environment says is not taken by an input of type enum', '.inputs.steps: "${SECRET}" with what the environment says is not taken by an input of type integer']],
    ['{ prompt: "${input.a} and ${input.b:-much more than nine}", steps: "${input.steps:-7}", style: "${input.style}", mask: "${steps.before.outputs[0]}" }', []],
    ['{ prompt: "${HOST:-x}", steps: "${COUNT}", style: ~, mask: a.png }', ['.inputs.prompt: "${HOST:-x}" with what the environment says is not taken by an input of type string']],
  ])('of what a step gives its template is found at the start: %s', (inputs, faults) => {
    const file = steps('before: { engine: comfyui, template: upscale }', 's:', '  engine: comfyui', '  template: paint', `  inputs: ${inputs}`);
    expect(linesOf(file)).toEqual(faults.map((fault) => `e.yml:8: pipelines.p.steps.s${fault}`));
  });

  it('of what a step gives cannot be found where it says nothing, or the template is not known', () => {
    expect(linesOf(steps('a: { engine: comfyui, template: paint }', 'b: { engine: comfyui, template: upscale, inputs: { anything: 1 } }'))).toEqual([]);
  });

  it.each([
    ['${steps.b.outputs[0]}', '${steps.b.outputs[0]}: "b" is not a step before this one; allowed: a'],
    ['x ${steps.c.outputs[0]}', '${steps.c.outputs[0]}: "c" is not a step before this one; allowed: a'],
    ['${steps.a.output}', '${steps.a.output} is no expression; allowed: ${input.NAME}, ${input.NAME:-default}, ${steps.STEP.outputs[0]}, with .url, .text or .filename behind it'],
    ['${something}', '${something} is no expression; allowed: ${input.NAME}, ${input.NAME:-default}, ${steps.STEP.outputs[0]}, with .url, .text or .filename behind it'],
  ])('in an expression of a step is found at the start: %s', (text, fault) => {
    const step = '{ engine: comfyui, template: upscale }';
    const file = steps(`a: ${step}`, 'b:', '  engine: comfyui', '  template: upscale', '  inputs:', '    deep:', `      - "${text}"`, `c: ${step}`);
    expect(linesOf(file)).toEqual([`e.yml:10: pipelines.p.steps.b.inputs.deep[0]: ${fault}`]);
  });

  it('in the name of a pipeline is one that callers could not tell from another', () => {
    const pipeline = '{ steps: { s: { engine: comfyui, template: upscale } } }';
    expect(linesOf(`pipelines:\n  pose: ${pipeline}\n  Pose: ${pipeline}\n  face_swap: ${pipeline}\n  Template: ${pipeline}\n  WORKFLOW: ${pipeline}\n`)).toEqual([
      'e.yml:3: pipelines.Pose: its name is that of "pose", as callers write both in upper case',
      'e.yml:4: pipelines.face_swap: FACE_SWAP is what other tasks are called; allowed: any name but TEMPLATE, WORKFLOW, FACE_SWAP',
      'e.yml:5: pipelines.Template: TEMPLATE is what other tasks are called; allowed: any name but TEMPLATE, WORKFLOW, FACE_SWAP',
      'e.yml:6: pipelines.WORKFLOW: WORKFLOW is what other tasks are called; allowed: any name but TEMPLATE, WORKFLOW, FACE_SWAP',
    ]);
  });

  it('of a pipeline that is switched off is a warning', () => {
    const { config, warnings } = parse('pipelines:\n  p:\n    enabled: false\n    steps:\n      s: { engine: gone, template: gone }\n');
    expect(config.pipelines.get('p')?.enabled).toBe(false);
    expect(warnings).toEqual([
      'e.yml:5: pipelines.p.steps.s.engine: "gone" is not a registered engine; allowed: comfyui (the pipeline is switched off)',
      'e.yml:5: pipelines.p.steps.s.template: there is no template "gone"; allowed: pose-change, upscale, paint (the pipeline is switched off)',
    ]);
  });
});

describe('an engine of type runninghub', () => {
  const hub = (...lines: string[]) => `engines:\n  hub:\n    type: runninghub\n    config:\n${lines.map((line) => `      ${line}\n`).join('')}`;
  const usual = ['api_key: ${SECRET}', 'workflow_id: 1996080571212349442', 'inputs: { source: { node_id: 12, field: image, kind: image }, seed: { node_id: "3", field: seed, kind: integer, default: 7 } }'];

  it('has an id with all its digits, and defaults', () => {
    expect(parse(hub(...usual)).config.engines.get('hub')).toMatchObject({
      type: 'runninghub',
      config: { api_key: 'hunter2', workflow_id: '1996080571212349442', api_base_url: 'https://www.runninghub.cn', timeout: 300, poll_interval: 3, inputs: { source: { node_id: '12', field: 'image', kind: 'image' } } },
    });
  });

  it('has inputs without nodes in the alt-v1 dialect, by their names where nothing else is said', () => {
    const { config } = parse(`${hub('api_key: k', 'workflow_id: 1', 'dialect: alt-v1', 'inputs: { source: { field: raw_image, kind: image }, seed: { kind: integer } }')}${steps('s: { engine: hub }')}`);
    expect(config.pipelines.get('p')?.steps[0]?.form?.inputs).toMatchObject({ source: { targets: [{ input: 'raw_image' }] }, seed: { targets: [{ input: 'seed' }] } });
  });

  it('gives its steps what it takes in place of a template', () => {
    const { config } = parse(`${hub(...usual)}${steps('s: { engine: hub }')}`);
    expect(config.pipelines.get('p')?.steps[0]?.form?.inputs).toEqual({
      source: { type: 'image', targets: [{ node: '12', input: 'image' }] },
      seed: { type: 'integer', targets: [{ node: '3', input: 'seed' }], default: 7 },
    });
  });

  it.each([
    [['api_key: k'], ['e.yml:4: engines.hub.config: must have either workflow_id or webapp_id, and not both']],
    [['api_key: k', 'workflow_id: 1', 'webapp_id: 2'], ['e.yml:4: engines.hub.config: must have either workflow_id or webapp_id, and not both']],
    [['webapp_id: "12x"'], ['e.yml:4: engines.hub.config.api_key: is missing; allowed: a text', 'e.yml:5: engines.hub.config.webapp_id: "12x" is not taken; allowed: the digits of an id']],
    [['api_key: k', 'workflow_id: 1', 'timout: 5'], ['e.yml:7: engines.hub.config.timout: is not known here; allowed: api_key, workflow_id, webapp_id, api_base_url, timeout, poll_interval, concurrency, instance_type, access_password, key_place, dialect, progress_socket, download_hosts, inputs, outputs']],
    [['api_key: k', 'workflow_id: 1', 'inputs: { n: { kind: number } }'], ['e.yml:7: engines.hub.config.inputs.n.node_id: is missing', 'e.yml:7: engines.hub.config.inputs.n.field: is missing']],
    [['api_key: k', 'workflow_id: 1', 'dialect: alt-v1', 'inputs: { a: { field: image }, image: { node_id: 3 } }'], ['e.yml:8: engines.hub.config.inputs.a: has the same field as another input', 'e.yml:8: engines.hub.config.inputs.image: has the same field as another input', 'e.yml:8: engines.hub.config.inputs.image.node_id: must be left out: inputs of the alt-v1 dialect have no nodes']],
    [['api_key: k', 'webapp_id: 1', 'dialect: alt-v1', 'access_password: x', 'progress_socket: true'], ['e.yml:6: engines.hub.config.webapp_id: must be left out: the alt-v1 dialect does not know it', 'e.yml:8: engines.hub.config.access_password: must be left out: the alt-v1 dialect does not know it', 'e.yml:9: engines.hub.config.progress_socket: must be left out: the alt-v1 dialect does not know it']],
    [['api_key: k', 'workflow_id: 1', 'inputs: { n: { node_id: 1, field: x, kind: number, default: many } }'], ['e.yml:7: engines.hub.config.inputs.n.default: "many" is not of the kind of the input']],
  ])('with a fault is told with its line: %j', (lines, faults) => {
    expect(linesOf(hub(...lines)).toSorted()).toEqual(faults.toSorted());
  });

  it('takes no template, and what its steps give is checked', () => {
    expect(linesOf(`${hub(...usual)}${steps('a: { engine: hub, template: upscale }', 'b: { engine: hub, inputs: { sorce: x.png } }')}`)).toEqual([
      'e.yml:11: pipelines.p.steps.a.template: engine "hub" runs what lies at RunningHub and takes no template; leave it out',
      'e.yml:12: pipelines.p.steps.b.inputs.sorce: engine "hub" has no such input; nearest: source; allowed: source, seed',
      'e.yml:12: pipelines.p.steps.b.inputs: has no "source", which engine "hub" needs: image',
    ]);
  });
});

describe('the file of the engine registry', () => {
  it('may be missing', async () => {
    const { config } = await loadEngineConfig('/nowhere/engine_config.yml', options);
    expect([...config.engines.keys()]).toEqual(['comfyui']);
  });

  it('is told of with its path', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'e.yml');
    await writeFile(path, 'pipes: {}\n');
    await expect(loadEngineConfig(path, options)).rejects.toThrow(`${path}:1: pipes: is not known here`);
    await writeFile(path, Buffer.alloc(1024 * 1024 + 1, '#'));
    await expect(loadEngineConfig(path, options)).rejects.toThrow(ConfigError);
  });

  it('as shipped is without fault, also of what its steps give', async () => {
    const root = `${import.meta.dirname}/../../..`;
    const shipped = await readTemplates(`${root}/config/workflows`);
    const known = new Map(shipped.templates.map(({ name, template }) => [name, template && rulesOf(template)]));
    expect([...known.values()]).not.toContain(undefined);
    const { config, warnings } = await loadEngineConfig(`${root}/config/engine_config.yml`, { environment: () => undefined, instances: [], templates: known });
    expect(warnings).toEqual([]);
    expect([...config.pipelines.values()].map(({ name, steps: all }) => [name, ...all.map((step) => step.name)])).toEqual([['pose_change', 'pose_transfer'], ['restyle', 'restyle', 'upscale']]);
  });
});
