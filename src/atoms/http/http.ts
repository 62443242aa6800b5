import { Agent as HttpAgent, ClientRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { type AxiosAdapter, AxiosHeaders, isAxiosError, isCancel } from 'axios';
import { HttpFailure } from '../../core/http-failure.ts';
import { currentRequestId } from '../../core/request-id.ts';

export interface TextRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON as text: raw numbers never meet axios, which would round them. */
  readonly body?: string;
  /** Milliseconds for the whole call. */
  readonly timeoutMs: number;
  /** Largest answer in bytes. */
  readonly maxBytes: number;
}

export interface TextAnswer {
  readonly status: number;
  readonly text: string;
}

const NEVER_REACHED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'UND_ERR_CONNECT_TIMEOUT']);

/**
 * Text over HTTP through axios, on kept connections. Any status is an answer; no answer is an HttpFailure. Calls go to
 * axios' own adapter: what axios does around it (merging settings, interceptors, transformations) is not used here, and
 * costs as much time again.
 */
export class HttpText {
  readonly #send: AxiosAdapter = axios.getAdapter('http');
  readonly #connections = new Connections();
  readonly #agents = [this.#connections.of(new HttpAgent({ keepAlive: true, maxSockets: 256 })), this.#connections.of(new HttpsAgent({ keepAlive: true, maxSockets: 256 }))] as const;
  readonly #settings = {
    httpAgent: this.#agents[0],
    httpsAgent: this.#agents[1],
    proxy: false,
    maxRedirects: 0,
    maxBodyLength: Infinity,
    responseType: 'text',
    validateStatus: null,
  } as const;

  async request(request: TextRequest, signal: AbortSignal): Promise<TextAnswer> {
    try {
      const answer = await this.#send({
        ...this.#settings,
        method: request.method,
        url: request.url,
        headers: AxiosHeaders.from({ Accept: 'application/json', ...traced(), ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }), ...request.headers }),
        data: request.body,
        timeout: request.timeoutMs,
        maxContentLength: request.maxBytes,
        signal,
      });
      return { status: answer.status, text: String(answer.data) };
    } catch (error) {
      throw toFailure(error, request, this.#connections);
    }
  }

  /** Closes kept connections. */
  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }
}

/** Servers and proxies on the way may log whose doing it was. */
function traced(): { 'X-Request-Id'?: string } {
  const id = currentRequestId();
  return id === undefined ? {} : { 'X-Request-Id': id };
}

function toFailure(error: unknown, request: TextRequest, connections: Connections): HttpFailure {
  if (isCancel(error)) return new HttpFailure('aborted', 'the caller gave up', { cause: error });
  const [code, text] = wordsOf(error);
  if (NEVER_REACHED.has(code)) return new HttpFailure('refused', `cannot connect (${code})`, { cause: error });
  const sent = isAxiosError(error) ? requestOf(error.request) : undefined;
  const late = code === 'ECONNABORTED' || code === 'ETIMEDOUT';
  if (sent && !connections.stood(sent)) return new HttpFailure('refused', `cannot connect (${late ? `not within ${request.timeoutMs} ms` : code || text})`, { cause: error });
  if (late) return new HttpFailure('timeout', `no answer within ${request.timeoutMs} ms`, { cause: error });
  if (/maxContentLength/.test(text)) return new HttpFailure('too_large', `the answer exceeds ${request.maxBytes} bytes`, { cause: error });
  const reused = sent?.reusedSocket ?? false;
  return new HttpFailure('cut', `the connection broke (${code || text})`, { cause: error, reused });
}

function wordsOf(error: unknown): [code: string, text: string] {
  const code = isAxiosError(error) ? (error.code ?? '') : '';
  return [code, error instanceof Error ? error.message || code : String(error)];
}

/** With redirects off axios hands out the request itself or a wrapper. */
function requestOf(request: unknown): ClientRequest | undefined {
  if (request instanceof ClientRequest) return request;
  return typeof request === 'object' && request !== null && '_currentRequest' in request ? requestOf(request._currentRequest) : undefined;
}

/** Tells calls whose connection was never made, of which the other side cannot have seen a byte, from calls without an answer. */
class Connections {
  readonly #made = new WeakSet<object>();

  /** The agent itself, whose connections are noted from now on. */
  of<A extends HttpAgent>(agent: A): A {
    const create = agent.createConnection.bind(agent);
    agent.createConnection = (options, callback) => {
      const socket = create(options, callback);
      const made = (): void => void (socket && this.#made.add(socket));
      socket?.once('connect', made);
      return socket;
    };
    return agent;
  }

  stood(request: ClientRequest): boolean {
    return request.socket !== null && this.#made.has(request.socket);
  }
}
