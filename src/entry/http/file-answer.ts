import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { create as contentDisposition } from 'content-disposition';
import type { Response } from 'express';
import type { FileAnswer } from '../../models/file.ts';

/** Shown in place by a browser; everything else, and what can carry a script, is saved instead. */
const shown = /^(?:image\/(?!svg)|video\/|audio\/)/i;

export interface SendFileOptions {
  readonly response: Response;
  readonly signal: AbortSignal;
  /** Headers only. */
  readonly head: boolean;
}

/** Sends a file, a part of it, or that there is none, at the caller's pace. Nothing of `body` stays open. */
export async function sendFile(answer: FileAnswer, { response, signal, head }: SendFileOptions): Promise<void> {
  const { body } = answer;
  response.once('close', () => discard(body));
  response.writeHead(statusOf(answer), headersOf(answer));
  if (head || body === undefined || response.statusCode === 304 || response.statusCode === 416) {
    discard(body);
    response.end();
  } else if ('pour' in body) {
    await body.pour(response, signal);
  } else {
    await pipeline(body, response, { signal });
  }
}

function discard(body: FileAnswer['body']): void {
  if (body instanceof Readable) body.destroy();
  else if (body !== undefined && 'discard' in body) body.discard();
}

function statusOf({ part }: FileAnswer): number {
  if (part === 'whole') return 200;
  if (part === 'unchanged') return 304;
  return part === 'unsatisfiable' ? 416 : 206;
}

/** A client may ask again each time and is told 304: names are used again, so no copy is good without asking. */
function headersOf(answer: FileAnswer): Record<string, string | number> {
  const { part, size, etag, lastModified } = answer;
  const validators = {
    'Cache-Control': 'private, no-cache',
    ...(etag === undefined ? {} : { ETag: etag }),
    ...(lastModified === undefined ? {} : { 'Last-Modified': lastModified.toUTCString() }),
  };
  if (part === 'unchanged') return validators;
  if (part === 'unsatisfiable') return { ...validators, 'Content-Range': `bytes */${size ?? '*'}`, 'Content-Length': 0 };
  return {
    ...validators,
    'Content-Type': answer.contentType,
    'Content-Disposition': contentDisposition(answer.filename, { type: shown.test(answer.contentType) ? 'inline' : 'attachment' }),
    'Accept-Ranges': answer.ranges ? 'bytes' : 'none',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': 'sandbox',
    ...lengthOf(part, size),
  };
}

function lengthOf(part: 'whole' | { readonly start: number; readonly end: number }, size: number | undefined): Record<string, string | number> {
  if (part === 'whole') return size === undefined ? {} : { 'Content-Length': size };
  return { 'Content-Length': part.end - part.start + 1, 'Content-Range': `bytes ${part.start}-${part.end}/${size ?? '*'}` };
}
