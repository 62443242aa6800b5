import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type RunningSandbox } from '../../sandbox/comfyui/server.ts';
import { settled } from './comfyui-sandbox/recorded-http.ts';
import { RecordedPace } from './comfyui-sandbox/recorded-pace.ts';
import { recordedTrace, traces, type TraceEvent } from './comfyui-sandbox/recorded-trace.ts';
import { traceNodes } from './comfyui-sandbox/trace-nodes.ts';
import { frameFacts, recordedFacts, TracePlayer, type Played } from './comfyui-sandbox/trace-player.ts';

/** Traces compared without the moments of `status` and without the number of steps: these depend on the clock. */
const LOOSE: Readonly<Record<string, string>> = {
  '12': 'the second client submits while the first node of the first one runs',
  '26': 'which of the outputs that are ready runs first is no promise',
  '16': 'how many steps run while nobody is connected',
};

/** Traces played up to the first event that needs something no real node does. */
const CUT: Readonly<Record<string, string>> = { '18': 'TraceText' };

/** Traces that end before the server has said everything. */
const ENDS_EARLY = ['30', '34'];

/** Traces in which steps are made while nobody hears of them. */
const UNHEARD = ['15', '16', '17'];

let sandbox: RunningSandbox;
let pace: RecordedPace;
let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'sandbox-ws-'));
  pace = new RecordedPace();
  sandbox = await startSandbox({ dataDir, extraNodes: traceNodes(pace) });
  await writeFile(path.join(dataDir, 'input/fake.png'), 'this is not a png');
});

afterEach(async () => {
  pace.end();
  await sandbox.close();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the sandbox says over the socket what was recorded', () => {
  for (const file of traces()) {
    const number = file.slice(0, 2);
    const title = number in LOOSE ? `${file} (loosely: ${LOOSE[number]})` : file;
    it(title, async () => {
      const events = recordedTrace(file, CUT[number]);
      if (UNHEARD.includes(number)) pace.unheard();
      const played = await new TracePlayer(sandbox, { dataDir, pace, waitsForText: number === '16' }).play(events);
      expectAnswers(played);
      for (const conn of played.listeners.keys()) await expectMessages(events, played, { conn, number });
    });
  }
});

function expectAnswers({ answers }: Played): void {
  for (const { event, answer } of answers) {
    const at = `${event.request.method} ${event.request.path}`;
    expect({ at, status: answer.status }).toEqual({ at, status: event.response.status });
    const { body, body_omitted_length: length } = event.response;
    if (length !== undefined) expect({ at, length: answer.body.length }).toEqual({ at, length });
    if (body !== undefined) expect({ at, body: comparable(answer.body.toString()) }).toEqual({ at, body: comparable(body) });
  }
}

async function expectMessages(events: readonly TraceEvent[], played: Played, { conn, number }: { conn: string; number: string }): Promise<void> {
  const recorded = events.filter((event) => event.kind === 'ws_recv').filter((event) => event.conn === conn);
  const wanted = recorded.map((event) => (event.binary ? recordedFacts(event.binary) : comparable(event.text ?? event.control ?? '')));
  const heard = await Promise.all((played.listeners.get(conn)?.heard ?? []).map((message) => (typeof message === 'string' ? comparable(message) : frameFacts(message))));
  const closed = events.find((event) => event.kind === 'ws_closed' && event.conn === conn);
  if (closed?.kind === 'ws_closed' && closed.code !== null) expect(played.listeners.get(conn)?.closeCode).toBe(closed.code);
  if (number in LOOSE) {
    const compared = number === '26' ? inAnyOrder : loosely;
    expect(compared(heard)).toEqual(compared(wanted));
    return;
  }
  expect(heard.slice(0, wanted.length)).toEqual(wanted);
  if (!ENDS_EARLY.includes(number)) expect(heard.slice(wanted.length)).toEqual([]);
}

/** JSON settled, paths of this machine and ids that the server makes up put aside; other text as it is. */
function comparable(text: string): unknown {
  const placed = text.replaceAll(dataDir, '/comfyui').replace(/(full_output_folder|commonpath): \S*?(?=\\n)/g, '$1: <outside>');
  if (!/^[{[]/.test(placed)) return placed;
  return settled(placed.replace(/"sid": "[0-9a-f]{32}"/, '"sid": "<invented>"'));
}

/** Statuses apart from the rest, and consecutive steps of a node told once. */
function loosely(messages: readonly unknown[]): unknown {
  const kinds = messages.map((message) => JSON.stringify(message).replace(/"(value|max)":\d+/g, '"$1":0'));
  const [statuses, others] = [kinds.filter(isStatus), kinds.filter((kind) => !isStatus(kind))];
  return { statuses, others: others.filter((kind, index) => !others.slice(Math.max(0, index - 3), index).includes(kind)) };
}

/** Without progress_state, which grows in the order nodes run. */
function inAnyOrder(messages: readonly unknown[]): unknown {
  return messages.map((message) => JSON.stringify(message)).filter((text) => !text.startsWith('{"type":"progress_state"')).sort();
}

const isStatus = (kind: string): boolean => kind.startsWith('{"type":"status"');
