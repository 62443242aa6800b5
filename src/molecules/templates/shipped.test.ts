import { expect, it } from 'vitest';
import { z } from 'zod';
import { startTestSandbox } from '../../../tests/support/engine.ts';
import { png } from '../../../tests/support/picture.ts';
import { until } from '../../../tests/support/until.ts';
import { stringifyJson } from '../../atoms/json/json.ts';
import type { Blueprint } from '../../models/template.ts';
import { checkInputs } from './check.ts';
import { readTemplates } from './load.ts';
import { render } from './render.ts';

const folder = `${import.meta.dirname}/../../../config/workflows`;
const { templates, faults } = await readTemplates(folder);
const find = (name: string) => {
  const template = templates.find((one) => one.name === name)?.template;
  if (!template) throw new TypeError(`no template ${name}`);
  return template;
};

/** Every shipped template with the least that it needs, kept small, and the size of what comes out. */
const runs: Readonly<Record<string, { readonly given: Record<string, unknown>; readonly width: number; readonly height: number }>> = {
  basic_generation: { given: { prompt: 'a lighthouse', steps: 1, width: 64, height: 64 }, width: 64, height: 64 },
  'text-to-image': { given: { prompt: 'a lighthouse', steps: 1, width: 64, height: 128, seed: '18446744073709551615' }, width: 64, height: 128 },
  'image-to-image': { given: { image: 'one', prompt: 'a lighthouse', steps: 2 }, width: 64, height: 64 },
  resize: { given: { image: 'one', width: 20, height: 30, method: 'bilinear' }, width: 20, height: 30 },
  upscale: { given: { image: 'one', factor: 1.5 }, width: 96, height: 96 },
  blend: { given: { image1: 'one', image2: 'two', mode: 'multiply', factor: 0.3 }, width: 64, height: 64 },
  'pose-change': { given: { source_image: 'one', reference_image: 'two', steps: 2, width: 64, height: 128 }, width: 64, height: 128 },
};

const History = z.record(z.string(), z.object({ status: z.object({ status_str: z.string() }), outputs: z.record(z.string(), z.object({ images: z.array(z.object({ filename: z.string(), subfolder: z.string(), type: z.string() })) })) }));

async function post(url: string, body: string): Promise<unknown> {
  const answer = await fetch(url, { method: 'POST', body });
  return { status: answer.status, body: await answer.json() };
}

/** Hands the files over and puts the names that they have there into the graph. */
async function withFiles(url: string, { workflow, media }: Blueprint): Promise<unknown> {
  const graph = z.record(z.string(), z.looseObject({ inputs: z.record(z.string(), z.unknown()) })).parse(workflow);
  for (const { source, targets } of media) {
    const form = new FormData();
    form.set('image', new Blob([new Uint8Array(await png({ width: 64, height: 64 }))]), `${source}.png`);
    const { name } = z.object({ name: z.string() }).parse(await (await fetch(`${url}/upload/image`, { method: 'POST', body: form })).json());
    for (const { node, input } of targets) Object.assign(graph[node]?.inputs ?? {}, { [input]: name });
  }
  return graph;
}

it('come without a fault', () => {
  expect([faults, templates.flatMap((one) => one.faults)]).toEqual([[], []]);
  expect(templates.map((one) => one.name).toSorted()).toEqual(Object.keys(runs).toSorted());
});

it('have seeds up to 2^64-1, new ones for every task', () => {
  const seeds = templates.flatMap((one) => (one.template?.inputs['seed'] ? [one.template.inputs['seed']] : []));
  expect(seeds).toHaveLength(4);
  expect(seeds.map(({ type, default: value }) => [type, value])).toEqual(Array.from({ length: 4 }, () => ['integer', 'random']));
  expect(JSON.stringify(checkInputs(find('text-to-image'), { prompt: 'x' }, () => 2n ** 64n - 1n).values['seed'])).toBe('18446744073709551615');
});

it.each(Object.entries(runs))('%s makes a picture of the size that was asked for', async (name, { given, width, height }) => {
  await using engine = await startTestSandbox();
  const { values, faults: refused } = checkInputs(find(name), given, () => 12345678901234567890n);
  expect(refused).toEqual([]);
  const blueprint = render(find(name), values);
  const accepted = await post(`${engine.url}/prompt`, stringifyJson({ prompt: await withFiles(engine.url, blueprint) }));
  expect(accepted).toMatchObject({ status: 200, body: { node_errors: {} } });
  const { prompt_id: id } = z.object({ body: z.object({ prompt_id: z.string() }) }).parse(accepted).body;
  const entry = await until('it ended', async () => History.parse(await (await fetch(`${engine.url}/history/${id}`)).json())[id]);
  expect(entry.status.status_str).toBe('success');
  expect(Object.keys(entry.outputs)).toEqual(blueprint.outputs);
  const [image] = Object.values(entry.outputs).flatMap((output) => output.images);
  const bytes = Buffer.from(await (await fetch(`${engine.url}/view?${new URLSearchParams(image).toString()}`)).arrayBuffer());
  expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([width, height]);
});
