/** Somebody's server that takes webhooks, looks at their signatures, and at times does not answer or says 500. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import { type SmallServer, startSmallServer } from '../support/small-server.ts';

const Message = z.object({ type: z.string(), data: z.looseObject({ task_id: z.string(), seq: z.int() }) });

export interface Received {
  readonly taskId: string;
  readonly seq: number;
  readonly type: string;
  /** The `webhook-id`. */
  readonly id: string;
  readonly valid: boolean;
}

export class Receiver {
  readonly secret = `whsec_${randomBytes(32).toString('base64')}`;
  readonly received: Received[] = [];
  /** So many next calls are answered with 500. */
  failures = 0;
  readonly #webhook = new Webhook(this.secret);
  #holding = false;
  #held: { readonly taskId: string; readonly response: ServerResponse }[] = [];
  #server: SmallServer | undefined;

  async start(): Promise<void> {
    this.#server = await startSmallServer((request, response) => void this.#take(request, response));
  }

  get url(): string {
    return `${this.#server?.url ?? ''}/hook`;
  }

  /** From now on nobody is answered. */
  hold(): void {
    this.#holding = true;
  }

  /** Whether a call about that task waits for its answer. */
  holds(taskId: string): boolean {
    return this.#held.some((one) => one.taskId === taskId);
  }

  release(): void {
    this.#holding = false;
    for (const { response } of this.#held) response.writeHead(204).end();
    this.#held = [];
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request).catch(() => undefined);
    if (body === undefined) return;
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const { type, data } = Message.parse(JSON.parse(body));
    this.received.push({ taskId: data.task_id, seq: data.seq, type, id: headers['webhook-id'] ?? '', valid: this.#isValid(body, headers) });
    if (this.#holding) {
      const one = { taskId: data.task_id, response };
      this.#held.push(one);
      response.once('close', () => (this.#held = this.#held.filter((other) => other !== one)));
    } else if (this.failures > 0) {
      this.failures -= 1;
      response.writeHead(500).end();
    } else response.writeHead(204).end();
  }

  #isValid(body: string, headers: Record<string, string>): boolean {
    try {
      this.#webhook.verify(body, headers);
      return true;
    } catch {
      return false;
    }
  }
}
