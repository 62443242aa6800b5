import busboy from 'busboy';
import type { Request } from 'express';
import { readBody } from '../http.ts';

export interface UploadedFile {
  readonly filename: string;
  readonly bytes: Buffer;
}

/** Fields of a form: text, or a file when the part names one. */
export type Form = ReadonlyMap<string, string | UploadedFile>;

const LIMITS = { fields: 100, files: 10, parts: 110, fieldSize: 1024 * 1024 };

/** The form in the body; empty when the body is no multipart form. */
export async function readForm(request: Request): Promise<Form> {
  const body = await readBody(request);
  const form = new Map<string, string | UploadedFile>();
  if (!(request.headers['content-type'] ?? '').startsWith('multipart/form-data')) return form;
  const parser = busboy({ headers: request.headers, preservePath: true, defParamCharset: 'utf8', limits: LIMITS });
  parser.on('field', (name, value) => form.set(name, value));
  parser.on('file', (name, stream, info: { filename?: string }) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A part with an empty file name counts as text, not as a file (http/upload-image, "empty filename").
    stream.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const filename = unescaped(info.filename ?? '');
      form.set(name, filename === '' ? bytes.toString('latin1') : { filename, bytes });
    });
  });
  await new Promise<void>((resolve, reject) => {
    parser.on('close', resolve);
    parser.on('error', (error) => { reject(error instanceof Error ? error : new TypeError(String(error))); });
    parser.end(body);
  });
  return form;
}

/** Backslashes escape the next character and vanish (http/upload-image, "filename with backslashes"). */
function unescaped(filename: string): string {
  return filename.replace(/\\(.?)/gs, '$1');
}
