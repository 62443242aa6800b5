import { WebSocket } from 'ws';
import { z } from 'zod';
import { parseJson, stringifyJson } from '../../src/atoms/json/json.ts';

const Message = z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) });
export type Message = z.infer<typeof Message>;

export interface SocketRefusal {
  readonly status: number;
  readonly body: string;
}

interface Waiter {
  readonly look: () => boolean;
}

const endings: ReadonlySet<string> = new Set(['result', 'execution_error', 'execution_interrupted']);

export const isEnding = (message: Message): boolean => endings.has(message.type);

/** A client of the gateway's socket that keeps everything it was sent. */
export class TestSocket implements Disposable {
  readonly messages: Message[] = [];
  readonly binary: Buffer[] = [];
  /** Resolves with how the socket ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #socket: WebSocket;
  readonly #waiters = new Set<Waiter>();
  #asked = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data, isBinary) => this.#take(data, isBinary));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })));
  }

  /** Opens a socket, and resolves when the gateway has greeted. */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<TestSocket> {
    const socket = new WebSocket(url, { headers: { ...headers }, perMessageDeflate: false });
    const opened = new TestSocket(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    await opened.waitFor((message) => message.data['event'] === 'connected');
    return opened;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Messages about that prompt, in the order of their arrival. */
  of(promptId: string): Message[] {
    return this.messages.filter((message) => message.data['prompt_id'] === promptId);
  }

  /** Text as it is, anything else as JSON. */
  send(message: unknown): void {
    this.#socket.send(typeof message === 'string' ? message : stringifyJson(message));
  }

  sendBinary(bytes: Buffer): void {
    this.#socket.send(bytes, { binary: true });
  }

  /** Sends a message and resolves with the answer that carries its request_id. */
  async ask(type: string, data: Readonly<Record<string, unknown>> = {}): Promise<Message> {
    this.#asked += 1;
    const requestId = `ask-${this.#asked}`;
    this.send({ type, data, request_id: requestId });
    return this.waitFor((message) => message.data['request_id'] === requestId);
  }

  /** The first message, among those that came and those to come, that fits. */
  async waitFor(fits: (message: Message) => boolean, ms = 15_000): Promise<Message> {
    return this.#await('message', () => this.messages.find(fits), ms);
  }

  /** The ending of a prompt. */
  async ending(promptId: string, ms = 15_000): Promise<Message> {
    return this.waitFor((message) => isEnding(message) && message.data['prompt_id'] === promptId, ms);
  }

  async waitForBinary(fits: (frame: Buffer) => boolean, ms = 15_000): Promise<Buffer> {
    return this.#await('binary frame', () => this.binary.find(fits), ms);
  }

  /** Nothing is read from now on: the gateway's bytes pile up. */
  stopReading(): void {
    this.#socket.pause();
  }

  readAgain(): void {
    this.#socket.resume();
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  async #await<T>(what: string, look: () => T | undefined, ms: number): Promise<T> {
    const there = look();
    if (there !== undefined) return there;
    return new Promise<T>((resolve, reject) => {
      const waiter: Waiter = {
        look: () => {
          const found = look();
          if (found === undefined) return false;
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve(found);
          return true;
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new TypeError(`no such ${what} within ${ms} ms; there were ${this.#summary()}`));
      }, ms);
      this.#waiters.add(waiter);
    });
  }

  #take(data: WebSocket.RawData, isBinary: boolean): void {
    const bytes = Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
    if (isBinary) this.binary.push(bytes);
    else this.messages.push(Message.parse(parseJson(bytes.toString('utf8'))));
    for (const waiter of this.#waiters) waiter.look();
  }

  #summary(): string {
    return this.messages.slice(-40).map(({ type, data }) => `${type}${typeof data['event'] === 'string' ? `:${data['event']}` : ''}`).join(' ') || 'none';
  }
}

/** The HTTP answer to an upgrade that must be refused. */
export async function refusedUpgrade(url: string, headers: Readonly<Record<string, string>> = {}): Promise<SocketRefusal> {
  const socket = new WebSocket(url, { headers: { ...headers } });
  socket.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.terminate();
      reject(new TypeError('the socket was opened'));
    });
    socket.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
  });
}
