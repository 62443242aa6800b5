import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import axios from 'axios';
import FormData from 'form-data';
import { HttpFailure } from '../../core/http-failure.ts';

export interface StreamRequest {
  readonly method: 'GET' | 'HEAD';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds without a byte after which the call is given up. */
  readonly idleMs: number;
}

export interface StreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Readable;
}

export interface FormUpload {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
  readonly file: { readonly field: string; readonly filename: string; readonly contentType: string; readonly size: number; readonly body: Readable };
  readonly timeoutMs: number;
}

/** Bodies as streams over HTTP. Plain node:http on the way down, since axios halves the speed of large files. */
export class HttpStream {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 256 });
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: 256 });

  /**
   * Resolves with the head; the body is pulled and fails when the connection breaks, when nothing comes for `idleMs` although
   * somebody reads, and when the signal fires. Whoever stops reading must destroy it. Throws HttpFailure.
   */
  async open(request: StreamRequest, signal: AbortSignal): Promise<StreamAnswer> {
    const secure = request.url.startsWith('https:');
    const options = { method: request.method, headers: request.headers, agent: secure ? this.#https : this.#http, signal, timeout: request.idleMs };
    const call = (secure ? httpsRequest : httpRequest)(request.url, options);
    call.on('timeout', () => call.destroy(silence(request.idleMs)));
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      call.once('response', resolve).on('error', (error) => reject(toFailure(error)));
      call.end();
    });
    call.removeAllListeners('timeout');
    guard(message, request.idleMs);
    const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
    return { status: message.statusCode ?? 0, headers, body: message };
  }

  /** Sends one file as multipart/form-data, pulled from its stream. Throws HttpFailure. */
  async upload(upload: FormUpload, signal: AbortSignal): Promise<{ status: number; text: string }> {
    const form = new FormData();
    for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
    const { field, filename, contentType, size, body } = upload.file;
    form.append(field, body, { filename, contentType, knownLength: size });
    try {
      const answer = await axios.post<string>(upload.url, form, {
        headers: { ...upload.headers, ...form.getHeaders(), 'Content-Length': form.getLengthSync() },
        adapter: 'http', httpAgent: this.#http, httpsAgent: this.#https, proxy: false, maxRedirects: 0, responseType: 'text',
        transformResponse: [], validateStatus: null, maxBodyLength: Infinity, timeout: upload.timeoutMs, signal,
      });
      return { status: answer.status, text: answer.data };
    } catch (error) {
      throw toFailure(error);
    } finally {
      body.on('error', () => undefined).destroy();
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

/** Fails the body when nothing comes. Bytes that wait for their reader mean that the reader is slow: the clock starts again. */
function guard(message: IncomingMessage, idleMs: number): void {
  const { socket } = message;
  const onSilence = (): void => {
    if (message.readableLength > 0) socket.setTimeout(idleMs);
    else message.destroy(silence(idleMs));
  };
  socket.on('timeout', onSilence);
  // The socket may serve another call afterwards, and a body that nobody reads any more may still fail.
  message.once('close', () => socket.off('timeout', onSilence)).on('error', () => undefined);
}

function silence(idleMs: number): HttpFailure {
  return new HttpFailure('timeout', `nothing came for ${idleMs} ms`, { cause: undefined });
}

const NEVER_REACHED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH']);

function toFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  const code = codeOf(error);
  if (name === 'AbortError' || code === 'ERR_CANCELED') return new HttpFailure('aborted', 'the caller gave up', { cause: error });
  if (code === 'ECONNABORTED' || code === 'ETIMEDOUT') return new HttpFailure('timeout', `no answer in time (${code})`, { cause: error });
  if (NEVER_REACHED.has(code)) return new HttpFailure('refused', `cannot connect (${code})`, { cause: error });
  return new HttpFailure('cut', `the connection broke (${code || message})`, { cause: error });
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}
