import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { freshId, inverted, longWork, solidColour } from '../support/graphs.ts';
import { aNumber, containing } from '../support/matchers.ts';
import { brokenRules } from '../support/run-rules.ts';
import { isEnding, type Message } from '../support/socket.ts';
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

const seqOf = (message: Message): number => Number(message.data['seq']);
const PREVIEW = 1;
const PREVIEW_WITH_METADATA = 4;

describe('a socket', () => {
  test('is greeted, and told how long the queue is', async () => {
    using socket = await gateway.socket('greeted');
    expect(socket.messages[0]).toEqual({ type: 'system', data: { event: 'connected', client_id: 'greeted' } });
    const status = await socket.waitFor((message) => message.type === 'status');
    expect(status.data).toEqual({ status: { exec_info: { queue_remaining: 0 } } });
  });

  test('sees a whole run in order: numbered without a gap, one ending, nothing after it', async () => {
    using socket = await gateway.socket('whole');
    const { prompt_id: id } = await gateway.submit(inverted(), { client_id: 'whole' });
    const ending = await socket.ending(id);
    const seen = socket.of(id);
    expect(brokenRules(seen)).toEqual([]);
    const states = seen.filter((message) => !message.type.startsWith('progress'));
    expect(states.map((message) => typeof message.data['node'] === 'string' ? `${message.type} ${message.data['node']}` : message.type)).toEqual([
      'execution_start', 'execution_cached', 'executing 1', 'executing 2', 'executing 3', 'executed 3', 'execution_success', 'executing', 'result',
    ]);
    expect(ending.data).toMatchObject({ client_id: 'whole', images: [{ node_id: '3', url: containing('/api/v1/images/download?') }], durations: { queued_ms: aNumber, execution_ms: aNumber, total_ms: aNumber } });
    expect((await gateway.state(id)).seq).toBe(seqOf(ending));
  });

  test('is told of a run that was answered from the cache, with its pictures', async () => {
    using socket = await gateway.socket('cached');
    const graph = inverted();
    const { prompt_id: first } = await gateway.submit(graph, { client_id: 'cached' });
    const one = await socket.ending(first);
    const { prompt_id: second } = await gateway.submit(graph, { client_id: 'cached' });
    const two = await socket.ending(second);
    expect(two.type).toBe('result');
    expect(two.data['images']).toHaveLength(1);
    expect([one, two].map((message) => JSON.stringify(message.data['images']).includes('"filename"'))).toEqual([true, true]);
    expect(brokenRules(socket.of(second))).toEqual([]);
  });

  test('shares its client id with others, and all of them receive everything', async () => {
    const sockets = await Promise.all(Array.from({ length: 5 }, () => gateway.socket('shared')));
    using stranger = await gateway.socket('stranger');
    const { prompt_id: id } = await gateway.submit(inverted(), { client_id: 'shared' });
    await Promise.all(sockets.map((socket) => socket.ending(id)));
    const stories = sockets.map((socket) => JSON.stringify(socket.of(id)));
    expect(new Set(stories).size).toBe(1);
    expect(brokenRules(sockets[0]?.of(id) ?? [])).toEqual([]);
    expect(stranger.of(id)).toEqual([]);
    for (const socket of sockets) await socket.close();
  });

  test('goes on receiving after another of the same client id has gone', async () => {
    using stays = await gateway.socket('stays');
    const goes = await gateway.socket('stays');
    await goes.close();
    const { prompt_id: id } = await gateway.submit(solidColour(), { client_id: 'stays' });
    expect((await stays.ending(id)).type).toBe('result');
  });

  test('receives the pictures of SaveImageWebsocket as ComfyUI frames a client knows', async () => {
    using plain = await gateway.socket('pictures');
    using modern = await gateway.socket('pictures');
    modern.send({ type: 'feature_flags', data: { supports_preview_metadata: true } });
    await modern.waitFor((message) => message.type === 'feature_flags');
    const { prompt_id: id } = await gateway.submit(solidColour({ output: 'SaveImageWebsocket' }), { client_id: 'pictures' });
    await Promise.all([plain.ending(id), modern.ending(id)]);
    expect(plain.binary.map((frame) => frame.readUInt32BE(0))).toEqual([PREVIEW]);
    expect(plain.binary[0]?.subarray(9, 12).toString()).toBe('PNG');
    expect(modern.binary.map((frame) => frame.readUInt32BE(0))).toEqual([PREVIEW_WITH_METADATA]);
    const [frame] = modern.binary;
    expect(frame?.toString('utf8', 8, 8 + frame.readUInt32BE(4))).toContain(`"${id}"`);
  });
});

