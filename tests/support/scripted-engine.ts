/**
 * A server that says over its socket what a real ComfyUI said in a recording, for what the sandbox cannot do. It takes
 * one prompt after the other; each is answered with the next run of the recording, under the id that the prompt was given.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import type { Engine } from './engine.ts';

const Line = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ws_recv'), text: z.string().optional() }),
  z.object({ kind: z.literal('http'), request: z.object({ method: z.string(), path: z.string(), body: z.string().optional() }), response: z.object({ body: z.string().optional() }) }),
  z.object({ kind: z.enum(['note', 'ws_open', 'ws_send', 'ws_close_by_client', 'ws_closed']) }),
]);

interface Run {
  readonly recordedId: string;
  /** The graph that was submitted. */
  readonly workflow: Readonly<Record<string, { class_type: string; inputs: Record<string, unknown> }>>;
  readonly frames: readonly string[];
  /** Body of GET /history/{id}. */
  readonly history: string;
}

const Submitted = z.object({ prompt: z.record(z.string(), z.object({ class_type: z.string(), inputs: z.record(z.string(), z.unknown()) })), prompt_id: z.string() });

/** The runs of a recording: what was submitted, said and remembered. */
export function recordedRuns(file: string): Run[] {
  const text = readFileSync(new URL(`../fixtures/comfyui/ws/${file}`, import.meta.url), 'utf8');
  const lines = text.trim().split('\n').map((line) => Line.parse(JSON.parse(line)));
  const submissions = lines.flatMap((line) => (line.kind === 'http' && line.request.path === '/prompt' ? [Submitted.parse(JSON.parse(line.request.body ?? ''))] : []));
  return submissions.map(({ prompt, prompt_id: recordedId }) => {
    const frames = lines.flatMap((line) => (line.kind === 'ws_recv' && line.text?.includes(recordedId) ? [line.text] : []));
    const history = lines.flatMap((line) => (line.kind === 'http' && line.request.path === `/history/${recordedId}` ? [line.response.body ?? '{}'] : []));
    return { recordedId, workflow: prompt, frames, history: history.at(-1) ?? '{}' };
  });
}

export async function startScriptedEngine(runs: readonly Run[]): Promise<Engine> {
  const sockets = new Set<WebSocket>();
  const histories = new Map<string, string>();
  let next = 0;
  const submit = (body: string): unknown => {
    const { prompt_id: id } = z.object({ prompt_id: z.string() }).parse(JSON.parse(body));
    const run = runs[next];
    next += 1;
    if (!run) return { error: { type: 'over', message: 'the recording is over', details: '', extra_info: {} }, node_errors: {} };
    histories.set(id, run.history.replaceAll(run.recordedId, id));
    for (const socket of sockets) for (const frame of run.frames) socket.send(frame.replaceAll(run.recordedId, id));
    return { prompt_id: id, number: next, node_errors: {} };
  };
  const answer = (request: IncomingMessage, body: string): string => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (request.method === 'POST' && path === '/prompt') return JSON.stringify(submit(body));
    if (path.startsWith('/history/')) return histories.get(path.slice('/history/'.length)) ?? '{}';
    if (path === '/queue') return '{"queue_running":[],"queue_pending":[]}';
    return path === '/system_stats' ? '{"system":{"comfyui_version":"0.3.64"},"devices":[]}' : '{}';
  };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => response.setHeader('Content-Type', 'application/json').end(answer(request, Buffer.concat(chunks).toString())));
  });
  const door = new WebSocketServer({ server, path: '/ws' });
  door.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.send('{"type":"status","data":{"status":{"exec_info":{"queue_remaining":0}},"sid":"x"}}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
