import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DiagnosisAnswer } from '../../src/models/diagnosis.ts';
import { type Engine, enginesThere, liveUrls, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { problem } from '../support/gateway-client.ts';
import { blank, type Graph, halfBroken, inverted, noise, solidColour, textToImage, words } from '../support/graphs.ts';

let engine: Engine;
let gateway: TestGateway;

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url], env: { API_KEYS: 'alice:alice-secret,root:root-secret:admin' } });
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

async function validated(workflow: unknown, at = gateway, key = 'alice-secret'): Promise<DiagnosisAnswer> {
  const answer = await at.post('/api/v1/workflows/validate', { workflow }, key);
  expect(answer.status).toBe(200);
  return DiagnosisAnswer.parse(answer.body);
}

/** The only instance's part of it. */
async function there(workflow: unknown): Promise<DiagnosisAnswer['instances'][number]> {
  const { instances: [one, ...others] } = await validated(workflow);
  if (!one || others.length > 0) throw new TypeError('there is one instance');
  return one;
}

const changed = (graph: Graph, id: string, inputs: Record<string, unknown>): Graph => ({ ...graph, [id]: { class_type: graph[id]?.class_type ?? '', inputs: { ...graph[id]?.inputs, ...inputs } } });

describe('a workflow that is looked at', () => {
  test.each([['a colour', solidColour()], ['a chain', inverted()], ['a long seed', noise(JSON.rawJSON('18446744073709551615'))], ['a text', words('nan')]])('and runs has no faults: %s', async (_what, graph) => {
    expect(await validated(graph)).toEqual({ valid: true, errors: [], instances: [{ instance: new URL(engine.url).host, checked: true, valid: true, errors: [], warnings: [] }] });
  });

  test('is not run', async () => {
    await validated(solidColour());
    expect((await gateway.queue('root-secret')).queue_remaining).toBe(0);
    expect((await gateway.call('GET', '/api/v1/queue/status', { key: 'alice-secret' })).body).toMatchObject({ running: [], pending: [] });
  });

  test('may have a node that is not installed: its nearest relative is named', async () => {
    const { valid, errors } = await there({ ...solidColour(), '2': { class_type: 'SaveImages', inputs: { images: ['1', 0] } } });
    expect([valid, errors]).toMatchObject([false, [{ type: 'missing_node_type', node_id: '2', class_type: 'SaveImages', nearest: 'SaveImage' }]]);
  });

  test.skipIf(liveUrls.length > 0)('may want a model that is not there: the nearest one is named', async () => {
    const { errors } = await there(changed(textToImage(), '4', { ckpt_name: 'v1-5-pruned-emaonly-fp8.safetensors' }));
    expect(errors).toMatchObject([{ type: 'missing_model', node_id: '4', class_type: 'CheckpointLoaderSimple', input: 'ckpt_name', nearest: 'v1-5-pruned-emaonly-fp16.safetensors' }]);
  });

  test('may have values out of range, of the wrong type and not in a list, missing inputs, and links that do not fit: all are told at once', async () => {
    const { errors } = await there({
      '1': { class_type: 'EmptyImage', inputs: { width: 16_385, height: 'high', batch_size: 0 } },
      '2': { class_type: 'ImageScale', inputs: { image: ['1', 0], upscale_method: 'lanczoss', width: 8, height: 8, crop: 'disabled' } },
      '3': { class_type: 'ImageToMask', inputs: { image: ['2', 1], channel: 'red' } },
      '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
    });
    expect(new Set(errors.map((fault) => [fault.type, fault.node_id, fault.input, fault.nearest].join(' ').trimEnd()))).toEqual(new Set([
      'value_bigger_than_max 1 width', 'invalid_input_type 1 height', 'value_smaller_than_min 1 batch_size', 'required_input_missing 1 color',
      'value_not_in_list 2 upscale_method lanczos', 'bad_linked_input 3 image', 'return_type_mismatch 4 images',
    ]));
  });

  test('is not valid where one output is broken, though ComfyUI would run the other', async () => {
    expect((await there(halfBroken())).errors).toMatchObject([{ type: 'value_smaller_than_min', node_id: '3', input: 'width' }]);
  });

  test('is warned of nodes that do nothing, and valid all the same', async () => {
    const { valid, warnings } = await there({ ...solidColour(), '9': blank() });
    expect([valid, warnings]).toMatchObject([true, [{ type: 'unused_node', node_id: '9' }]]);
  });

  test('has faults that hold everywhere beside those of an instance', async () => {
    const { valid, errors, instances: [one] } = await validated({ '1': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } }, '2': { class_type: 'PreviewImage', inputs: { images: ['77', 0] } }, '3': { class_type: 'Nowhere', inputs: {} } });
    expect([valid, one?.valid, errors.map((fault) => fault.type), one?.errors.map((fault) => fault.type)]).toEqual([false, false, ['missing_node', 'cycle'], ['missing_node_type']]);
  });

  test.each([[{}, 'empty'], [{ nodes: [], links: [] }, 'ui_format']])('is none at all: %j', async (workflow, type) => {
    const { valid, errors, instances } = await validated(workflow);
    expect([valid, errors.map((fault) => fault.type), instances]).toMatchObject([false, [type], [{ checked: false, valid: false, errors: [] }]]);
  });

  test('may name uploads, of which nobody learns whether they are there', async () => {
    expect(await there({ '1': { class_type: 'LoadImage', inputs: { image: 'somebodys.png' } }, '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } } })).toMatchObject({ valid: true });
  });
});

describe('a call to look at a workflow', () => {
  test.each([
    [{}, 'workflow'],
    [{ workflow: solidColour(), template: 'portrait' }, 'workflow'],
    [{ workflow: solidColour(), inputs: {} }, 'inputs'],
    [{ workflow: solidColour(), more: 1 }, undefined],
    [{ workflow: 'text' }, 'workflow'],
  ])('has a workflow or a template: %j has not', async (body, field) => {
    const answer = problem(await gateway.post('/api/v1/workflows/validate', body, 'alice-secret'));
    expect([answer.status, answer.code]).toEqual([422, 'VALIDATION_ERROR']);
    if (field !== undefined) expect(answer.errors?.map((fault) => fault.input)).toContain(field);
  });

  test('needs a key', async () => {
    expect(problem(await gateway.post('/api/v1/workflows/validate', { workflow: solidColour() })).code).toBe('UNAUTHORIZED');
  });

  test.skipIf(enginesThere < 2)('asks every instance', async () => {
    await using one = await startEngine(0);
    await using two = await startEngine(1);
    await using both = await startTestGateway({ instances: [one.url, two.url] });
    const { valid, instances } = await validated(solidColour(), both);
    expect([valid, instances.map(({ instance, checked, valid: fine }) => [instance, checked, fine])]).toEqual([true, [one, two].map(({ url }) => [new URL(url).host, true, true])]);
  });
});
