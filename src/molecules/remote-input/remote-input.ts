import type { Readable } from 'node:stream';
import type { PublicAnswer, PublicHttp } from '../../atoms/public-http/public-http.ts';
import { retryAfterMs } from '../../atoms/public-http/retry-after.ts';
import { shownAddress } from '../../atoms/public-http/shown-address.ts';
import { limits } from '../../constants/limits.ts';
import { service } from '../../constants/service.ts';
import { fail, failedWith, type GatewayError } from '../../core/errors.ts';
import { HttpFailure } from '../../core/http-failure.ts';
import { bounded } from './bounded.ts';
import { isPassing, pauseAfter } from './retry.ts';
import { Turns } from './turns.ts';

export interface RemoteInputParts {
  readonly http: PublicHttp;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  /** For a `Retry-After` that is a date. */
  readonly now?: () => number;
  /** Tries of one download. */
  readonly attempts: number;
  readonly maxBytes: number;
  readonly timeouts: RemoteTimeouts;
  /** Downloads under way at a time, all callers together. */
  readonly atOnce: number;
}

/** Milliseconds. */
export interface RemoteTimeouts {
  /** Until the headers of a try are there. */
  readonly headersMs: number;
  /** Without a byte of the body. */
  readonly idleMs: number;
  /** For the whole download: waiting, all tries and the pauses between them. */
  readonly totalMs: number;
}

export interface RemoteSource {
  readonly url: string;
  /** What the last download said; the content comes only if it is another. */
  readonly conditions?: { readonly etag?: string | undefined; readonly lastModified?: string | undefined };
}

export interface RemoteFacts {
  readonly contentType: string | undefined;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** Where the content came from in the end. */
  readonly url: string;
}

export type Store<T> = (body: Readable, facts: RemoteFacts) => Promise<T>;

export type Fetched<T> =
  | { readonly kind: 'fetched'; readonly value: T; readonly etag?: string; readonly lastModified?: string }
  | { readonly kind: 'unchanged' };

/** Why a try failed although the next one may not, and what the server asks to wait for. */
interface Setback {
  readonly kind: 'setback';
  readonly code: 'CONNECTION_ERROR' | 'UPSTREAM_ERROR';
  readonly reason: string;
  readonly cause?: unknown;
  readonly askedMs?: number | undefined;
}

/** Fetches files that callers name by URL: from public addresses, a few at a time, again when a try fails. */
export class RemoteInput {
  readonly #parts: RemoteInputParts;
  readonly #turns: Turns;

  constructor(parts: RemoteInputParts) {
    this.#parts = parts;
    this.#turns = new Turns(parts.atOnce);
  }

  /** Throws VALIDATION_ERROR for an address that could not be fetched wherever its name leads. Asks nobody. */
  check(url: string): void {
    this.#parts.http.check(url);
  }

  /**
   * `store` reads the body to its end, and is called anew from the first byte when that breaks. What it throws otherwise passes
   * at once. Throws VALIDATION_ERROR for an address that is refused or does not give a file, PAYLOAD_TOO_LARGE,
   * UNSUPPORTED_MEDIA_TYPE for content in a wrapping, CONNECTION_ERROR and UPSTREAM_ERROR (both worth another call) after the last try, QUEUE_FULL, and the reason of `signal`.
   */
  async fetch<T>(source: RemoteSource, store: Store<T>, signal: AbortSignal): Promise<Fetched<T>> {
    const { attempts, timeouts, sleep, random } = this.#parts;
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeouts.totalMs)]);
    let last: Setback | undefined;
    try {
      for (let tried = 1; ; tried += 1) {
        const outcome = await this.#turns.take(() => this.#try(source, store, inTime), inTime);
        if (outcome.kind !== 'setback') return outcome;
        if (!inTime.aborted) last = outcome;
        if (tried >= attempts) throw defeat(source.url, outcome, tried);
        await sleep(pauseAfter(tried, random(), outcome.askedMs), inTime);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!inTime.aborted) throw error;
      const reason = `not fetched within ${timeouts.totalMs} ms${last ? ` (${last.reason})` : ''}`;
      throw fail('CONNECTION_ERROR', `${shownAddress(source.url)}: ${reason}.`, { cause: error });
    }
  }

  async #try<T>(source: RemoteSource, store: Store<T>, signal: AbortSignal): Promise<Fetched<T> | Setback> {
    const { http, timeouts } = this.#parts;
    const headers = { 'user-agent': service.name, ...conditionsOf(source) };
    try {
      const answer = await http.open({ method: 'GET', url: source.url, headers, timeoutMs: timeouts.headersMs, idleMs: timeouts.idleMs, maxRedirects: limits.remoteRedirects }, signal);
      return await this.#take(source, answer, store);
    } catch (error) {
      if (error instanceof HttpFailure) return { kind: 'setback', code: 'CONNECTION_ERROR', reason: error.message, cause: error };
      throw error;
    }
  }

  async #take<T>(source: RemoteSource, answer: PublicAnswer, store: Store<T>): Promise<Fetched<T> | Setback> {
    const { status, headers } = answer;
    try {
      if (status === 304 && source.conditions) return { kind: 'unchanged' };
      if (isPassing(status)) return { kind: 'setback', code: 'UPSTREAM_ERROR', reason: `answered ${status}`, askedMs: retryAfterMs(headers, (this.#parts.now ?? Date.now)()) };
      this.#check(source, answer);
      return await this.#stored(source, answer, store);
    } finally {
      answer.body.destroy();
    }
  }

  /** Throws for an answer that is not the file, or more than is taken. */
  #check({ url }: RemoteSource, { status, headers }: PublicAnswer): void {
    if (status !== 200) throw fail('VALIDATION_ERROR', `${shownAddress(url)} answered ${status}.`);
    const coding = headers['content-encoding']?.trim().toLowerCase() ?? '';
    if (coding !== '' && coding !== 'identity') throw fail('UNSUPPORTED_MEDIA_TYPE', `${shownAddress(url)} sends its content as ${coding.slice(0, limits.told)}, although it was asked not to.`);
    if (Number(headers['content-length'] ?? 0) > this.#parts.maxBytes) throw this.#tooLarge(url);
  }

  async #stored<T>({ url }: RemoteSource, answer: PublicAnswer, store: Store<T>): Promise<Fetched<T>> {
    const { 'content-type': contentType, etag, 'last-modified': lastModified } = answer.headers;
    const body = bounded(answer.body, this.#parts.maxBytes, () => this.#tooLarge(url));
    try {
      const value = await store(body, { contentType, etag, lastModified, url: answer.url });
      return { kind: 'fetched', value, ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
    } catch (error) {
      // However the store words it: when the connection broke or the content was too large, that is why.
      throw body.errored instanceof HttpFailure || failedWith(body.errored, 'PAYLOAD_TOO_LARGE') ? body.errored : error;
    } finally {
      body.destroy();
    }
  }

  #tooLarge(url: string): GatewayError {
    return fail('PAYLOAD_TOO_LARGE', `${shownAddress(url)} has more than ${this.#parts.maxBytes} bytes (MAX_UPLOAD_MB).`);
  }
}

function conditionsOf({ conditions = {} }: RemoteSource): Record<string, string> {
  const { etag, lastModified } = conditions;
  return { ...(etag === undefined ? {} : { 'if-none-match': etag }), ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }) };
}

function defeat(url: string, { code, reason, cause }: Setback, tries: number): GatewayError {
  return fail(code, `${shownAddress(url)}: ${reason}, ${tries === 1 ? 'tried once' : `tried ${tries} times`}.`, { cause });
}
