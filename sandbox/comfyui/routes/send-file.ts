import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';

/** html, js and css are served as octet-stream on purpose (http/view). */
const TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png', '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.webp': 'image/webp', '.gif': 'image/gif', '.bmp': 'image/bmp', '.tiff': 'image/tiff',
  '.svg': 'image/svg+xml', '.txt': 'text/plain', '.json': 'application/json', '.webm': 'video/webm', '.mp4': 'video/mp4', '.mp3': 'audio/mpeg', '.wav': 'audio/x-wav',
};

interface Span {
  readonly start: number;
  readonly end: number;
}

/** `filename="…"` as recorded: no `attachment`, quotes not escaped, non-ASCII as raw UTF-8 bytes. */
export function dispositionOf(file: string): string {
  return `filename="${Buffer.from(path.basename(file)).toString('latin1')}"`;
}

/** The stored file, whole or a range of it, or 304 or 416. `cutShort` sends half and breaks off. */
export async function sendFile(request: Request, response: Response, { file, cutShort }: { file: string; cutShort: boolean }): Promise<void> {
  const { size, mtime, mtimeMs } = await stat(file);
  const etag = `"${Math.round(mtimeMs * 1e6).toString(16)}-${size.toString(16)}"`;
  const named = { 'Content-Disposition': dispositionOf(file), 'Content-Type': TYPES[path.extname(file).toLowerCase()] ?? 'application/octet-stream' };
  const dated = { ...named, Etag: etag, 'Last-Modified': mtime.toUTCString() };
  if (notModified(request, etag, mtime)) {
    response.writeHead(304, dated).end();
    return;
  }
  const span = rangeOf(request.headers.range, size);
  if (span === 'unsatisfiable') {
    response.writeHead(416, { ...named, 'Content-Range': `bytes */${size}` }).end();
    return;
  }
  const { start, end } = span ?? { start: 0, end: size - 1 };
  const ranged = span ? { 'Content-Range': `bytes ${start}-${end}/${size}` } : {};
  response.writeHead(span ? 206 : 200, { ...dated, 'Content-Length': end - start + 1, 'Accept-Ranges': 'bytes', ...ranged });
  if (request.method === 'HEAD' || end < start) response.end();
  else if (cutShort) cut(response, file, { start, end });
  else await pipeline(createReadStream(file, { start, end }), response).catch(ignoreClientGone);
}

function notModified(request: Request, etag: string, mtime: Date): boolean {
  const known = request.headers['if-none-match'];
  if (known !== undefined) return known === '*' || known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  const since = Date.parse(request.headers['if-modified-since'] ?? '');
  return Number.isFinite(since) && Math.floor(mtime.getTime() / 1000) * 1000 <= since;
}

/** One range of bytes; a malformed header and several ranges are as bad as one past the end. */
function rangeOf(header: string | undefined, size: number): Span | 'unsatisfiable' | undefined {
  if (header === undefined) return undefined;
  const match = /^bytes=(\d*)-(\d*)$/.exec(header);
  const [, from = '', to = ''] = match ?? [];
  if (from === '' && to === '') return 'unsatisfiable';
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return start >= size || end < start ? 'unsatisfiable' : { start, end };
}

function cut(response: Response, file: string, { start, end }: Span): void {
  const half = createReadStream(file, { start, end: start + Math.floor((end - start) / 2) });
  half.pipe(response, { end: false });
  half.on('end', () => response.socket?.destroySoon());
  half.on('error', () => response.destroy());
}

function ignoreClientGone(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ERR_STREAM_PREMATURE_CLOSE' && code !== 'ECONNRESET' && code !== 'EPIPE') throw error;
}
