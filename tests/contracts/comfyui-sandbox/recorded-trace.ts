import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const At = { t_ms: z.number().default(0) };
const conn = z.string();

export const TraceEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('note'), text: z.string(), ...At }),
  z.object({ kind: z.literal('ws_open'), conn, path: z.string(), ...At }),
  z.object({ kind: z.literal('ws_send'), conn, text: z.string().optional(), control: z.string().optional(), binary_hex: z.string().optional(), ...At }),
  z.object({ kind: z.literal('ws_recv'), conn, text: z.string().optional(), control: z.string().optional(), binary: z.looseObject({}).optional(), ...At }),
  z.object({ kind: z.literal('ws_close_by_client'), conn, ...At }),
  z.object({ kind: z.literal('ws_closed'), conn, code: z.number().nullable(), ...At }),
  z.object({
    kind: z.literal('http'),
    ...At,
    request: z.object({ method: z.string(), path: z.string(), headers: z.record(z.string(), z.string()).optional(), body: z.string().optional() }),
    response: z.object({ status: z.number(), body: z.string().optional(), body_omitted_length: z.number().optional() }),
  }),
]);
export type TraceEvent = z.infer<typeof TraceEvent>;

const folder = new URL('../../fixtures/comfyui/ws/', import.meta.url);

/** Every recorded trace there is, by its number. */
export function traces(): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.jsonl')).sort();
}

/** The events of one trace up to the first that mentions `until`, in the order things were started or arrived. */
export function recordedTrace(file: string, until?: string): TraceEvent[] {
  const lines = readFileSync(new URL(file, folder), 'utf8').trim().split('\n');
  const end = until === undefined ? -1 : lines.findIndex((line) => line.includes('"kind": "http"') && line.includes(until));
  const kept = end < 0 ? lines : lines.slice(0, end);
  let last = 0;
  const events = kept.map((line) => {
    const event = TraceEvent.parse(JSON.parse(line));
    last = event.kind === 'note' ? last : Math.max(event.t_ms, event.kind === 'http' ? 0 : last);
    return { event, at: event.kind === 'note' ? last : event.t_ms };
  });
  return events.sort((a, b) => a.at - b.at).map(({ event }) => event);
}
