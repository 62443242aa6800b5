/** An instance that only gives files, each as its script says: for what happens in the middle of one. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Instance } from '../../src/models/instance.ts';
import { until } from './until.ts';

/** A file that is on its way: sent piece by piece, ended or cut by the test. */
export interface Sending {
  readonly request: IncomingMessage;
  send(bytes: Buffer | string): void;
  /** Cuts the connection. */
  cut(): void;
  /** Whether the other side closed it. */
  readonly gone: boolean;
}

export interface ScriptedFiles extends AsyncDisposable {
  readonly instance: Instance;
  /** Calls so far. */
  readonly calls: number;
  /** The n-th file on its way, once it has been asked for. */
  sending(n: number): Promise<Sending>;
}

export interface FileScript {
  /** Status of the n-th call, counted from 0; default 200. */
  readonly status?: (n: number) => number;
  /** All of it is sent at once; without it the test sends. */
  readonly content?: Buffer;
  /** Bytes announced where the test sends. */
  readonly size?: number;
}

export async function scriptedFiles({ status = () => 200, content, size }: FileScript): Promise<ScriptedFiles> {
  let calls = 0;
  const sendings: Sending[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const code = status(calls++);
    if (code !== 200) return void response.writeHead(code, { 'content-length': 0 }).end();
    response.writeHead(200, { 'content-type': 'image/png', etag: '"one"', 'last-modified': new Date(0).toUTCString(), ...(size === undefined && !content ? {} : { 'content-length': content?.length ?? size }) });
    if (content) return void response.end(content);
    response.flushHeaders();
    let left = size ?? Infinity;
    const send = (bytes: Buffer | string): void => {
      response.write(bytes);
      left -= bytes.length;
      if (left <= 0) response.end();
    };
    sendings.push({ request, send, cut: () => response.destroy(), get gone() { return response.destroyed; } });
  };
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    instance: { name: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, headers: {} },
    get calls() {
      return calls;
    },
    sending: (n) => until(`file ${n} is asked for`, () => sendings[n]),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
