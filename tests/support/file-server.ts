/** Somebody else's web server with files, which counts what is asked of it. */
import { startSmallServer } from './small-server.ts';

export interface FileServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  /** Path → what it gives; a number is a status, a text the place of a redirect. */
  readonly files: Map<string, Buffer | number | string>;
  /** Statuses of the next answers, before those of `files`. */
  readonly faults: number[];
  /** Whether it marks content with an ETag and answers 304. */
  tagged: boolean;
  /** Requests with a body in the answer; and all. */
  readonly given: () => number;
  readonly asked: () => number;
}

export async function startFileServer(): Promise<FileServer> {
  const files = new Map<string, Buffer | number | string>();
  const faults: number[] = [];
  const state = { tagged: false, given: 0, asked: 0 };
  const server = await startSmallServer((request, response) => {
    state.asked += 1;
    const fault = faults.shift();
    const file = fault ?? files.get(request.url ?? '') ?? 404;
    if (typeof file === 'number') return void response.writeHead(file).end();
    if (typeof file === 'string') return void response.writeHead(302, { location: file }).end();
    if (state.tagged && request.headers['if-none-match'] === '"v1"') return void response.writeHead(304).end();
    state.given += 1;
    response.writeHead(200, { 'content-type': 'image/png', ...(state.tagged ? { etag: '"v1"' } : {}) }).end(file);
  });
  return {
    url: server.url,
    host: new URL(server.url).host,
    files,
    faults,
    get tagged() {
      return state.tagged;
    },
    set tagged(value) {
      state.tagged = value;
    },
    given: () => state.given,
    asked: () => state.asked,
    [Symbol.asyncDispose]: () => server.close(),
  };
}
