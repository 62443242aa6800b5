import type { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import type { HttpText } from '../../atoms/http/http.ts';
import { stringifyJson } from '../../atoms/json/json.ts';
import { limits } from '../../constants/limits.ts';
import { fail, GatewayError } from '../../core/errors.ts';
import { HttpFailure } from '../../core/http-failure.ts';
import type { HubKeyPlace, HubUpload } from '../../models/runninghub.ts';
import { cleansed, type Redact, redactorOf } from './redact.ts';
import { isRecord, jsonOf, textOf } from './wire.ts';

export interface CallParts {
  readonly http: HttpText;
  readonly stream: HttpStream;
}

export interface CallSettings {
  readonly url: string;
  readonly key: string;
  readonly keyPlace: HubKeyPlace;
  readonly timeoutMs: number;
}

/** Where the key goes in this call. */
export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /** Name of the field, or of the query parameter, that the key goes into; without it, it goes into the header alone. */
  readonly keyField?: string;
  /** What it is about, for errors: `workflow 1904…`. */
  readonly about?: string;
}

/** An answer without secrets. `json` is undefined where the body is none. */
export interface RawAnswer {
  /** `POST /task/openapi/create` */
  readonly call: string;
  readonly about?: string | undefined;
  readonly status: number;
  readonly json: unknown;
  readonly text: string;
}

/**
 * Calls RunningHub and takes every secret out of what comes back, before anybody looks at it. Throws HttpFailure without a
 * cause: those of the libraries hold the whole request, key included.
 */
export class Calls {
  readonly host: string;
  readonly url: string;
  readonly keyPlace: HubKeyPlace;
  readonly redact: Redact;
  readonly #parts: CallParts;
  readonly #settings: CallSettings;

  constructor(parts: CallParts, settings: CallSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.url = settings.url;
    this.host = new URL(settings.url).host;
    this.keyPlace = settings.keyPlace;
    this.redact = redactorOf(settings.key);
  }

  async send(call: Call, signal: AbortSignal): Promise<RawAnswer> {
    return { ...this.#read(`${call.method} ${call.path}`, await this.#ask(call, signal)), about: call.about };
  }

  /** The address of a progress socket that the answer holds. It opens doors: nobody may be told of it. */
  async socketAddress(call: Call, signal: AbortSignal): Promise<string | undefined> {
    const reply = jsonOf((await this.#ask(call, signal)).text);
    const data = isRecord(reply) && isRecord(reply['data']) ? reply['data'] : {};
    return textOf(data['netWssUrl']) || undefined;
  }

  /** Throws HttpFailure. */
  async #ask(call: Call, signal: AbortSignal): Promise<{ status: number; text: string }> {
    const { timeoutMs, url } = this.#settings;
    const field = this.#fields(call.keyField);
    const query = call.method === 'GET' ? new URLSearchParams({ ...call.query, ...field }).toString() : '';
    const body = call.method === 'POST' ? { body: stringifyJson({ ...field, ...call.body }) } : {};
    const request = { method: call.method, url: `${url}${call.path}${query && `?${query}`}`, headers: this.#headers(call.keyField), timeoutMs, maxBytes: limits.runninghubReplyBytes, ...body };
    return this.#parts.http.request(request, signal).catch((error: unknown) => {
      throw this.#clean(error);
    });
  }

  /** Sends one file; it is opened here, and let go whatever happens. */
  async upload(call: { path: string; fields: Readonly<Record<string, string>>; keyField?: string }, file: HubUpload, signal: AbortSignal): Promise<RawAnswer> {
    const form = {
      url: this.#settings.url + call.path,
      headers: this.#headers(call.keyField),
      fields: { ...this.#fields(call.keyField), ...call.fields },
      file: { field: 'file', filename: file.name, contentType: file.mediaType, size: file.size, body: file.open() },
      timeoutMs: this.#settings.timeoutMs,
    };
    const answer = await this.#parts.stream.upload(form, signal).catch((error: unknown) => {
      throw this.#clean(error);
    });
    return this.#read(`POST ${call.path}`, answer);
  }

  /** The error of a call without an answer. Ours, of a file that could not be opened, stays as it is. */
  unanswered(call: string, error: unknown): GatewayError {
    if (error instanceof GatewayError) return error;
    const what = error instanceof HttpFailure ? error.message : 'the call failed';
    return fail('CONNECTION_ERROR', `RunningHub at ${this.host}, ${call}: ${what}.`, { cause: error });
  }

  #headers(keyField: string | undefined): Record<string, string> {
    const wanted = keyField === undefined || this.#settings.keyPlace !== 'body';
    return wanted ? { Authorization: `Bearer ${this.#settings.key}` } : {};
  }

  #fields(keyField: string | undefined): Record<string, string> {
    return keyField === undefined || this.#settings.keyPlace === 'header' ? {} : { [keyField]: this.#settings.key };
  }

  #read(call: string, answer: { status: number; text: string }): RawAnswer {
    return { call, status: answer.status, json: cleansed(jsonOf(answer.text), this.redact), text: this.redact(answer.text) };
  }

  #clean(error: unknown): HttpFailure {
    if (error instanceof HttpFailure) return new HttpFailure(error.kind, this.redact(error.message), { cause: undefined, reused: error.reused });
    return new HttpFailure('cut', this.redact(error instanceof Error ? error.message : 'the call failed'), { cause: undefined });
  }
}
