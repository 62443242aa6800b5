/**
 * The sandbox of RunningHub answers as the fixtures say. No fixture is left out. What the reference tells of the gateway's own
 * routes (`own-service-endpoints`) is no reply of RunningHub and not among them.
 */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { CODES } from '../../sandbox/runninghub/codes.ts';
import type { RouteName } from '../../sandbox/runninghub/steps.ts';
import type { RunningRunningHub } from '../../sandbox/runninghub/server.ts';
import { errorCodes, exchange, fixtureNames, socketFrames, type Frame } from './runninghub-sandbox/fixtures.ts';
import { createTask, KEY, post, send, stage, type Situation } from './runninghub-sandbox/scene.ts';
import { difference, NO_DIFFERENCE, placesOf } from './runninghub-sandbox/shape.ts';
import { SENT, SITUATIONS } from './runninghub-sandbox/situations.ts';

const open: RunningRunningHub[] = [];
const listeners: Server[] = [];

afterEach(async () => {
  for (const server of listeners.splice(0)) server.close();
  for (const sandbox of open.splice(0)) await sandbox.close();
});

async function staged(situation: Situation): Promise<{ sandbox: RunningRunningHub; ids: Map<string, string> }> {
  const set = await stage(situation);
  open.push(set.sandbox);
  return set;
}

describe('every fixture', () => {
  it('has a situation or a test of its own', () => {
    expect([...Object.keys(SITUATIONS), ...SENT].toSorted()).toEqual(fixtureNames.toSorted());
  });
});

describe('the sandbox answers as in', () => {
  it.each(Object.entries(SITUATIONS))('%s', async (name, situation) => {
    const fixture = exchange(name);
    const { sandbox, ids } = await staged(situation);
    const answer = await send(sandbox.url, fixture, ids);
    expect(answer.status).toBe(fixture.response.status);
    const { body, rawBody } = fixture.response;
    if (rawBody?.startsWith('<')) expect(answer.text).toBe(rawBody);
    else expect(difference(JSON.parse(answer.text), body ?? JSON.parse(rawBody ?? ''))).toEqual(NO_DIFFERENCE);
    if (rawBody?.includes('"taskId":')) expect(answer.text).toMatch(/"taskId":\d{19}[,}]/);
  });
});

describe('the comparison', () => {
  it('sees another code, another type, a missing and an added field', () => {
    const fixture = { code: 0, data: { taskId: '1', list: [{ a: 'x', b: null }] } };
    expect(difference({ code: 1, data: { taskId: 1, list: [{ a: 'x', c: 1 }] } }, fixture)).toEqual({
      missing: ['$.code: 0', '$.data.taskId: string', '$.data.list[].b: null'],
      added: ['$.data.list[].c: number'],
    });
    expect(difference({ code: 0, data: { taskId: '9', list: [{ a: 'y', b: null }] } }, fixture)).toEqual(NO_DIFFERENCE);
  });
});

describe('every documented code', () => {
  const routes: Readonly<Record<'v1' | 'v2', RouteName>> = { v1: 'POST /task/openapi/outputs', v2: 'POST /openapi/v2/query' };

  it.each(errorCodes.filter(({ category }) => category !== 'ok'))('$code can be had on demand', async ({ code, name, scope }) => {
    const { sandbox } = await staged({});
    if (name !== '') expect(CODES[code]).toBe(name);
    for (const family of scope === 'both' ? ['v1', 'v2'] as const : [scope]) {
      sandbox.knobs.set({ next: { [routes[family]]: [{ code }] } });
      const answer = await post(sandbox.url + routes[family].slice('POST '.length), {});
      expect(answer).toMatchObject(family === 'v1' ? { code, msg: CODES[code] } : { errorCode: String(code) });
    }
  });
});

/** The bodies that arrive at a URL of ours. */
async function receiver(): Promise<{ url: string; body: () => Promise<unknown> }> {
  const arrived = Promise.withResolvers<unknown>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.end('{"received":true}');
      arrived.resolve(JSON.parse(Buffer.concat(chunks).toString()));
    });
  }).listen(0, '127.0.0.1');
  listeners.push(server);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${address.port}/hook`, body: () => arrived.promise };
}

describe('the sandbox sends the webhook of', () => {
  it.each([
    ['webhook-inbound.task-end-success-string', 'SUCCESS', { costs: 'bare' }],
    ['webhook-inbound.task-end-failed-string', 'FAILED', {}],
    ['webhook-inbound.task-end-v2-object', 'SUCCESS', { webhookShape: 'v2' }],
    ['webhook-inbound.bare-v2-body', 'FAILED', { webhookShape: 'bare' }],
  ] as const)('%s', async (name, state, knobs) => {
    const { sandbox } = await staged({ knobs });
    const { url, body } = await receiver();
    sandbox.deeds.move(await createTask(sandbox, url), state);
    // The last two show a part of what a v2 object holds. Words of errors vary.
    const { missing, added } = difference(await body(), exchange(name).request.body);
    expect(missing.filter((place) => !place.includes('errorMessage'))).toEqual([]);
    if (!('webhookShape' in knobs)) expect(added).toEqual([]);
  });
});

const Running = z.object({ data: z.object({ netWssUrl: z.string() }) });
const Message = z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) });

/** What the progress socket of a task says until it ends in that state. */
async function heard(state: 'SUCCESS' | 'FAILED' | 'CANCELLED'): Promise<Frame[]> {
  const { sandbox, ids } = await staged({ knobs: { queueMs: 0, hold: 'RUNNING', runMs: 100 }, task: 'RUNNING' });
  const [taskId = ''] = ids.values();
  const answer = Running.parse(await post(`${sandbox.url}/task/openapi/outputs`, { apiKey: KEY, taskId }));
  const socket = new WebSocket(answer.data.netWssUrl);
  const frames: Frame[] = [];
  socket.on('message', (data: Buffer) => {
    const frame = Message.parse(JSON.parse(data.toString()));
    frames.push(frame);
    if (frame.type === 'progress') sandbox.deeds.move(taskId, state);
  });
  await once(socket, 'close');
  return frames;
}

/** Types and fields, with one of several progress messages in a row. */
const outline = (frames: readonly Frame[]): string[] => frames.map(({ type, data }) => `${type} ${placesOf(data).join(' ')}`).filter((line, at, all) => line !== all[at - 1]);

describe('the progress socket says what ws-frames says', () => {
  it('of a success', async () => {
    expect(outline(await heard('SUCCESS'))).toEqual(outline(socketFrames.frames));
  });

  it.each([['FAILED', 'execution_error'], ['CANCELLED', 'execution_interrupted']] as const)('of a task that ends as %s', async (state, type) => {
    expect(outline((await heard(state)).slice(-1))).toEqual(outline(socketFrames.failureFrames.filter((frame) => frame.type === type)));
  });
});
