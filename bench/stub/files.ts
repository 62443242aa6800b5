/** Outputs of any size without a disk: the size stands in the name, the bytes come from one shared buffer. */
import type { IncomingMessage, ServerResponse } from 'node:http';

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const modified = new Date(0).toUTCString();
const contents = new Map<number, Buffer>();

export function fileName(bytes: number, number: number): string {
  return `bench-${bytes}_${String(number).padStart(5, '0')}_.png`;
}

/** Begins like a PNG; the rest does not compress. Equal on every call. */
function contentOf(bytes: number): Buffer {
  const known = contents.get(bytes);
  if (known) return known;
  const made = Buffer.allocUnsafe(bytes);
  for (let at = 0, state = 1; at < bytes; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    made[at] = state >>> 24;
  }
  signature.copy(made, 0, 0, Math.min(bytes, signature.length));
  contents.set(bytes, made);
  return made;
}

/** GET and HEAD /view, with one Range, as recorded. */
export function view(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  const name = query.get('filename') ?? '';
  const size = /^bench-(\d+)_\d+_\.png$/.exec(name)?.[1];
  if (size === undefined) return void response.writeHead(404, { 'Content-Length': 0 }).end();
  const content = contentOf(Number(size));
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = Number(range?.[1] ?? 0);
  const to = Math.min(range?.[2] ? Number(range[2]) : content.length - 1, content.length - 1);
  const headers = {
    'Content-Disposition': `filename="${name}"`,
    'Content-Type': 'image/png',
    ETag: `"bench-${size}"`,
    'Last-Modified': modified,
    'Accept-Ranges': 'bytes',
    'Content-Length': to - from + 1,
    ...(range ? { 'Content-Range': `bytes ${from}-${to}/${content.length}` } : {}),
  };
  response.writeHead(range ? 206 : 200, headers);
  response.end(request.method === 'HEAD' ? undefined : content.subarray(from, to + 1));
}
