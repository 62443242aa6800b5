import busboy from 'busboy';
import type { Request } from 'express';
import { Refused } from './codes.ts';
import { readObject } from './json.ts';

/** More than any upload that is accepted; what is longer is read and dropped. */
const MAX_BODY = 64 * 1024 * 1024;
const LIMITS = { fields: 20, files: 2, parts: 22, fieldSize: 64 * 1024 };

export interface Upload {
  readonly filename: string;
  readonly bytes: Buffer;
}

export interface Form {
  readonly fields: ReadonlyMap<string, string>;
  /** The part named `file`. */
  readonly file: Upload | undefined;
}

/** One request, read to its end. */
export class Asked {
  readonly params: Readonly<Record<string, unknown>>;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The key of `Authorization: Bearer …`. */
  readonly bearer: string | undefined;
  /** The body was too long to be kept. */
  readonly tooLong: boolean;
  readonly #request: Request;
  readonly #body: Buffer;

  static async read(request: Request): Promise<Asked> {
    const chunks: Buffer[] = [];
    let size = 0;
    const stream: AsyncIterable<Buffer> = request;
    for await (const bytes of stream) {
      size += bytes.length;
      if (size <= MAX_BODY) chunks.push(bytes);
    }
    return new Asked(request, size <= MAX_BODY ? Buffer.concat(chunks) : undefined);
  }

  constructor(request: Request, body: Buffer | undefined) {
    this.#request = request;
    this.#body = body ?? Buffer.alloc(0);
    this.tooLong = body === undefined;
    this.params = request.params;
    const { pathname, searchParams } = new URL(request.originalUrl, 'http://sandbox');
    this.path = decoded(pathname);
    this.query = searchParams;
    this.bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  }

  /** The JSON object in the body, whatever its Content-Type. */
  get json(): Record<string, unknown> {
    const body = readObject(this.#body.toString('utf8'));
    if (!body) throw new Refused(301);
    return body;
  }

  get bytes(): Buffer {
    return this.#body;
  }

  async form(): Promise<Form> {
    const fields = new Map<string, string>();
    const { headers } = this.#request;
    if (!(headers['content-type'] ?? '').startsWith('multipart/form-data')) return { fields, file: undefined };
    let file: Upload | undefined;
    const parser = busboy({ headers, preservePath: true, defParamCharset: 'utf8', limits: LIMITS });
    parser.on('field', (name, value) => fields.set(name, value));
    parser.on('file', (name, stream, { filename }: { filename?: string }) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => { if (name === 'file') file = { filename: filename ?? '', bytes: Buffer.concat(chunks) }; });
    });
    await new Promise<void>((resolve, reject) => {
      parser.on('close', resolve);
      parser.on('error', () => { reject(new Refused(301)); });
      parser.end(this.#body);
    });
    return { fields, file };
  }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (error instanceof URIError) return path;
    throw error;
  }
}
