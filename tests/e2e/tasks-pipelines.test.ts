/** Steps, one after the other, fed with what earlier ones made. */
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configFolder, plainPipelines } from '../support/config-folder.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { download, handOver } from '../support/files-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { containing } from '../support/matchers.ts';
import { png } from '../support/picture.ts';
import { TasksClient } from '../support/tasks-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const pipelines = {
  ...plainPipelines,
  twice_refused: {
    steps: {
      fine: { engine: 'comfyui', template: 'resize', inputs: { image: '${input.image}', width: 16, height: 16 } },
      asks_too_much: { engine: 'comfyui', template: 'upscale', inputs: { image: '${steps.fine.outputs[7]}' } },
    },
  },
  breaks: {
    steps: {
      fine: { engine: 'comfyui', template: 'resize', inputs: { image: '${input.image}', width: 16, height: 16 } },
      unfed: { engine: 'comfyui', template: 'blend', inputs: { image1: '${steps.fine.outputs[0].url}', image2: '${input.other}' } },
    },
  },
  says_twice: {
    steps: {
      first: { engine: 'comfyui', template: 'say', inputs: { text: '${input.text}' } },
      second: { engine: 'comfyui', template: 'say', inputs: { text: 'again: ${steps.first.outputs[0].text}, ${input.text}' } },
    },
  },
  off: { enabled: false, steps: { only: { engine: 'comfyui', template: 'resize' } } },
  plain: { steps: { only: { engine: 'comfyui', template: 'resize' } } },
};

const key = 'ann-secret-key';
let engine: Engine;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let gateway: TestGateway;
let tasks: TasksClient;
let image: string;

beforeAll(async () => {
  [engine, folder] = await Promise.all([startEngine(), temporaryFolder()]);
  gateway = await startTestGateway({ instances: [engine.url], folder: folder.path, env: { API_KEYS: `ann:${key}`, CONFIG_DIR: await configFolder(folder.path, { pipelines }) } });
  tasks = new TasksClient(gateway, key);
  image = (await handOver(gateway, await png(), { key })).name;
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const sizeOf = async (url: string | undefined): Promise<(number | undefined)[]> => {
  const { width, height } = await sharp((await download(gateway, url ?? '', { key })).bytes).metadata();
  return [width, height];
};

describe('a pipeline', () => {
  test('runs its steps in order, each an attempt of its own, and hands outputs on', async () => {
    const { task_id: id } = await tasks.create({ task_type: 'SHRINK_AND_GROW', image, width: 20, factor: 3 });
    using events = await tasks.events(id);
    const told = await events.rest();
    expect(events.names().filter((name) => name !== 'output')).toEqual(['queued', 'started', 'step', 'completed']);
    expect(told.find(({ event }) => event === 'step')?.data).toMatchObject({ step: 'shrink', outputs: [{ step: 'shrink' }] });
    const view = await tasks.view(id);
    expect(view).toMatchObject({ status: 'completed', step: 'grow', outputs: [{ step: 'grow' }], steps: [{ name: 'shrink', outputs: [{ step: 'shrink' }] }, { name: 'grow', outputs: [{ step: 'grow' }] }], attempts: [{ step: 'shrink', outcome: 'completed' }, { step: 'grow', outcome: 'completed' }] });
    expect(await Promise.all((view.steps ?? []).flatMap(({ outputs }) => outputs.map(({ url }) => sizeOf(url))))).toEqual([[20, 16], [60, 48]]);
    const shares = told.filter(({ event }) => event === 'progress').map(({ data }) => Number(data['progress']));
    expect(shares).toEqual(shares.toSorted((one, other) => one - other));
  });

  test('that fails in a step names it, with what earlier ones made; trying again goes on there', async () => {
    const view = await tasks.run({ task_type: 'TWICE_REFUSED', image });
    expect(view).toMatchObject({ status: 'failed', step: 'asks_too_much', error: { code: 'VALIDATION_ERROR', step: 'asks_too_much', reason: containing('Step "asks_too_much"') }, outputs: [{ step: 'fine' }] });
    expect(view.attempts.map(({ step, outcome }) => [step, outcome])).toEqual([['fine', 'completed'], ['asks_too_much', 'failed']]);
    await tasks.retry(view.task_id);
    const again = await tasks.ended(view.task_id);
    expect(again.attempts.map(({ step }) => step)).toEqual(['fine', 'asks_too_much', 'asks_too_much']);
    expect(again.outputs).toEqual(view.outputs);
  });

  test('whose later step meets a file that is not there names step and input', async () => {
    const view = await tasks.run({ task_type: 'BREAKS', image, other: 'input/never-there.png' });
    expect(view).toMatchObject({ status: 'failed', error: { step: 'unfed', reason: containing('input "image2"') } });
  });

  test('takes its words in any case, and inputs under their own names where a step says none', async () => {
    const view = await tasks.run({ task_type: 'plain', image, width: 16, height: 16 });
    expect(view).toMatchObject({ status: 'completed', task_type: 'PLAIN' });
    expect(await sizeOf(view.outputs[0]?.url)).toEqual([16, 16]);
  });

  test('that is switched off says so, and which field does it', async () => {
    expect(await tasks.refusal({ task_type: 'OFF', image })).toMatchObject({ status: 422, code: 'VALIDATION_ERROR', detail: containing('pipelines.off.enabled') });
  });

  test('without an input that a step needs is refused before anything runs', async () => {
    expect(await tasks.refusal({ task_type: 'SHRINK_AND_GROW' })).toMatchObject({ status: 422, errors: [{ input: 'image' }] });
    expect(await tasks.refusal({ task_type: 'SHRINK_AND_GROW', image, width: 'wide' })).toMatchObject({ status: 422, detail: containing('width') });
  });

  test.each(['${steps.first.outputs[0]}', '${input.text}', '${HOME} and ${input.no}', '${input.text'])('takes the text %s of a caller for a text, in every step', async (text) => {
    const view = await tasks.run({ task_type: 'SAYS_TWICE', text });
    expect(view).toMatchObject({ status: 'completed', inputs: { text }, outputs: [{ kind: 'text', text: `again: ${text}, ${text}` }], steps: [{ outputs: [{ kind: 'text', text }] }, { outputs: [{ kind: 'text' }] }] });
  });
});