describe('a message of a client', () => {
  test('submits, is answered under its request_id, and the run follows', async () => {
    using socket = await gateway.socket('submitter');
    const answer = await socket.ask('submit', { workflow: inverted() });
    expect(answer).toMatchObject({ type: 'system', data: { event: 'submitted', request_id: 'ask-1', client_id: 'submitter', node_errors: {} } });
    const id = String(answer.data['prompt_id']);
    expect((await socket.ending(id)).type).toBe('result');
    expect(brokenRules(socket.of(id).filter((message) => message.data['event'] !== 'submitted'))).toEqual([]);
  });

  test('that submits what is not valid is refused with every fault, as over REST', async () => {
    using socket = await gateway.socket('refused');
    const graph = { ...solidColour(), '1': { class_type: 'EmptyImage', inputs: { width: 999_999, height: 32, batch_size: 1, color: 0 } } };
    const { data } = await socket.ask('submit', { workflow: graph });
    expect(data).toMatchObject({ event: 'error', code: 'WORKFLOW_VALIDATION_ERROR', errors: [{ node_id: '1', input: 'width', type: 'value_bigger_than_max' }] });
    expect(socket.isOpen).toBe(true);
  });

  test('interrupts what runs', async () => {
    using socket = await gateway.socket('stopper');
    const { data } = await socket.ask('submit', { workflow: longWork() });
    const id = String(data['prompt_id']);
    await socket.waitFor((message) => message.type === 'executing' && message.data['prompt_id'] === id);
    expect((await socket.ask('interrupt', { prompt_id: id })).data).toMatchObject({ event: 'interrupted', results: [{ prompt_id: id, outcome: 'interrupted' }] });
    expect((await socket.ending(id)).type).toBe('execution_interrupted');
    expect(socket.of(id).filter(isEnding)).toHaveLength(1);
  });

  test('asks for life and is answered', async () => {
    using socket = await gateway.socket('pinger');
    expect((await socket.ask('ping')).data).toMatchObject({ event: 'pong' });
  });

  test.each([
    ['that is no JSON', '{"type":', 'MALFORMED_JSON'],
    ['that is a number', '42', 'WEBSOCKET_ERROR'],
    ['that is null', 'null', 'WEBSOCKET_ERROR'],
    ['of an unknown type', '{"type":"dance","data":{}}', 'WEBSOCKET_ERROR'],
    ['without a type', '{"data":{}}', 'WEBSOCKET_ERROR'],
    ['with the wrong fields', '{"type":"subscribe","data":{"items":"all"}}', 'VALIDATION_ERROR'],
    ['that submits without a workflow', '{"type":"submit","data":{}}', 'VALIDATION_ERROR'],
    ['that submits null', '{"type":"submit","data":null}', 'VALIDATION_ERROR'],
  ])('%s is answered with an error and the socket stays open', async (_what, text, code) => {
    using socket = await gateway.socket('clumsy');
    socket.send(text);
    const error = await socket.waitFor((message) => message.data['event'] === 'error');
    expect(error.data['code']).toBe(code);
    expect((await socket.ask('ping')).data['event']).toBe('pong');
  });

  test('in binary is answered with an error and the socket stays open', async () => {
    using socket = await gateway.socket('binary');
    socket.sendBinary(Buffer.from([1, 2, 3]));
    expect((await socket.waitFor((message) => message.data['event'] === 'error')).data['code']).toBe('WEBSOCKET_ERROR');
    expect((await socket.ask('ping')).data['event']).toBe('pong');
  });
});

