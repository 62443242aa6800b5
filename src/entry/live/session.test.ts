import { beforeEach, describe, expect, test } from 'vitest';
import { memoryLog, type Line } from '../../../tests/support/http-app.ts';
import { fail } from '../../core/errors.ts';
import type { PromptState } from '../../models/prompt-state.ts';
import { BodyRoom } from '../http/body-room.ts';
import { Session, type SessionDeps, type SessionWatch } from './session.ts';

interface Told {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

let told: Told[];
let lines: Line[];
let open: Session;
let gone: AbortController;

const refuse = () => Promise.reject(fail('UPSTREAM_ERROR', 'not here'));
const state: PromptState = { prompt_id: 'p', state: 'completed', instance: 'one', client_id: 'page', seq: 9, outputs: [], created_at: 1_000, started_at: 1_250, ended_at: 2_000 };

function session(deps: Partial<SessionDeps> = {}, resets: string[] = []): Session {
  told = [];
  gone = new AbortController();
  const memory = memoryLog();
  lines = memory.lines;
  const watch: SessionWatch = {
    caller: { key: 'alice', admin: false },
    clientId: 'page',
    tell: (type, data) => void told.push({ type, data }),
    tellStatus: () => void told.push({ type: 'status', data: {} }),
    announce: () => undefined,
    subscribe: () => Promise.resolve({ prompts: resets, tasks: [] }),
    unsubscribe: () => undefined,
  };
  const all: SessionDeps = {
    workflows: { submit: refuse, interrupt: refuse, state: () => Promise.resolve(state) },
    tasks: { view: refuse },
    parseJson: JSON.parse,
    log: memory.log,
    room: new BodyRoom(),
    hold: () => undefined,
    consume: () => ({ limited: false, retryAfter: 0 }),
    ...deps,
  };
  return new Session(watch, all, gone.signal);
}

beforeEach(() => {
  open = session();
});

const say = (message: unknown): Promise<void> => open.receive(JSON.stringify(message));

describe('a session', () => {
  test('answers under the request_id, whether it stands beside the type or in the data', async () => {
    await say({ type: 'ping', request_id: 'a' });
    await say({ type: 'ping', data: { request_id: 'b' } });
    await say({ type: 'ping' });
    expect(told.map(({ data }) => data)).toEqual([{ event: 'pong', request_id: 'a' }, { event: 'pong', request_id: 'b' }, { event: 'pong' }]);
  });

  test('gives a refusal the request_id of its message, too', async () => {
    await say({ type: 'dance', request_id: 'a' });
    await say({ type: 'subscribe', data: { items: 3, request_id: 'b' } });
    expect(told.map(({ data }) => [data['event'], data['code'], data['request_id']])).toEqual([['error', 'WEBSOCKET_ERROR', 'a'], ['error', 'VALIDATION_ERROR', 'b']]);
  });

  test('submits under its own client id and refuses another', async () => {
    const submitted: unknown[] = [];
    open = session({ workflows: { submit: (_caller, request) => (submitted.push(request), refuse()), interrupt: refuse, state: refuse } });
    await say({ type: 'submit', data: { workflow: { '1': {} } } });
    await say({ type: 'submit', data: { workflow: { '1': {} }, client_id: 'somebody else' } });
    await say({ type: 'submit', data: { workflow: { '1': {} }, client_id: 'other' } });
    expect(submitted).toEqual([{ workflow: { '1': {} }, client_id: 'page' }]);
    expect(told.map(({ data }) => data['code'])).toEqual(['UPSTREAM_ERROR', 'VALIDATION_ERROR', 'VALIDATION_ERROR']);
  });

  test('tells the present state and the ending of a prompt whose past is not kept', async () => {
    open = session({}, ['p']);
    await say({ type: 'subscribe', data: { items: [{ prompt_id: 'p', since: 3 }] } });
    expect(told).toMatchObject([
      { type: 'system', data: { event: 'reset', code: 'STREAM_RESET', prompt_id: 'p', seq: 9 } },
      { type: 'result', data: { prompt_id: 'p', seq: 9, images: [], durations: { queued_ms: 250, execution_ms: 750, total_ms: 1_000 } } },
    ]);
  });

  test('names the task of such a prompt in both', async () => {
    open = session({ workflows: { submit: refuse, interrupt: refuse, state: () => Promise.resolve({ ...state, task_id: 't' }) } }, ['p']);
    await say({ type: 'subscribe', data: { items: [{ prompt_id: 'p' }] } });
    expect(told.map(({ data }) => data['task_id'])).toEqual(['t', 't']);
  });

  test('says when to come again to one that sends too much', async () => {
    open = session({ consume: () => ({ limited: true, retryAfter: 7 }) });
    await say({ type: 'ping' });
    expect(told[0]?.data).toMatchObject({ event: 'error', code: 'RATE_LIMITED', retry_after: 7 });
  });

  test('works on a bounded number of messages at the same time', async () => {
    const hanging = Promise.withResolvers<never>();
    open = session({ workflows: { submit: () => hanging.promise, interrupt: refuse, state: refuse } });
    const all = Array.from({ length: 33 }, () => say({ type: 'submit', data: { workflow: {} } }));
    await all.at(-1);
    expect(told.map(({ data }) => data['code'])).toEqual(['RATE_LIMITED']);
    hanging.reject(fail('CONNECTION_ERROR', 'over'));
    await Promise.all(all);
    await say({ type: 'ping' });
    expect(told.at(-1)?.data).toEqual({ event: 'pong' });
  });

  test('hides what it did not expect and logs it', async () => {
    open = session({ workflows: { submit: () => Promise.reject(new TypeError('secret detail')), interrupt: refuse, state: refuse } });
    await say({ type: 'submit', data: { workflow: {} } });
    expect(JSON.stringify(told)).not.toContain('secret detail');
    expect(told[0]?.data).toMatchObject({ event: 'error', code: 'INTERNAL_ERROR' });
    expect(lines.map((line) => line.level)).toEqual(['error']);
  });

  test('reads in the order of arrival, one at a time, and reads no more of the socket meanwhile', async () => {
    const read: string[] = [];
    const held: boolean[] = [];
    const parseJson = (text: string): unknown => (read.push(text.slice(-5, -1)), JSON.parse(text));
    open = session({ parseJson, hold: (still) => held.push(still) });
    await Promise.all([say({ type: 'ping', filler: 'x'.repeat(100_000), n: 111 }), say({ type: 'ping', n: 222 })]);
    expect(read).toEqual([':111', ':222']);
    expect(held).toEqual([true, false, true, false]);
  });

  test('refuses a message that finds no room, and gives the room of the others back', async () => {
    const size = { bytes: 1_000, bytesPerKey: 1_000, waiting: 0, waitingPerKey: 0, patience: 1 };
    const room = new BodyRoom(size);
    const other = room.open('alice');
    await other.grow(1_000, new AbortController().signal);
    open = session({ room });
    await say({ type: 'ping', filler: 'x'.repeat(500), request_id: 'a' });
    other.release();
    await say({ type: 'ping', filler: 'x'.repeat(900) });
    expect(told.map(({ data }) => data)).toMatchObject([{ event: 'error', code: 'QUEUE_FULL', retry_after: 2 }, { event: 'pong' }]);
  });

  test('tells a hundred faults at most, in few letters', async () => {
    await say({ type: 'subscribe', data: { items: Array.from({ length: 500 }, () => 'x'.repeat(9)), ['y'.repeat(5_000)]: 1 } });
    expect(told.map(({ data }) => data['code'])).toEqual(['VALIDATION_ERROR']);
    expect(JSON.stringify(told).length).toBeLessThan(40_000);
  });

  test('hands the end of its socket on, and says nothing of what failed by it', async () => {
    const submit: SessionDeps['workflows']['submit'] = (_caller, _request, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))));
    open = session({ workflows: { submit, interrupt: refuse, state: refuse } });
    const said = say({ type: 'submit', data: { workflow: {} } });
    gone.abort();
    await said;
    expect([told, lines]).toEqual([[], []]);
  });
});
