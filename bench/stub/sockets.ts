/** GET /ws: the newest socket of a client id receives what happens to its prompts. */
import type { Server } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { fieldsOf } from './job.ts';

export class Sockets {
  readonly #byClient = new Map<string, WebSocket>();
  readonly #all = new Set<WebSocket>();

  attach(server: Server, remaining: () => number): void {
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    server.on('upgrade', (request, socket, head) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://stub');
      if (pathname !== '/ws' && pathname !== '/api/ws') return void socket.destroy();
      const clientId = searchParams.get('clientId') || crypto.randomUUID().replaceAll('-', '');
      sockets.handleUpgrade(request, socket, head, (webSocket) => this.#welcome(webSocket, clientId, remaining()));
    });
  }

  /** To the submitter alone. */
  send(clientId: string, type: string, data: unknown): void {
    this.#byClient.get(clientId)?.send(JSON.stringify({ type, data }));
  }

  status(queueRemaining: number): void {
    const text = JSON.stringify(statusOf(queueRemaining));
    for (const socket of this.#all) socket.send(text);
  }

  /** Ends every socket without a goodbye. */
  drop(): number {
    const dropped = this.#all.size;
    for (const socket of this.#all) socket.terminate();
    return dropped;
  }

  #welcome(socket: WebSocket, clientId: string, remaining: number): void {
    this.#byClient.set(clientId, socket);
    this.#all.add(socket);
    const { type, data } = statusOf(remaining);
    socket.send(JSON.stringify({ type, data: { ...data, sid: clientId } }));
    socket.once('message', (raw) => this.#flags(socket, Buffer.isBuffer(raw) ? raw.toString() : ''));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      this.#all.delete(socket);
      this.#byClient.delete(clientId);
    });
  }

  #flags(socket: WebSocket, text: string): void {
    const message = fieldsOf(JSON.parse(text));
    if (message['type'] === 'feature_flags') socket.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true, max_upload_size: 104_857_600 } }));
  }
}

function statusOf(queueRemaining: number) {
  return { type: 'status', data: { status: { exec_info: { queue_remaining: queueRemaining } } } };
}
