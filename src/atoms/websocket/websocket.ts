import { once } from 'node:events';
import { type RawData, WebSocket } from 'ws';
import { HttpFailure } from '../../core/http-failure.ts';

export type SocketFrame = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'binary'; readonly data: Buffer };

export interface SocketOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds until the socket must be open. */
  readonly connectMs: number;
  /** Largest message in bytes. */
  readonly maxBytes: number;
  /** Bytes that may wait unread before the socket is given up: a reader that stalls would stall everybody (ws 35). */
  readonly maxWaiting: number;
}

/** One client socket. Frames wait in memory until pulled, so that backpressure never reaches the other side. */
export class ClientSocket {
  readonly #socket: WebSocket;
  readonly #frames: { readonly frame: SocketFrame; readonly bytes: number }[] = [];
  readonly #maxWaiting: number;
  #waiting = 0;
  #wake: (() => void) | undefined;
  #ended = false;
  #reason = 'closed';

  private constructor(socket: WebSocket, maxWaiting: number) {
    this.#socket = socket;
    this.#maxWaiting = maxWaiting;
    socket.on('message', (data, isBinary) => this.#take(toBuffer(data), isBinary));
    socket.on('error', (error) => (this.#reason = error.message));
    socket.on('close', (code) => this.#end(`closed with ${code}`));
  }

  /** Opens a socket. Throws HttpFailure. */
  static async open(options: SocketOptions, signal: AbortSignal): Promise<ClientSocket> {
    const socket = new WebSocket(options.url, { headers: options.headers, handshakeTimeout: options.connectMs, maxPayload: options.maxBytes, perMessageDeflate: false });
    const opened = new ClientSocket(socket, options.maxWaiting);
    try {
      await once(socket, 'open', { signal: AbortSignal.any([signal, AbortSignal.timeout(options.connectMs)]) });
      return opened;
    } catch (error) {
      socket.terminate();
      const text = error instanceof Error ? error.message : String(error);
      throw new HttpFailure(signal.aborted ? 'aborted' : 'refused', `the socket did not open (${text})`, { cause: error });
    }
  }

  /** Why the socket ended. */
  get reason(): string {
    return this.#reason;
  }

  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** Sends a ping; rejects when no pong comes within `ms`. */
  async ping(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new HttpFailure('cut', 'the socket is not open', { cause: undefined });
    const pong = once(this.#socket, 'pong', { signal: AbortSignal.any([signal, AbortSignal.timeout(ms)]) });
    this.#socket.ping();
    await pong;
  }

  /** Ends the socket at once; `frames` ends after what has arrived. */
  terminate(reason: string): void {
    this.#reason = reason;
    this.#socket.terminate();
    this.#end(reason);
  }

  /** What arrives, until the socket ends. */
  async *frames(): AsyncGenerator<SocketFrame, void> {
    for (;;) {
      for (let next = this.#frames.shift(); next; next = this.#frames.shift()) {
        this.#waiting -= next.bytes;
        yield next.frame;
      }
      if (this.#ended) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #take(data: Buffer, isBinary: boolean): void {
    this.#waiting += data.length;
    if (this.#waiting > this.#maxWaiting) return this.terminate('more bytes arrived than were read');
    this.#frames.push({ frame: isBinary ? { kind: 'binary', data } : { kind: 'text', text: data.toString('utf8') }, bytes: data.length });
    this.#wake?.();
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#reason === 'closed') this.#reason = reason;
    this.#wake?.();
  }
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
