import { Writable } from 'node:stream';
import type { FileBody } from '../../src/models/file.ts';

/** Everything that a body pours, into a reader that takes each chunk only when it is done with the one before. */
export async function poured(body: FileBody | undefined, signal = new AbortController().signal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // The bytes are looked at late, as a socket does: whoever uses their buffer again too early spoils them.
  const reader = new Writable({ write: (chunk: Buffer, _encoding, done) => void setImmediate(() => { chunks.push(Buffer.from(chunk)); done(); }) });
  reader.on('error', () => undefined);
  if (!body) throw new TypeError('there is no body');
  await body.pour(reader, signal);
  return Buffer.concat(chunks);
}
