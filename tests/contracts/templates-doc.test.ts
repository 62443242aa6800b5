/** docs/templates.md beside the code: its template fits nodes as ComfyUI declares them, its pipelines and engines would be taken. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseLenientJson } from '../../src/atoms/json/json.ts';
import { TemplateFile } from '../../src/models/template.ts';
import { declarationsOf } from '../../src/molecules/comfyui-info/translate.ts';
import { ObjectInfo } from '../../src/molecules/comfyui-info/wire.ts';
import { parseEngineConfig } from '../../src/molecules/engine-config/engine-config.ts';
import { rulesOf } from '../../src/molecules/templates/check.ts';
import { definitionFaults } from '../../src/molecules/templates/definition.ts';
import { readTemplates } from '../../src/molecules/templates/load.ts';
import { startTestSandbox } from '../support/engine.ts';
import { until } from '../support/until.ts';

const root = `${import.meta.dirname}/../..`;
const doc = readFileSync(`${root}/docs/templates.md`, 'utf8');
const blocks = (language: string): string[] => [...doc.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map((match) => match[1] ?? '');
const cellsOf = (row: string): string[] => (new RegExp(`^\\| ${row} \\|(.*)\\|$`, 'm').exec(doc)?.[1] ?? '').split('|').map((cell) => cell.replaceAll('`', '').trim());

describe('the template of the document', () => {
  const raw = parseLenientJson(blocks('json')[0] ?? '');
  const classes = cellsOf('its `class_type`');
  const graph = Object.fromEntries(cellsOf('node of this graph').map((id, n) => [id, { class_type: classes[n] ?? '' }]));
  const declared = declarationsOf(ObjectInfo.parse(parseLenientJson(readFileSync(`${root}/tests/fixtures/comfyui/http/object_info.subset.json`, 'utf8'))));

  it('is without fault, and every target is an input of the class that its node has', () => {
    expect(definitionFaults(raw, graph)).toEqual([]);
    const targets = Object.values(TemplateFile.parse(raw).inputs).flatMap((input) => input.targets);
    expect(targets.length).toBeGreaterThan(4);
    for (const { node, input } of targets) expect([...(declared.get(graph[node]?.class_type ?? '')?.inputs.keys() ?? [])]).toContain(input);
  });
});

describe('the pipelines and engines of the document', () => {
  it('would be taken', async () => {
    const { templates } = await readTemplates(`${root}/config/workflows`);
    const options = { environment: () => undefined, instances: ['10.0.0.6:8188'], templates: new Map(templates.map(({ name, template }) => [name, template && rulesOf(template)])) };
    const [pipelines, engines] = blocks('yaml').map((text) => parseEngineConfig(text, 'doc', options).config);
    expect([...(pipelines?.pipelines.keys() ?? [])]).toEqual(['restyle']);
    expect([...(engines?.engines.keys() ?? [])]).toEqual(['comfyui', 'large']);
  });
});

describe('the failure of the document', () => {
  const Body = z.object({ workflow: z.record(z.string(), z.unknown()) });
  const History = z.record(z.string(), z.object({ status: z.object({ status_str: z.string() }) }));

  it('happens while the graph runs in the sandbox', async () => {
    const body = /-d '([^']*)'/.exec(blocks('sh')[0] ?? '')?.[1] ?? '';
    const { workflow: prompt } = Body.parse(JSON.parse(body));
    await using sandbox = await startTestSandbox();
    const answer = await fetch(`${sandbox.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt }) });
    expect(answer.status).toBe(200);
    const history = async () => Object.values(History.parse(await (await fetch(`${sandbox.url}/history`)).json()))[0]?.status.status_str;
    await until('it ended', async () => (await history()) !== undefined);
    expect(await history()).toBe('error');
  });
});
