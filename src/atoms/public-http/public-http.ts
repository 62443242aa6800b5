import { lookup as systemLookup } from 'node:dns/promises';
import { type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { limits } from '../../constants/limits.ts';
import { HttpFailure } from '../../core/http-failure.ts';
import { addressOf } from './address.ts';
import type { AllowedHosts } from './allowed-hosts.ts';
import { failureOf } from './failure.ts';
import { type Destination, destinationOf, refused } from './target.ts';

export interface PublicRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds until the headers are there, names looked up and redirects followed. */
  readonly timeoutMs: number;
  /** Milliseconds without a byte of the body, though somebody reads, after which it fails. */
  readonly idleMs: number;
  /** Redirects that a GET follows. A POST follows none: its answer is the redirect. */
  readonly maxRedirects: number;
}

export interface PublicAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Readable;
  /** Where the answer comes from in the end. */
  readonly url: string;
}

export interface Resolved {
  readonly address: string;
  readonly family: number;
}

export type Lookup = (host: string) => Promise<readonly Resolved[]>;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Headers that go to nobody but whom they were meant for. */
const PRIVATE_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization']);

/**
 * Calls to addresses that callers name. What is not public goes only where the list allows it: a name is looked up once per
 * call and redirect, all its addresses are checked, and the connection is made to one of these and to nothing else. Every call
 * has a connection of its own, since a kept one would pass the check by. Proxies of the environment are not used.
 */
export class PublicHttp {
  readonly #allowed: AllowedHosts;
  readonly #lookup: Lookup;
  readonly #closing = new AbortController();

  constructor(options: { readonly allowed: AllowedHosts; readonly lookup?: Lookup }) {
    this.#allowed = options.allowed;
    this.#lookup = options.lookup ?? ((host) => systemLookup(host, { all: true }));
  }

  /** Throws VALIDATION_ERROR for what could not be reached wherever its name leads. Asks nobody. */
  check(url: string): void {
    destinationOf(url, this.#allowed);
  }

  /**
   * Resolves with the head; whoever stops reading the body must destroy it. The body fails when the connection breaks, when it
   * falls silent and when `signal` fires. Throws HttpFailure, and VALIDATION_ERROR for an address that may not be reached.
   */
  async open(request: PublicRequest, signal: AbortSignal): Promise<PublicAnswer> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), request.timeoutMs);
    const whole = AbortSignal.any([signal, this.#closing.signal, late.signal]);
    try {
      return await this.#follow(request, whole);
    } catch (error) {
      if (!late.signal.aborted || !(error instanceof HttpFailure)) throw error;
      throw new HttpFailure('timeout', `no answer within ${request.timeoutMs} ms`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Breaks off what is under way. */
  close(): void {
    this.#closing.abort();
  }

  async #follow(request: PublicRequest, signal: AbortSignal): Promise<PublicAnswer> {
    let headers = request.headers;
    let to = destinationOf(request.url, this.#allowed);
    for (let followed = 0; ; followed += 1) {
      const message = await send(to, { ...request, headers }, { addresses: await this.#resolve(to, signal), signal });
      const next = request.method === 'GET' ? redirectOf(message, to) : undefined;
      if (next === undefined) return answerOf(message, to, request.idleMs);
      message.on('error', () => undefined).destroy();
      if (followed >= request.maxRedirects) throw refused(new URL(request.url), `was redirected more than ${request.maxRedirects} times`);
      if (next.origin !== to.url.origin) headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !PRIVATE_HEADERS.has(name.toLowerCase())));
      to = destinationOf(next.href, this.#allowed);
    }
  }

  /** The addresses of the name, each of them checked: one that may not be reached refuses all. None where no name is: that is checked by now. */
  async #resolve(to: Destination, signal: AbortSignal): Promise<readonly Resolved[]> {
    if (addressOf(to.host)) return [];
    const addresses = await unlessAborted(this.#lookup(to.host), signal);
    if (addresses.length === 0) throw new HttpFailure('refused', 'cannot connect (the name has no address)', { cause: undefined });
    for (const { address } of addresses) {
      const reason = this.#allowed.refusesAddress(to, address);
      if (reason !== undefined) throw refused(to.url, reason);
    }
    return addresses;
  }
}

/** A lookup cannot be stopped: who waits for it can. */
async function unlessAborted<T>(looking: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: gone, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(new HttpFailure('aborted', 'the caller gave up', { cause: signal.reason }));
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  try {
    return await Promise.race([gone, looking.catch((error: unknown) => { throw failureOf(error, false); })]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/** One call to one of the addresses. Name and Host header stay what the URL says, and so does the name in the certificate. */
async function send(to: Destination, request: PublicRequest, { addresses, signal }: { readonly addresses: readonly Resolved[]; readonly signal: AbortSignal }): Promise<IncomingMessage> {
  const options: RequestOptions = {
    method: request.method, host: to.host, port: to.port, path: `${to.url.pathname}${to.url.search}`,
    headers: { accept: '*/*', ...request.headers, 'accept-encoding': 'identity' },
    agent: false, lookup: pinned(addresses), maxHeaderSize: limits.remoteHeaderBytes, signal,
  };
  let stood = false;
  return new Promise<IncomingMessage>((resolve, reject) => {
    const call = (to.secure ? httpsRequest : httpRequest)(options);
    call.on('socket', (socket) => socket.once(to.secure ? 'secureConnect' : 'connect', () => (stood = true)));
    call.once('response', resolve).on('error', (error) => reject(failureOf(error, stood)));
    call.once('close', () => reject(new HttpFailure('cut', 'the connection ended without an answer', { cause: undefined })));
    call.end(request.body);
  });
}

/** Answers with what was checked, whatever it is asked. */
function pinned(addresses: readonly Resolved[]): LookupFunction {
  return (_host, { all }, callback) => {
    const [first] = addresses;
    if (all === true || first === undefined) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

/** Where the answer sends to; undefined when it does not, or to what is no URL: then it is the answer. */
function redirectOf({ statusCode = 0, headers }: IncomingMessage, { url }: Destination): URL | undefined {
  const { location } = headers;
  return REDIRECTS.has(statusCode) && location !== undefined && URL.canParse(location, url.href) ? new URL(location, url) : undefined;
}

function answerOf(message: IncomingMessage, { url }: Destination, idleMs: number): PublicAnswer {
  guard(message, idleMs);
  const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
  return { status: message.statusCode ?? 0, headers, body: message, url: url.href };
}

/** Fails the body when nothing comes. Bytes that wait for their reader mean that the reader is slow: the clock starts again. */
function guard(message: IncomingMessage, idleMs: number): void {
  const { socket } = message;
  socket.setTimeout(idleMs).on('timeout', () => {
    if (message.readableLength > 0) socket.setTimeout(idleMs);
    else message.destroy(new HttpFailure('timeout', `nothing came for ${idleMs} ms`, { cause: undefined }));
  });
  // A body that nobody reads any more may still fail.
  message.on('error', () => undefined);
}
