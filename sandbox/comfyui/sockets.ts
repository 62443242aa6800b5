import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { FrameSender } from './frame-sender.ts';
import { isRecord, parseJson, writeJson } from './json.ts';
import type { Knobs } from './knobs.ts';

/** What every client may know (http/info, ws 02). */
export const FEATURES = { supports_preview_metadata: true, max_upload_size: 104_857_600 };

interface Connection {
  readonly sender: FrameSender;
  metadataPreviews: boolean;
}

export interface SocketFacts {
  /** Pending plus running, for the first `status`. */
  queueRemaining(): number;
  /** The node that runs for this client now, told again to a client that comes back (ws 16). */
  runningNode(clientId: string): string | undefined;
}

/**
 * The sockets, one registered per client id. A newer socket takes the id over; when any socket of that id closes, the id is
 * forgotten, so the newer one stays open and hears nothing more (ws 15). Broadcasts reach registered sockets only.
 */
export class Sockets {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 4 * 1024 * 1024, perMessageDeflate: false });
  readonly #registered = new Map<string, Connection>();
  readonly #open = new Set<WebSocket>();
  readonly #facts: SocketFacts;
  readonly #knobs: Knobs;

  constructor(facts: SocketFacts, knobs: Knobs) {
    this.#facts = facts;
    this.#knobs = knobs;
  }

  accept(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, stream, head, (socket) => { this.#opened(socket, request.url ?? ''); });
  }

  /** One message to the client that submitted; to everybody if `clientId` is undefined. */
  send(type: string, data: unknown, clientId?: string): void {
    this.#frame(writeJson({ type, data }), clientId);
  }

  binary(bytes: Buffer, clientId?: string): void {
    this.#frame(bytes, clientId);
  }

  wantsMetadata(clientId: string | undefined): boolean {
    return clientId !== undefined && this.#registered.get(clientId)?.metadataPreviews === true;
  }

  /** Cuts every socket without a goodbye: clients see 1006 (ws 34). */
  cutAll(): void {
    for (const socket of this.#open) socket.terminate();
  }

  #frame(frame: string | Buffer, clientId: string | undefined): void {
    const receivers = clientId === undefined ? [...this.#registered.values()] : [this.#registered.get(clientId)];
    for (const receiver of receivers) receiver?.sender.send(frame);
  }

  #opened(socket: WebSocket, url: string): void {
    const given = new URL(url, 'http://sandbox').searchParams.get('clientId');
    const sid = given !== null && given !== '' ? given : randomUUID().replaceAll('-', '');
    const connection: Connection = { sender: new FrameSender(socket, this.#knobs), metadataPreviews: false };
    this.#open.add(socket);
    this.#registered.set(sid, connection);
    socket.on('close', () => {
      this.#open.delete(socket);
      this.#registered.delete(sid);
    });
    socket.on('error', () => { socket.terminate(); });
    this.#listen(socket, connection);
    connection.sender.send(writeJson({ type: 'status', data: { status: statusOf(this.#facts.queueRemaining()), sid } }));
    const node = this.#facts.runningNode(sid);
    if (node !== undefined) connection.sender.send(writeJson({ type: 'executing', data: { node } }));
  }

  /** Only the first JSON object counts; text that is no JSON, arrays and binary do not use it up (ws 02). */
  #listen(socket: WebSocket, connection: Connection): void {
    const first = (data: Buffer, isBinary: boolean): void => {
      const message = isBinary ? undefined : parsedObject(data.toString('utf8'));
      if (!message) return;
      socket.off('message', first);
      if (message['type'] !== 'feature_flags') return;
      const flags = message['data'];
      connection.metadataPreviews = isRecord(flags) && flags['supports_preview_metadata'] === true;
      connection.sender.send(writeJson({ type: 'feature_flags', data: FEATURES }));
    };
    socket.on('message', first);
  }
}

export function statusOf(queueRemaining: number): Record<string, unknown> {
  return { exec_info: { queue_remaining: queueRemaining } };
}

function parsedObject(text: string): Record<string, unknown> | undefined {
  try {
    const value = parseJson(text);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
