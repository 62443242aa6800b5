/** Takes webhooks, as somebody's server would. */
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { parseJson } from '../../src/atoms/json/json.ts';
import { startSmallServer } from './small-server.ts';
import { until } from './until.ts';

const Message = z.object({ type: z.string(), timestamp: z.string(), data: z.looseObject({ task_id: z.string(), status: z.string(), seq: z.int() }) });

export interface ReceivedHook {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** To the byte. */
  readonly body: string;
  readonly message: z.infer<typeof Message>;
}

export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly ReceivedHook[];
  /** Statuses of the next answers; 204 when there are none left. */
  readonly answers: number[];
  /** The first so many, once they have come. */
  has(count: number, ms?: number): Promise<readonly ReceivedHook[]>;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedHook[] = [];
  const answers: number[] = [];
  const server = await startSmallServer((request, response) => {
    void take(request).then((hook) => {
      received.push(hook);
      response.writeHead(answers.shift() ?? 204).end();
    });
  });
  return {
    url: server.url,
    received,
    answers,
    has: (count, ms) => until(`${count} webhooks have come`, () => received.length >= count && received.slice(0, count), ms),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

async function take(request: IncomingMessage): Promise<ReceivedHook> {
  const body = await text(request);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  return { path: request.url ?? '', headers, body, message: Message.parse(parseJson(body)) };
}
