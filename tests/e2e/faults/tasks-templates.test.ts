/** Templates as callers meet them: what they take, seeds with every digit, and what a new attempt keeps. */
import { z } from 'zod';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringifyJson } from '../../../src/atoms/json/json.ts';
import { TemplateDetail, TemplateView } from '../../../src/models/catalog.ts';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { download } from '../../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { ok, problem } from '../../support/gateway-client.ts';
import { TasksClient } from '../../support/tasks-client.ts';

let engine: TestSandbox;
let gateway: TestGateway;
let tasks: TasksClient;

beforeEach(async () => {
  engine = await startTestSandbox();
  gateway = await startTestGateway({ instances: [engine.url], env: { RETRY_DELAY_SECONDS: '0.05' } });
  tasks = new TasksClient(gateway);
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const small = { prompt: 'a lighthouse', width: 64, height: 64, steps: 2 };
const shown = (text: string): string | undefined => /"inputs":\{[^}]*"seed":(\d+)/.exec(text)?.[1];

/** What the picture says it was made with. */
async function seedIn(url: string | undefined): Promise<string | undefined> {
  const { bytes } = await download(gateway, url ?? '');
  return /"seed": ?(\d+)/.exec(bytes.toString('latin1'))?.[1];
}

describe('a seed', () => {
  test.each(['18446744073709551615', '9007199254740993', '0'])('of %s reaches the engine and comes back with every digit', async (seed) => {
    const { task_id: id } = await tasks.create(stringifyJson({ template: 'text-to-image', inputs: { ...small, seed: JSON.rawJSON(seed) } }));
    const view = await tasks.ended(id);
    expect(view.status).toBe('completed');
    expect([shown((await tasks.of(id)).text), await seedIn(view.outputs[0]?.url)]).toEqual([seed, seed]);
  });

  test.each(['18446744073709551616', '-1', '1.5'])('of %s is refused', async (seed) => {
    expect(await tasks.refusal(stringifyJson({ template: 'text-to-image', inputs: { ...small, seed: JSON.rawJSON(seed) } }))).toMatchObject({ status: 422, errors: [{ input: 'inputs.seed' }] });
  });

  test('that is left out is another one for every task, told, and the same at every attempt', async () => {
    engine.sandbox.knobs.set({ failPromptBefore: 1 });
    const [one, other] = [await tasks.run({ template: 'text-to-image', inputs: small }), await tasks.run({ template: 'text-to-image', inputs: small })];
    expect(one.attempt).toBe(2);
    const seeds = [];
    for (const { task_id: id, outputs } of [one, other]) seeds.push([shown((await tasks.of(id)).text), await seedIn(outputs[0]?.url)]);
    expect(seeds[0]?.[0]).toMatch(/^\d+$/);
    expect(seeds.map(([told, used]) => told === used)).toEqual([true, true]);
    expect(seeds[0]).not.toEqual(seeds[1]);
  });
});

describe('the catalog', () => {
  test('lists templates with their inputs and a body to begin with, which works', async () => {
    const { templates } = z.object({ templates: z.array(TemplateView) }).parse(ok(await gateway.call('GET', '/api/v1/templates')));
    expect(templates.map(({ name }) => name)).toEqual(expect.arrayContaining(['basic_generation', 'blend', 'resize', 'text-to-image', 'upscale']));
    const one = templates.find(({ name }) => name === 'text-to-image');
    expect(one?.inputs).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'prompt', type: 'string', required: true }), expect.objectContaining({ name: 'width', default: 512, min: 16 })]));
    expect(await tasks.run(one?.example)).toMatchObject({ status: 'completed' });
  }, 30_000);

  test('shows one with its graph; another is not found', async () => {
    expect(TemplateDetail.parse(ok(await gateway.call('GET', '/api/v1/templates/resize')))).toMatchObject({ name: 'resize', workflow: { '2': { class_type: 'ImageScale' } } });
    expect(problem(await gateway.call('GET', '/api/v1/templates/no-such'))).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  test('shows engines and pipelines', async () => {
    expect(ok(await gateway.call('GET', '/api/v1/engines'))).toMatchObject({ engines: [{ name: 'comfyui', type: 'comfyui', healthy: true, capacity: 2, running: 0, pending: 0 }], pipelines: expect.arrayContaining([expect.objectContaining({ task_type: 'POSE_CHANGE', enabled: true })]) as unknown });
  });
});

test('texts of callers are texts: expressions, digits and all', async () => {
  const prompt = '${input.prompt} ${steps.a.outputs[0]} 007 1e999 \u{1F98A} "quoted" \\n';
  const { task_id: id } = await tasks.create({ template: 'text-to-image', inputs: { ...small, prompt } });
  expect(await tasks.ended(id)).toMatchObject({ status: 'completed', inputs: { prompt } });
});
