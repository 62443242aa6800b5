import type { IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import { isRecord, parseJson, writeJson } from './json.ts';
import { PythonError } from './python.ts';
import { FEATURES } from './sockets.ts';

/** The request is over the limit of 100 MiB (http/upload-image, "too large"). */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
  readonly size: number;

  constructor(size: number) {
    super('body too large');
    this.size = size;
  }
}

export function sendJson(response: Response, value: unknown, status = 200): void {
  sendText(response, status, { type: 'application/json; charset=utf-8', body: writeJson(value) });
}

/** An answer without a body: 200 after a POST, 4xx of /view and /upload. */
export function sendEmpty(response: Response, status = 200): void {
  response.writeHead(status, { 'Content-Length': 0, 'Content-Type': 'application/octet-stream' }).end();
}

/** What the recorded server says whenever a handler raises. */
export function sendCrash(response: Response): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.setHeader('Connection', 'close');
  sendText(response, 500, { body: '500 Internal Server Error\n\nServer got itself in trouble' });
}

export function sendText(response: Response, status: number, { body, type = 'text/plain; charset=utf-8' }: { body: string; type?: string }): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.length });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
}

/** The whole body, at most 100 MiB. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > FEATURES.max_upload_size) throw new BodyTooLarge(announced);
  const chunks: Buffer[] = [];
  let size = 0;
  const body: AsyncIterable<Buffer> = request;
  for await (const bytes of body) {
    size += bytes.length;
    if (size > FEATURES.max_upload_size) throw new BodyTooLarge(size);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** The body as JSON whatever its Content-Type. Throws SyntaxError, which becomes a 500 (http/prompt-rejected-envelope). */
export async function readJson(request: Request): Promise<unknown> {
  return parseJson((await readBody(request)).toString('utf8'));
}

/** `name` of a JSON body; a list or a string has no members, anything else fails, which becomes a 500. */
export function member(body: unknown, name: string): unknown {
  if (isRecord(body)) return Object.hasOwn(body, name) ? body[name] : undefined;
  if (Array.isArray(body) || typeof body === 'string') return undefined;
  throw new PythonError('TypeError', 'argument is not iterable');
}
