/** The same work through the gateway: submit over REST, one WebSocket for the results, the picture by its URL. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Graph } from '../harness/graph.ts';
import { call, fields, json } from '../harness/http.ts';

/** The last message of a prompt. */
export interface Ending {
  readonly type: string;
  readonly url: string | undefined;
}

const endings = ['{"type":"result"', '{"type":"execution_error"', '{"type":"execution_interrupted"'];

export class GatewayClient {
  readonly #url: string;
  readonly #clientId = `bench-${crypto.randomUUID()}`;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (ending: Ending) => void>();
  /** Endings that came before the answer to their submission. */
  readonly #early = new Map<string, Ending>();

  private constructor(url: string) {
    this.#url = url;
    this.#socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws/${this.#clientId}`, { perMessageDeflate: false });
    this.#socket.on('message', (data) => this.#take(Buffer.isBuffer(data) ? data.toString() : ''));
  }

  static async open(url: string): Promise<GatewayClient> {
    const client = new GatewayClient(url);
    await once(client.#socket, 'open');
    return client;
  }

  /** Answers the prompt id once it is queued. */
  async submit(graph: Graph): Promise<string> {
    const { prompt_id: promptId } = await json(`${this.#url}/api/v1/workflows/submit`, { method: 'POST', body: JSON.stringify({ workflow: graph, client_id: this.#clientId }) });
    if (typeof promptId !== 'string') throw new Error('a submission was answered without a prompt_id');
    return promptId;
  }

  ended(promptId: string): Promise<Ending> {
    const early = this.#early.get(promptId);
    if (early) this.#early.delete(promptId);
    return early ? Promise.resolve(early) : new Promise((resolve) => this.#waiting.set(promptId, resolve));
  }

  /** From the graph to the bytes of its picture. */
  async job(graph: Graph): Promise<Buffer> {
    const { type, url } = await this.ended(await this.submit(graph));
    if (url === undefined) throw new Error(`the job ended with ${type} and no picture`);
    const { status, body } = await call(`${this.#url}${url}`);
    if (status !== 200) throw new Error(`${url} answered ${status}: ${body.toString().slice(0, 200)}`);
    return body;
  }

  close(): void {
    this.#socket.terminate();
  }

  #take(text: string): void {
    if (!endings.some((ending) => text.startsWith(ending))) return;
    const { type, data } = fields(JSON.parse(text));
    const { prompt_id: promptId, images } = fields(data);
    const { url } = fields(Array.isArray(images) ? images[0] : undefined);
    const ending = { type: String(type), url: typeof url === 'string' ? url : undefined };
    const waiting = this.#waiting.get(String(promptId));
    this.#waiting.delete(String(promptId));
    if (waiting) waiting(ending);
    else this.#early.set(String(promptId), ending);
  }
}
