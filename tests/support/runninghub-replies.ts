/** Replies of RunningHub as written down, and a server that gives whichever a test wants. */
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { type SmallServer, startSmallServer } from './small-server.ts';

const folder = new URL('../fixtures/runninghub/', import.meta.url);

const Reply = z.object({ status: z.number(), body: z.unknown().optional(), rawBody: z.string().optional() });
const Fixture = z.object({ response: Reply });

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The reply of a fixture, by its name without the extension. */
export function replyOf(name: string): Reply {
  const { response } = Fixture.parse(JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')));
  return { status: response.status, text: response.rawBody ?? JSON.stringify(response.body) };
}

/** Names of every fixture that holds a reply of RunningHub. */
export const replyNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json') && Fixture.safeParse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))).success)
  .map((file) => file.replace(/\.json$/, ''));

export const json = (body: unknown, status = 200): Reply => ({ status, text: JSON.stringify(body) });

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that gives `replies` in their order, the last one again and again, and remembers what it was asked. */
export class ScriptedHub {
  readonly seen: Seen[] = [];
  replies: Reply[] = [];
  /** What comes in place of a reply once the whole call has arrived: the connection breaks, or nothing. */
  instead: 'cut' | 'silence' | undefined;
  #server: SmallServer | undefined;

  get url(): string {
    return this.#server?.url ?? '';
  }

  async start(): Promise<void> {
    this.#server = await startSmallServer((request, response) => {
      void text(request).then((body) => {
        const url = new URL(request.url ?? '/', 'http://hub');
        this.seen.push({ method: request.method ?? '', path: url.pathname, query: url.searchParams, headers: request.headers, body });
        if (this.instead !== undefined) return this.instead === 'cut' && response.socket?.destroy();
        const reply = this.replies.length > 1 ? this.replies.shift() : this.replies[0];
        return response.writeHead(reply?.status ?? 500, reply?.headers).end(reply?.text ?? '');
      });
    });
  }

  /** What the next calls are answered. A text is the name of a fixture. */
  says(...replies: (Reply | string)[]): void {
    this.replies = replies.map((reply) => (typeof reply === 'string' ? replyOf(reply) : reply));
    this.seen.length = 0;
    this.instead = undefined;
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}
