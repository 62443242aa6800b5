import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { problem } from '../support/gateway-client.ts';
import { containing } from '../support/matchers.ts';

let engine: Engine;
let gateway: TestGateway;
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

beforeAll(async () => {
  process.on('uncaughtException', note).on('unhandledRejection', note);
  engine = await startEngine();
  gateway = await startTestGateway({ instances: [engine.url], env: { MAX_WORKFLOW_MB: '32' } });
});
afterAll(async () => {
  await gateway.close();
  await engine[Symbol.asyncDispose]();
  process.off('uncaughtException', note).off('unhandledRejection', note);
});

const MIB = 1024 * 1024;
const lists = (depth: number, inside = ''): string => '['.repeat(depth) + inside + ']'.repeat(depth);
const objects = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
const graph = (value: string): string => `{"1":{"class_type":"EmptyImage","inputs":{"width":${value},"height":32,"batch_size":1,"color":0}},"2":{"class_type":"PreviewImage","inputs":{"images":["1",0]}}}`;
const submit = (data: string): string => `{"type":"submit","data":${data}}`;

describe.each([['100,000', 100_000], ['5,000', 5_000]])('a message nested %s deep', (_depth, depth) => {
  test.each([
    ['as a list', lists(depth)],
    ['as its type', `{"type":${lists(depth)}}`],
    ['in its data', `{"type":"subscribe","data":${objects(depth)}}`],
    ['as its request_id', `{"type":"ping","request_id":${lists(depth)}}`],
    ['around a large integer', submit(`{"workflow":${graph(lists(depth, '18446744073709551615'))}}`)],
    ['as the workflow', submit(`{"workflow":${objects(depth)}}`)],
    ['as an input', submit(`{"workflow":${graph(lists(depth))}}`)],
    ['as an input object', submit(`{"workflow":${graph(objects(depth))}}`)],
    ['as a node', submit(`{"workflow":{"1":${lists(depth)}}}`)],
    ['as extra_data', submit(`{"workflow":${graph('32')},"extra_data":${objects(depth)}}`)],
  ])('%s is answered with an error, and the socket stays open', async (_what, text) => {
    using socket = await gateway.socket('deep');
    socket.send(text);
    const { data } = await socket.waitFor((message) => message.data['event'] === 'error');
    expect(data).toMatchObject({ code: 'VALIDATION_ERROR', reason: containing('levels deep') });
    expect((await socket.ask('ping')).data['event']).toBe('pong');
    expect(unhandled).toEqual([]);
  });
});

test('a message nested deep that is cut off is answered with an error, too', async () => {
  using socket = await gateway.socket('cut');
  socket.send('['.repeat(100_000));
  const { data } = await socket.waitFor((message) => message.data['event'] === 'error');
  expect(['MALFORMED_JSON', 'VALIDATION_ERROR']).toContain(data['code']);
  expect(unhandled).toEqual([]);
});

test.each([
  ['one list', lists(32 * MIB)],
  ['one string', `{"type":"ping","data":{"x":"${'x'.repeat(64 * MIB)}"}}`],
])('a message of 64 MiB (%s) closes the socket with 1009, and nobody else suffers', async (_what, text) => {
  using other = await gateway.socket('other');
  using socket = await gateway.socket('huge');
  socket.send(text);
  expect((await socket.closed).code).toBe(1009);
  expect((await other.ask('ping')).data['event']).toBe('pong');
  expect(unhandled).toEqual([]);
});

test.each([['lists', lists(15 * MIB), 'more than 1000000 values'], ['objects', objects(900_000), 'levels deep']])('a message as large as is allowed, nested as deep as that (%s), is answered with an error that says what it has too much of', async (_what, text, reason) => {
  using socket = await gateway.socket('wide');
  socket.send(text);
  const { data } = await socket.waitFor((message) => message.data['event'] === 'error', 60_000);
  expect(data).toMatchObject({ code: 'VALIDATION_ERROR', reason: containing(reason) });
  expect(unhandled).toEqual([]);
});

test('a deep body over REST is refused with a problem, too', async () => {
  for (const body of [lists(100_000), `{"workflow":${graph(lists(100_000))}}`, `{"workflow":${graph('32')},"extra_data":${objects(100_000)}}`]) {
    const answer = await gateway.call('POST', '/api/v1/workflows/submit', { body });
    expect([answer.status, problem(answer).code]).toEqual([422, 'VALIDATION_ERROR']);
  }
  expect(unhandled).toEqual([]);
});
