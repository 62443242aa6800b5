import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { type AxiosAdapter, AxiosHeaders, isAxiosError, isCancel } from 'axios';
import { HttpFailure } from '../../core/http-failure.ts';

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
  readonly #agents = [new HttpAgent({ keepAlive: true, maxSockets: 256 }), new HttpsAgent({ keepAlive: true, maxSockets: 256 })] as const;
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
        headers: AxiosHeaders.from({ Accept: 'application/json', ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }), ...request.headers }),
        data: request.body,
        timeout: request.timeoutMs,
        maxContentLength: request.maxBytes,
        signal,
      });
      return { status: answer.status, text: String(answer.data) };
    } catch (error) {
      throw toFailure(error, request);
    }
  }

  /** Closes kept connections. */
  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }
}

function toFailure(error: unknown, request: TextRequest): HttpFailure {
  if (isCancel(error)) return new HttpFailure('aborted', 'the caller gave up', { cause: error });
  const code = isAxiosError(error) ? (error.code ?? '') : '';
  const text = error instanceof Error ? error.message || code : String(error);
  if (NEVER_REACHED.has(code)) return new HttpFailure('refused', `cannot connect (${code})`, { cause: error });
  if (code === 'ECONNABORTED' || code === 'ETIMEDOUT') return new HttpFailure('timeout', `no answer within ${request.timeoutMs} ms`, { cause: error });
  if (/maxContentLength/.test(text)) return new HttpFailure('too_large', `the answer exceeds ${request.maxBytes} bytes`, { cause: error });
  const reused = isAxiosError(error) && wasReused(error.request);
  return new HttpFailure('cut', `the connection broke (${code || text})`, { cause: error, reused });
}

/** Whether the request went out on a kept connection. With redirects off axios hands out the request itself or a wrapper. */
function wasReused(request: unknown): boolean {
  if (typeof request !== 'object' || request === null) return false;
  if ('_currentRequest' in request) return wasReused(request._currentRequest);
  return 'reusedSocket' in request && request.reusedSocket === true;
}
