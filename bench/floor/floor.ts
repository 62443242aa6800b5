/**
 * The cheapest correct client of a ComfyUI: one socket, a prompt_id of its own, POST /prompt, wait for `executing` with
 * node null, GET /view. What a gateway adds is measured against it.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { call, fields, json } from '../harness/http.ts';
import type { Graph } from '../harness/graph.ts';

interface Waiting {
  file: string | undefined;
  readonly done: (file: string | undefined) => void;
}

export class Floor {
  readonly #url: string;
  readonly #clientId = crypto.randomUUID();
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, Waiting>();

  private constructor(url: string) {
    this.#url = url;
    this.#socket = new WebSocket(`${url.replace('http', 'ws')}/ws?clientId=${this.#clientId}`, { perMessageDeflate: false });
    this.#socket.on('message', (data) => this.#take(Buffer.isBuffer(data) ? data.toString() : ''));
  }

  static async open(url: string): Promise<Floor> {
    const floor = new Floor(url);
    await once(floor.#socket, 'open');
    return floor;
  }

  /** Hands a graph over; answers once it is queued. */
  async submit(graph: Graph, promptId: string = crypto.randomUUID()): Promise<void> {
    await json(`${this.#url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt: graph, prompt_id: promptId, client_id: this.#clientId }) });
  }

  /** From the graph to the bytes of its picture. */
  async job(graph: Graph): Promise<Buffer> {
    const promptId = crypto.randomUUID();
    const ended = new Promise<string | undefined>((done) => this.#waiting.set(promptId, { file: undefined, done }));
    await this.submit(graph, promptId);
    const file = await ended;
    if (file === undefined) throw new Error('the job made no picture');
    const { status, body } = await call(this.viewUrl(file));
    if (status !== 200) throw new Error(`GET /view answered ${status}`);
    return body;
  }

  viewUrl(filename: string): string {
    return `${this.#url}/view?filename=${filename}&type=output&subfolder=`;
  }

  close(): void {
    this.#socket.terminate();
  }

  #take(text: string): void {
    if (!text.startsWith('{"type":"execut')) return;
    const { type, data } = fields(JSON.parse(text));
    const { prompt_id: promptId, node, output } = fields(data);
    const waiting = typeof promptId === 'string' ? this.#waiting.get(promptId) : undefined;
    if (!waiting) return;
    if (type === 'executed') waiting.file = fileIn(output);
    if (type !== 'executing' || node !== null) return;
    this.#waiting.delete(String(promptId));
    waiting.done(waiting.file);
  }
}

function fileIn(output: unknown): string | undefined {
  const { images } = fields(output);
  const { filename } = fields(Array.isArray(images) ? images[0] : undefined);
  return typeof filename === 'string' ? filename : undefined;
}
