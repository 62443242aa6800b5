/** JSON bodies: limited while they arrive, decoded strictly, parsed by the lossless parser. */
import type { Request } from 'express';
import { fail, GatewayError } from '../../core/errors.ts';
import type { BodyRoom, Share } from './body-room.ts';
import { describeBreak, isWhole } from '../../core/json-position.ts';
import type { BodyLimit } from './route.ts';

/** Milliseconds without a byte after which a body is given up. */
export const bodySilence = 30_000;

export interface ReadJsonOptions {
  readonly limit: BodyLimit;
  /** An empty body counts as `{}`. */
  readonly optional: boolean;
  readonly parse: (text: string) => unknown;
  readonly signal: AbortSignal;
  /** Where large bodies are parsed one after the other. */
  readonly room: BodyRoom;
  /** What is held of it for this body; given back by whoever opened it. */
  readonly share: Share;
  /** Milliseconds without a byte. */
  readonly silence?: number;
}

const jsonType = /^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i;

/** Throws UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, QUEUE_FULL (as 503), MALFORMED_JSON, VALIDATION_ERROR (nested too deep) or TASK_TIMEOUT (as 408). */
export async function readJson(request: Request, options: ReadJsonOptions): Promise<unknown> {
  const empty = request.headers['transfer-encoding'] === undefined && Number(request.headers['content-length'] ?? 0) === 0;
  if (empty && options.optional) return {};
  const type = request.headers['content-type'];
  if (type === undefined || !jsonType.test(type)) throw fail('UNSUPPORTED_MEDIA_TYPE', `got ${type === undefined ? 'no Content-Type' : `"${type}"`}; this call takes application/json in UTF-8`);
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw fail('UNSUPPORTED_MEDIA_TYPE', `got Content-Encoding "${encoding}"; send the body uncompressed`);
  const bytes = await collect(request, options);
  return options.room.turn(bytes.length, () => {
    options.signal.throwIfAborted();
    return parseText(decode(bytes), options.parse);
  });
}

function tooLarge(limit: BodyLimit): GatewayError {
  return fail('PAYLOAD_TOO_LARGE', `more than ${limit.bytes} bytes, the limit set by ${limit.name}`);
}

/** Bytes of the body, held before they are read. Reading stops at the limit; what follows is left to `drain`. */
async function collect(request: Request, { limit, signal, share, silence = bodySilence }: ReadJsonOptions): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit.bytes) throw tooLarge(limit);
  if (announced > 0) await share.grow(announced, signal);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => reject(fail('TASK_TIMEOUT', `no byte of the body arrived for ${silence / 1_000} s`, { status: 408 })), silence);
  const onData = (chunk: Buffer): void => {
    timer.refresh();
    size += chunk.length;
    if (size > limit.bytes) return reject(tooLarge(limit));
    chunks.push(chunk);
    if (size > share.held) hold();
  };
  /** A body whose length was not announced waits where it stands; it holds twice what has come, so that it waits few times. */
  const hold = (): void => {
    request.pause();
    const goOn = (): void => void request.resume();
    share.grow(Math.min(2 * size, limit.bytes) - share.held, signal).then(goOn, reject);
  };
  const onEnd = (): void => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size));
  const onAbort = (): void => reject(signal.reason instanceof Error ? signal.reason : fail('CONNECTION_ERROR', 'the caller hung up'));
  request.on('data', onData).on('end', onEnd).on('error', reject);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    request.off('data', onData).off('end', onEnd).off('error', reject);
    signal.removeEventListener('abort', onAbort);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw fail('MALFORMED_JSON', 'it is not UTF-8 text', { cause: error });
  }
}

function parseText(text: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(text);
  } catch (error) {
    // What is nested too deep is told so only when it is JSON at all.
    if (error instanceof GatewayError && error.code !== 'MALFORMED_JSON' && isWhole(text)) throw error;
    throw fail('MALFORMED_JSON', describeBreak(text), { cause: error });
  }
}

/** What is still read of a refused body, so that the refusal reaches a caller who writes before reading. */
const drainBytes = 64 * 1024 * 1024;
const drainMilliseconds = 5_000;

/** Throws the rest of a body away, within bounds; beyond them the connection is cut. */
export function drain(request: Request): void {
  if (request.complete || request.destroyed) return;
  let left = drainBytes;
  const timer = setTimeout(() => request.destroy(), drainMilliseconds);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.once('close', () => clearTimeout(timer));
  request.once('end', () => clearTimeout(timer));
  request.resume();
}