describe('a subscription', () => {
  test('replays after a reconnect what was missed, without a gap and without a repetition', async () => {
    const before = await gateway.socket('returning');
    const { prompt_id: id } = await gateway.submit(longWork(), { client_id: 'returning' });
    await until('some states have come', () => before.of(id).some((message) => seqOf(message) >= 5));
    await before.close();
    const first = before.of(id).filter((message) => !message.type.startsWith('progress'));
    const seen = seqOf(first.at(-1) ?? { type: '', data: {} });
    await until('more has happened meanwhile', async () => ((await gateway.state(id)).seq ?? 0) > seen + 3);
    using after = await gateway.socket('returning');
    expect((await after.ask('subscribe', { items: [{ prompt_id: id, since: seen }] })).data).toMatchObject({ event: 'subscribed', items: [{ prompt_id: id }] });
    await gateway.interrupt(id);
    await after.ending(id);
    const rest = after.of(id).filter((message) => !message.type.startsWith('progress'));
    // What happens between the opening and the subscription arrives before the replay: the numbers tell the order.
    const whole = [...first, ...rest].toSorted((a, b) => seqOf(a) - seqOf(b));
    expect(brokenRules(whole)).toEqual([]);
  });

  test('of a prompt that has ended replays it whole', async () => {
    const { prompt_id: id } = await gateway.submit(inverted(), { client_id: 'nobody' });
    await gateway.ended(id);
    using socket = await gateway.socket('late');
    await socket.ask('subscribe', { items: [{ prompt_id: id, since: 0 }] });
    await socket.ending(id);
    expect(brokenRules(socket.of(id))).toEqual([]);
  });

  test('without since tells how a prompt that has ended did end', async () => {
    const { prompt_id: id } = await gateway.submit(inverted());
    await gateway.ended(id);
    using socket = await gateway.socket('too-late');
    await socket.ask('subscribe', { items: [{ prompt_id: id }] });
    const ending = await socket.ending(id);
    expect([ending.type, socket.of(id).filter(isEnding).length]).toEqual(['result', 1]);
  });

  test('of a prompt whose ending this socket has received does not tell it twice', async () => {
    using socket = await gateway.socket('eager');
    const { prompt_id: id } = await gateway.submit(inverted(), { client_id: 'eager' });
    await socket.ending(id);
    expect((await socket.ask('subscribe', { items: [{ prompt_id: id }] })).data).toMatchObject({ event: 'subscribed', items: [{ prompt_id: id }] });
    await socket.ask('subscribe', { items: [{ prompt_id: id, since: 2 }] });
    await socket.ask('ping');
    expect(brokenRules(socket.of(id))).toEqual([]);
  });

  test('shows the prompt of another client of the same key', async () => {
    using socket = await gateway.socket('neighbour');
    const { prompt_id: id } = await gateway.submit(longWork(), { client_id: 'owner' });
    await socket.ask('subscribe', { items: [{ prompt_id: id, since: 0 }] });
    await gateway.interrupt(id);
    await socket.ending(id);
    expect(brokenRules(socket.of(id))).toEqual([]);
  });

  test('with a number from another life is told to begin anew, with the present state', async () => {
    const { prompt_id: id } = await gateway.submit(inverted());
    const state = await gateway.ended(id);
    using socket = await gateway.socket('other-life');
    await socket.ask('subscribe', { items: [{ prompt_id: id, since: 4_000 }] });
    const reset = await socket.waitFor((message) => message.data['code'] === 'STREAM_RESET');
    expect(reset.data).toMatchObject({ event: 'reset', prompt_id: id, seq: state.seq, state: { state: 'completed' } });
    expect((await socket.ending(id)).type).toBe('result');
  });

  test('of a prompt that nobody submitted is unknown', async () => {
    using socket = await gateway.socket('curious');
    const id = freshId();
    expect((await socket.ask('subscribe', { items: [{ prompt_id: id }] })).data).toMatchObject({ event: 'subscribed', items: [], unknown: [id] });
  });

  test('can be given up', async () => {
    using socket = await gateway.socket('leaver');
    const { prompt_id: id } = await gateway.submit(longWork(), { client_id: 'owner' });
    await socket.ask('subscribe', { items: [{ prompt_id: id }] });
    expect((await socket.ask('unsubscribe', { items: [{ prompt_id: id }] })).data).toMatchObject({ event: 'unsubscribed', items: [{ prompt_id: id }] });
    const count = socket.of(id).length;
    await gateway.interrupt(id);
    await gateway.ended(id);
    await socket.ask('ping');
    expect(socket.of(id)).toHaveLength(count);
  });
});

test('the end of the gateway closes its sockets with 1001, after what they are owed', async () => {
  const other = await startTestGateway({ instances: [engine.url] });
  using socket = await other.socket('last');
  const { prompt_id: id } = await other.submit(solidColour(), { client_id: 'last' });
  await other.ended(id);
  await other.close();
  expect(await socket.closed).toMatchObject({ code: 1001, reason: containing('stopping') });
  expect(brokenRules(socket.of(id))).toEqual([]);
});
