import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseJson } from '../../src/atoms/json/json.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { problem } from '../support/gateway-client.ts';
import { blank, freshId, halfBroken, inverted, type Node, noise, solidColour, words } from '../support/graphs.ts';
import { containing, matching } from '../support/matchers.ts';
import { until } from '../support/until.ts';

let engine: Engine;
let gateway: TestGateway;

beforeAll(async () => {
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url] });
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

describe('a submitted workflow', () => {
  test('is run, and its state, history and pictures can be asked for', async () => {
    const { prompt_id: id, client_id: client, node_errors: errors } = await gateway.submit(inverted(), { client_id: 'somebody' });
    expect([client, errors]).toEqual(['somebody', {}]);
    const state = await gateway.ended(id);
    expect(state).toMatchObject({ prompt_id: id, state: 'completed', client_id: 'somebody', outputs: [{ node_id: '3', kind: 'image', type: 'output' }] });
    expect(state.started_at).toBeLessThanOrEqual(state.ended_at ?? 0);
    const [picture, ...others] = await gateway.images(id);
    expect(others).toEqual([]);
    expect(picture?.url).toContain(`filename=${picture?.filename}`);
    expect(await gateway.history(id)).toMatchObject({ state: 'completed', status: { completed: true, status_str: 'success' }, outputs: { '3': { images: [{ filename: picture?.filename }] } } });
  });

  test('has a history of {} and no pictures before it ended, and the history is not wrapped under its id', async () => {
    const { prompt_id: id } = await gateway.submit(solidColour());
    const early = await gateway.history(id);
    expect(Object.hasOwn(early, id)).toBe(false);
    await gateway.ended(id);
    expect(Object.keys(await gateway.history(id))).toEqual(expect.arrayContaining(['prompt', 'outputs', 'status', 'state']));
  });

  test('keeps every digit of a 64-bit seed, up to the history', async () => {
    const seed = '18446744073709551557';
    const { prompt_id: id } = await gateway.submit(noise(JSON.rawJSON(seed)));
    await gateway.ended(id);
    const answer = await gateway.call('GET', `/api/v1/workflows/${id}/history`);
    expect(answer.text).toMatch(new RegExp(`"seed":\\s*${seed}\\b`));
  });

  test('shows the client id of whoever submitted it, not that of the gateway', async () => {
    const { prompt_id: id } = await gateway.submit(solidColour(), { client_id: 'my_client' });
    await gateway.ended(id);
    expect((await gateway.call('GET', `/api/v1/workflows/${id}/history`)).text).toContain('"client_id":"my_client"');
  });

  test('shows a text as an output with its text', async () => {
    const { prompt_id: id } = await gateway.submit(words('nan is a word here'));
    const { outputs } = await gateway.ended(id);
    expect(outputs).toMatchObject([{ kind: 'text', text: 'nan is a word here', node_id: '2' }]);
  });

  test('with "nan" as a whole STRING is taken', async () => {
    const { prompt_id: id } = await gateway.submit(words('nan'));
    expect(await gateway.ended(id)).toMatchObject({ state: 'completed', outputs: [{ text: 'nan' }] });
  });

  test('of which one output is broken runs without it and says so', async () => {
    const answer = await gateway.submit(halfBroken());
    expect(answer.node_errors).toMatchObject({ '3': { class_type: 'EmptyImage' } });
    expect(answer.warnings).toEqual([matching(/node 3 \(EmptyImage\)/)]);
    const { state, outputs } = await gateway.ended(answer.prompt_id);
    expect([state, outputs?.map((file) => file.node_id)]).toEqual(['completed', ['2']]);
  });

  test('that is asked for under an id nobody used is not found, in state, history and images', async () => {
    for (const rest of ['', '/history', '/images']) {
      const answer = await gateway.call('GET', `/api/v1/workflows/${freshId()}${rest}`);
      expect([answer.status, problem(answer).code]).toEqual([404, 'NOT_FOUND']);
    }
  });
});

