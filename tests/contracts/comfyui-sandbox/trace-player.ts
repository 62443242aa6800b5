import { EventEmitter, once } from 'node:events';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { RunningSandbox } from '../../../sandbox/comfyui/server.ts';
import { ask, type Answer } from './raw-http.ts';
import type { RecordedPace } from './recorded-pace.ts';
import type { TraceEvent } from './recorded-trace.ts';

const Size = z.object({ format: z.string(), width: z.number(), height: z.number() });

type HttpEvent = Extract<TraceEvent, { kind: 'http' }>;

/** One socket and everything it heard. */
export class Listener {
  readonly heard: (string | Buffer)[] = [];
  readonly socket: WebSocket;
  closeCode: number | undefined;
  readonly #news = new EventEmitter();

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on('message', (data: Buffer, isBinary) => { this.#hear(isBinary ? data : data.toString('utf8')); });
    this.socket.on('pong', () => { this.#hear('pong'); });
    this.socket.on('close', (code) => {
      this.closeCode = code;
      this.#news.emit('news');
    });
  }

  /** Resolves once that many messages have arrived and this text is among the later ones, or the socket is closed. */
  async caughtUp(wanted: number, text?: string): Promise<void> {
    const missing = (): boolean => this.heard.length < wanted || (text !== undefined && !this.heard.slice(wanted - 1).includes(text));
    while (missing() && this.closeCode === undefined) await once(this.#news, 'news');
  }

  async closed(): Promise<void> {
    while (this.closeCode === undefined) await once(this.#news, 'news');
  }

  #hear(message: string | Buffer): void {
    this.heard.push(message);
    this.#news.emit('news');
  }
}

/** What came of playing one trace. */
export interface Played {
  readonly answers: readonly { readonly event: HttpEvent; readonly answer: Answer }[];
  readonly listeners: ReadonlyMap<string, Listener>;
}

/** Does what the recorded client did, each deed once everything recorded before it has arrived. */
export class TracePlayer {
  readonly #sandbox: RunningSandbox;
  readonly #dataDir: string;
  readonly #answers: { event: HttpEvent; answer: Answer }[] = [];
  readonly #listeners = new Map<string, Listener>();
  /** Prompt id of the recording → ours. */
  readonly #ids = new Map<string, string>();
  readonly #recorded = new Map<string, { count: number; text: string | undefined }>();
  readonly #waitsForText: boolean;
  readonly #pace: RecordedPace;

  /** `waitsForText`: counting messages is not enough where more arrive than were recorded. */
  constructor(sandbox: RunningSandbox, { dataDir, pace, waitsForText }: { dataDir: string; pace: RecordedPace; waitsForText: boolean }) {
    this.#sandbox = sandbox;
    this.#dataDir = dataDir;
    this.#pace = pace;
    this.#waitsForText = waitsForText;
  }

  async play(events: readonly TraceEvent[]): Promise<Played> {
    await this.#burnNumbers(events);
    for (const event of events) {
      if (event.kind === 'ws_recv') this.#expect(event);
      else await this.#do(event);
    }
    await this.#caughtUp();
    this.#pace.end();
    return { answers: this.#answers, listeners: this.#listeners };
  }

  #expect({ conn, text }: Extract<TraceEvent, { kind: 'ws_recv' }>): void {
    this.#recorded.set(conn, { count: (this.#recorded.get(conn)?.count ?? 0) + 1, text });
    if (text !== undefined) this.#pace.played(text, (id) => this.#ids.get(id) ?? id);
  }

  async #do(event: Exclude<TraceEvent, { kind: 'ws_recv' }>): Promise<void> {
    switch (event.kind) {
      case 'note': return this.#note(event.text);
      case 'ws_open': return this.#open(event.conn, event.path);
      case 'http': return this.#http(event);
      case 'ws_send': return this.#send(event);
      case 'ws_close_by_client': return this.#close(event.conn);
      case 'ws_closed': return this.#listeners.get(event.conn)?.closed();
    }
  }

  async #open(conn: string, at: string): Promise<void> {
    await this.#caughtUp();
    const listener = new Listener(this.#sandbox.url.replace('http', 'ws') + at);
    this.#listeners.set(conn, listener);
    await once(listener.socket, 'open');
  }

  async #send(event: Extract<TraceEvent, { kind: 'ws_send' }>): Promise<void> {
    const socket = this.#listeners.get(event.conn)?.socket;
    if (event.control === 'ping') socket?.ping();
    else if (event.binary_hex !== undefined) socket?.send(Buffer.from(event.binary_hex, 'hex'));
    else socket?.send(event.text ?? '');
  }

  async #close(conn: string): Promise<void> {
    await this.#caughtUp();
    const listener = this.#listeners.get(conn);
    listener?.socket.close();
    await listener?.closed();
  }

  async #http(event: HttpEvent): Promise<void> {
    await this.#caughtUp();
    if (this.#listeners.size === 0 && event.request.method === 'GET') await this.#idle();
    let answer = await this.#ask(event);
    const finished = event.request.path.startsWith('/history/') && event.response.body !== '{}';
    while (finished && answer.body.toString() === '{}') answer = await this.#ask(event);
    const [theirs, ours] = [event.response.body, answer.body.toString()].map((body) => /^\{"prompt_id": "([^"]*)"/.exec(body ?? '')?.[1]);
    if (theirs !== undefined && ours !== undefined) this.#ids.set(theirs, ours);
    this.#answers.push({ event, answer });
  }

  #ask({ request }: HttpEvent): Promise<Answer> {
    const { method, path: recorded, headers = {}, body } = request;
    const [, id = ''] = /^\/history\/(.*)$/.exec(recorded) ?? [];
    const at = recorded.replace(id, this.#ids.get(id) ?? id);
    return ask(this.#sandbox.url, { method, path: at, headers, ...(body !== undefined && { body: Buffer.from(body) }) });
  }

  /** Deeds that the recording tells in words. */
  async #note(text: string): Promise<void> {
    if (text === 'SIGTERM' || text === 'SIGKILL') {
      await this.#caughtUp();
      await this.#sandbox.restart();
    }
    if (text.includes('deleted on disk')) {
      await this.#caughtUp();
      await rm(path.join(this.#dataDir, 'output/twin_00001_.png'));
    }
  }

  async #caughtUp(): Promise<void> {
    for (const [conn, { count, text }] of this.#recorded) {
      await this.#listeners.get(conn)?.caughtUp(count, this.#waitsForText && text?.includes('timestamp') === false ? text : undefined);
    }
  }

  async #idle(): Promise<void> {
    for (let body = ''; !body.includes('"queue_remaining": 0');) {
      body = (await ask(this.#sandbox.url, { method: 'GET', path: '/prompt' })).body.toString();
    }
  }

  /** The recorded server had run before: uses up numbers until ours gives the recorded ones. */
  async #burnNumbers(events: readonly TraceEvent[]): Promise<void> {
    const posts = events.filter((event) => event.kind === 'http').filter(({ request }) => request.method === 'POST' && request.path === '/prompt');
    const first = posts.findIndex(({ response }) => /"number": \d+[,}]/.test(response.body ?? ''));
    const number = Number(/"number": (\d+)/.exec(posts[first]?.response.body ?? '')?.[1] ?? 0);
    for (let count = number - Math.max(0, first); count > 0; count -= 1) {
      await ask(this.#sandbox.url, { method: 'POST', path: '/prompt', body: Buffer.from('{}') });
    }
  }
}

/** A binary frame by its facts: event, image type or metadata, and the size of the picture; or its text. */
export async function frameFacts(frame: Buffer): Promise<unknown> {
  const event = frame.readUInt32BE(0);
  const second = frame.readUInt32BE(4);
  if (event === 3) return { event_type: 3, node_id: frame.subarray(8, 8 + second).toString(), text: frame.subarray(8 + second).toString() };
  const image = await sharp(frame.subarray(event === 4 ? 8 + second : 8)).metadata();
  const facts = { format: image.format.toUpperCase(), width: image.width, height: image.height };
  return event === 4 ? { event_type: 4, metadata_text: frame.subarray(8, 8 + second).toString(), ...facts } : { event_type: 1, image_type: second, ...facts };
}

/** The same facts of a recorded frame. */
export function recordedFacts(binary: Readonly<Record<string, unknown>>): unknown {
  const { event_type, image_type, metadata_text, node_id, text, image } = binary;
  if (event_type === 3) return { event_type, node_id, text };
  const { format, width, height } = Size.parse(image);
  return event_type === 4 ? { event_type, metadata_text, format, width, height } : { event_type, image_type, format, width, height };
}
