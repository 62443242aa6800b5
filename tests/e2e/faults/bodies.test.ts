/** Bodies and graphs that are made to harm: each is refused by its name, and the gateway goes on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { blank, freshId, noise, solidColour } from '../../support/graphs.ts';
import { containing } from '../../support/matchers.ts';

let engine: TestSandbox;
let gateway: TestGateway;

beforeAll(async () => {
  engine = await startTestSandbox();
  gateway = await startTestGateway({ instances: [engine.url] });
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
});

const submit = (text: string): ReturnType<TestGateway['call']> => gateway.call('POST', '/api/v1/workflows/submit', { body: text });
const MB = 1024 * 1024;

describe('a body', () => {
  test.each([201, 5_000, 200_000])('nested %i levels deep is refused as that, wherever the depth is', async (levels) => {
    const deep = `${'['.repeat(levels)}18446744073709551615${']'.repeat(levels)}`;
    for (const text of [deep, `{"workflow":{"1":{"class_type":"A","inputs":{"a":${deep}}}}}`, `{"workflow":{},"extra_data":{"a":${deep}}}`]) {
      const answer = await submit(text);
      expect([answer.status, answer.body]).toMatchObject([422, { code: 'VALIDATION_ERROR', detail: containing('up to 200 are taken') }]);
    }
  });

  test('that breaks behind millions of escapes is told where', async () => {
    const answer = await submit(`{"workflow":"${String.raw`\n`.repeat(4_000_000)}`);
    expect([answer.status, answer.body]).toMatchObject([400, { code: 'MALFORMED_JSON', detail: containing('position 12 (line 1, column 13)') }]);
  });

  test('of a million brackets that nobody closes is no JSON', async () => {
    const answer = await submit('['.repeat(1_000_000));
    expect([answer.status, answer.body]).toMatchObject([400, { code: 'MALFORMED_JSON', detail: containing('the text ends too early') }]);
  });

  test('among twelve of ten MiB is worked on or told when to come again, and others are answered meanwhile', async () => {
    const head = '{"workflow":{"1":{"class_type":"A","inputs":{}}},"no_such_field":[1234567890123456789';
    const text = `${head}${',0'.repeat((10 * MB - head.length) / 2 - 10)}]}`;
    const all = Array.from({ length: 12 }, () => submit(text));
    let others = 0;
    let over = false;
    const done = Promise.all(all).finally(() => (over = true));
    while (!over) if ((await gateway.call('GET', '/healthz')).status === 200) others += 1;
    for (const answer of await done) {
      if (answer.status === 503) expect([answer.headers.get('retry-after'), answer.body]).toMatchObject(['2', { code: 'QUEUE_FULL', retryable: true }]);
      else expect([answer.status, answer.body]).toMatchObject([422, { code: 'VALIDATION_ERROR' }]);
    }
    expect(others).toBeGreaterThan(12);
  });
});

describe('a graph', () => {
  test('of more nodes than are taken is refused as that', async () => {
    const { errors } = await gateway.refusal({ workflow: Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [String(n), blank()])) });
    expect(errors).toEqual([{ type: 'too_many_nodes', reason: 'The workflow has 60000 nodes; up to 10000 are taken.' }]);
  });

  test('with names of a megabyte gets a short answer', async () => {
    const long = 'x'.repeat(MB);
    for (const workflow of [{ [long]: blank() }, { '1': { class_type: long, inputs: {} } }, { '1': { class_type: 'A', inputs: { [long]: [long, 0] } } }, { '1': { class_type: 'EmptyImage', inputs: { width: long } }, '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: long } } }]) {
      const { status, text } = await gateway.post('/api/v1/workflows/submit', { workflow });
      expect([status, text.length < 20_000]).toEqual([422, true]);
    }
  });

  test.each(['nan', 'inf', { __value__: 'nan' }, '9'.repeat(309)])('with %j wrapped up for a FLOAT is refused before it can harm the server', async (value) => {
    const graph = { ...noise(1), '2': { class_type: 'ImageAddNoise', inputs: { image: ['1', 0], seed: 1, strength: { __value__: value } } } };
    expect((await gateway.refusal({ workflow: graph })).errors).toMatchObject([{ node_id: '2', input: 'strength', type: 'not_finite' }]);
  });

  test('with a wrapped link to a node that is not there is refused before it can end the server’s worker', async () => {
    const graph = { ...solidColour(), '2': { class_type: 'SaveImage', inputs: { images: { __value__: ['gone', 0] }, filename_prefix: 'x' } } };
    expect((await gateway.refusal({ workflow: graph })).errors).toMatchObject([{ node_id: '2', input: 'images', type: 'missing_node' }]);
  });
});

test('after all that the gateway and its server go on', async () => {
  const id = freshId();
  await gateway.submit(solidColour(), { prompt_id: id });
  expect(await gateway.ended(id)).toMatchObject({ state: 'completed' });
});
