/**
 * Many sockets that watch one client id, in a process of their own so that receiving is not counted as sending.
 *
 *   node bench/watchers/main.ts <ws address> <count>      prints {"open": count}; after the prompt's last message on
 *   every socket prints its Findings and ends
 */
import { WebSocket } from 'ws';
import { fields } from '../harness/http.ts';
import type { Findings } from './findings.ts';

interface Message {
  readonly seq: number | undefined;
  readonly sent: number | undefined;
  /** A state message takes a number of its own; progress carries the newest. */
  readonly isState: boolean;
  readonly isLast: boolean;
}

interface Delivery {
  readonly sent: number;
  last: number;
  reached: number;
}

const [address = '', count = '1'] = process.argv.slice(2);
const wanted = Number(count);
const parsed = new Map<string, Message>();
const deliveries = new Map<string, Delivery>();
const waits: number[] = [];
let open = 0;
let ended = 0;
let messages = 0;
let lost = 0;

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const clock = (): number => Number(process.hrtime.bigint()) / 1e6;

function read(text: string): Message {
  const known = parsed.get(text);
  if (known) return known;
  const { type, data } = fields(JSON.parse(text));
  const { seq, sent } = fields(data);
  const isState = typeof seq === 'number' && type !== 'progress' && type !== 'progress_state';
  const message = { seq: numberOf(seq), sent: numberOf(sent), isState, isLast: type === 'result' };
  parsed.set(text, message);
  return message;
}

function watch(): void {
  const socket = new WebSocket(address, { perMessageDeflate: false });
  let next = 1;
  socket.on('open', () => {
    open += 1;
    if (open === wanted) process.stdout.write(`${JSON.stringify({ open })}\n`);
  });
  socket.on('error', (error) => {
    process.stderr.write(`a watcher failed: ${error.message}\n`);
    process.exit(1);
  });
  socket.on('message', (data) => {
    const text = Buffer.isBuffer(data) ? data.toString() : '';
    const message = read(text);
    messages += 1;
    if (message.sent !== undefined) arrived(text, message.sent);
    if (message.isState && message.seq !== next) lost += 1;
    if (message.isState) next = (message.seq ?? 0) + 1;
    if (message.isLast && ++ended === wanted) finish();
  });
}

function arrived(text: string, sent: number): void {
  const now = clock();
  const delivery = deliveries.get(text) ?? { sent, last: now, reached: 0 };
  deliveries.set(text, delivery);
  delivery.last = now;
  delivery.reached += 1;
  waits.push(now - sent);
}

function finish(): void {
  const complete = [...deliveries.values()].filter((delivery) => delivery.reached === wanted);
  const findings: Findings = {
    messages,
    lost,
    dropped: deliveries.size - complete.length,
    waits: sample(waits),
    lastWaits: complete.map(({ sent, last }) => last - sent),
  };
  process.stdout.write(`${JSON.stringify(findings)}\n`, () => process.exit(0));
}

/** Every so many, so that a hundred thousand numbers need not travel. */
function sample(values: readonly number[]): number[] {
  const every = Math.max(1, Math.floor(values.length / 5_000));
  return values.toSorted((a, b) => a - b).filter((_, at) => at % every === 0);
}

for (let made = 0; made < wanted; made += 1) watch();