describe('a refused workflow', () => {
  test('in the format of the ComfyUI page is told how to export it', async () => {
    const { code, status, errors } = await gateway.refusal({ workflow: { nodes: [{ id: 1, type: 'EmptyImage' }], links: [], version: 0.4 } });
    expect([code, status]).toEqual(['WORKFLOW_VALIDATION_ERROR', 422]);
    expect(errors).toMatchObject([{ type: 'ui_format', reason: containing('Export (API)') }]);
  });

  test('with a cycle names every node on it', async () => {
    const graph = { ...solidColour(), '5': { class_type: 'ImageInvert', inputs: { image: ['6', 0] } }, '6': { class_type: 'ImageInvert', inputs: { image: ['5', 0] } } };
    const { errors } = await gateway.refusal({ workflow: graph });
    expect(errors?.map((fault) => [fault.type, fault.node_id, fault.class_type])).toEqual([['cycle', '5', 'ImageInvert'], ['cycle', '6', 'ImageInvert']]);
  });

  test('with a link to a node that is not there names the input', async () => {
    const { errors } = await gateway.refusal({ workflow: { '2': { class_type: 'SaveImage', inputs: { images: ['99', 0], filename_prefix: 'x' } } } });
    expect(errors).toMatchObject([{ node_id: '2', class_type: 'SaveImage', input: 'images', type: 'missing_node', reason: containing('"99"') }]);
  });

  test.each(['nan', 'NaN', 'inf', '-Infinity', '1e999'])('with %s for a FLOAT is refused before it can harm the server', async (value) => {
    const graph = { ...noise(1), '2': { class_type: 'ImageAddNoise', inputs: { image: ['1', 0], seed: 1, strength: value } } };
    const { code, errors } = await gateway.refusal({ workflow: graph });
    expect(code).toBe('WORKFLOW_VALIDATION_ERROR');
    expect(errors).toMatchObject([{ node_id: '2', class_type: 'ImageAddNoise', input: 'strength', type: 'not_finite' }]);
  });

  test('with extra_data null is refused, and the server goes on working', async () => {
    const { status, code } = await gateway.refusal({ workflow: solidColour(), extra_data: null });
    expect([status, code]).toEqual([422, 'VALIDATION_ERROR']);
    const { prompt_id: id } = await gateway.submit(solidColour(), { extra_data: { extra_pnginfo: { note: 'fine' } } });
    expect(await gateway.ended(id)).toMatchObject({ state: 'completed' });
  });

  test('with a class that does not exist names node and class', async () => {
    const { errors } = await gateway.refusal({ workflow: { ...solidColour(), '7': { class_type: 'NoSuchNode', inputs: {} } } });
    expect(errors).toMatchObject([{ node_id: '7', type: 'invalid_prompt', reason: containing('NoSuchNode') }]);
  });

  test('with a value that is too big names node, class and input', async () => {
    const graph = { ...solidColour(), '1': { class_type: 'EmptyImage', inputs: { width: 999_999, height: 32, batch_size: 1, color: 0 } } };
    const { errors } = await gateway.refusal({ workflow: graph });
    expect(errors).toMatchObject([{ node_id: '1', class_type: 'EmptyImage', input: 'width', type: 'value_bigger_than_max' }]);
  });

  test('with a value that is not in the list is told the nearest', async () => {
    const graph = { '1': blank(), '2': { class_type: 'ImageScale', inputs: { image: ['1', 0], upscale_method: 'lanczoss', width: 8, height: 8, crop: 'disabled' } }, '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x' } } };
    const { errors } = await gateway.refusal({ workflow: graph });
    expect(errors).toMatchObject([{ node_id: '2', class_type: 'ImageScale', input: 'upscale_method', type: 'value_not_in_list', nearest: 'lanczos' }]);
  });

  test('without an input that it needs names it, and every other fault too', async () => {
    const graph = { '1': { class_type: 'EmptyImage', inputs: { height: 32, batch_size: 1, color: -1 } }, '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } } };
    const { errors } = await gateway.refusal({ workflow: graph });
    expect(new Set(errors?.map((fault) => `${fault.node_id} ${fault.input} ${fault.type}`))).toEqual(new Set(['1 width required_input_missing', '1 color value_smaller_than_min']));
  });

  test('without an output says so', async () => {
    const { errors } = await gateway.refusal({ workflow: { '1': blank() } });
    expect(errors).toMatchObject([{ type: 'prompt_no_outputs' }]);
  });

  test('leaves nothing behind: its id may be used again', async () => {
    const id = freshId();
    await gateway.refusal({ workflow: { '1': blank() }, prompt_id: id });
    expect((await gateway.call('GET', `/api/v1/workflows/${id}`)).status).toBe(404);
    await gateway.submit(solidColour(), { prompt_id: id });
    expect(await gateway.ended(id)).toMatchObject({ state: 'completed' });
  });
});

describe('an id of the caller', () => {
  test('is kept, and is refused while in use and after the end', async () => {
    const id = freshId();
    expect(await gateway.submit(solidColour(), { prompt_id: id })).toMatchObject({ prompt_id: id });
    const first = await gateway.refusal({ workflow: solidColour(), prompt_id: id });
    expect([first.status, first.code]).toEqual([409, 'CONFLICT']);
    await gateway.ended(id);
    expect((await gateway.refusal({ workflow: solidColour(), prompt_id: id })).code).toBe('CONFLICT');
  });

  test('that twenty submit at the same time is taken once', async () => {
    const id = freshId();
    const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.post('/api/v1/workflows/submit', { workflow: solidColour(), prompt_id: id })));
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([200, ...Array.from({ length: 19 }, () => 409)]);
    expect(await gateway.ended(id)).toMatchObject({ state: 'completed' });
  });

  test('that somebody gave to the server directly is refused', async () => {
    const id = freshId();
    const direct = await fetch(`${engine.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: solidColour(), prompt_id: id, client_id: 'direct' }) });
    expect(direct.status).toBe(200);
    await until('the server has run it', async () => (await (await fetch(`${engine.url}/history/${id}`)).text()) !== '{}');
    expect((await gateway.refusal({ workflow: solidColour(), prompt_id: id })).code).toBe('CONFLICT');
  });
});

test('a graph of a thousand digits in a hundred nodes reaches the server as it was', async () => {
  const seeds = Array.from({ length: 100 }, (_, n) => `${18_000_000_000_000_000_000n + BigInt(n)}`);
  const nodes = seeds.map((seed, n): [string, Node] => [`${n + 2}`, { class_type: 'ImageAddNoise', inputs: { image: [`${n + 1}`, 0], seed: JSON.rawJSON(seed), strength: 0.01 } }]);
  const graph = { '1': blank(8), ...Object.fromEntries(nodes), save: { class_type: 'PreviewImage', inputs: { images: ['101', 0] } } };
  const { prompt_id: id } = await gateway.submit(graph);
  await gateway.ended(id);
  const { text } = await gateway.call('GET', `/api/v1/workflows/${id}/history`);
  expect(seeds.filter((seed) => !text.includes(seed))).toEqual([]);
  expect(parseJson(text)).toHaveProperty('state', 'completed');
});
