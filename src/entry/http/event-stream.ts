/** Server-sent events: what is told, as text that a browser's EventSource reads. */
import { once } from 'node:events';
import type { Response } from 'express';

export interface StreamedEvent {
  readonly seq: number;
  readonly event: string;
  readonly data: unknown;
  /** Whether it has the number as its own: then whoever comes back says it. */
  readonly numbered: boolean;
}

/** Milliseconds between signs of life, so that nobody on the way takes the silence for the end. */
const aliveEvery = 15_000;
/** Milliseconds after which a browser comes back. */
const retry = 1_000;

const texts = new WeakMap<StreamedEvent, string>();

/** An event that goes to many is written once. */
function textOf(event: StreamedEvent, stringify: (value: unknown) => string): string {
  const text = texts.get(event) ?? `${event.numbered ? `id: ${event.seq}\n` : ''}event: ${event.event}\ndata: ${stringify(event.data)}\n\n`;
  texts.set(event, text);
  return text;
}

/** Sends events at the reader's pace, and ends with them, or when the signal fires. What breaks off is thrown, and the answer is not complete then. */
export async function sendEvents(response: Response, events: AsyncIterable<StreamedEvent>, { stringify, signal }: { readonly stringify: (value: unknown) => string; readonly signal: AbortSignal }): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
  // Whoever asks for the headers alone does not wait for the end.
  if (response.req.method === 'HEAD') return void response.end();
  response.write(`retry: ${retry}\n\n`);
  const alive = setInterval(() => void response.write(':\n\n'), aliveEvery);
  try {
    for await (const event of events) {
      if (!response.write(textOf(event, stringify))) await once(response, 'drain', { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearInterval(alive);
  }
  response.end();
}
