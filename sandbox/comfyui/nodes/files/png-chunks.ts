import { crc32 } from 'node:zlib';
import { NodeFailure } from '../../node.ts';

const SIGNATURE = 8;

export interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

/** Length, type, data, CRC-32 of type and data (PNG specification, chunk layout). */
export const writeChunk = ({ type, data }: Chunk): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
};

/** The chunks of a well-formed PNG in file order. */
export const readChunks = (png: Buffer): Chunk[] => {
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE; at + 12 <= png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
};

/** A PNG file of these chunks. */
export const writePng = (chunks: readonly Chunk[]): Buffer =>
  Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...chunks.map(writeChunk)]);

/** JSON text in pure ASCII, equal when parsed: every UTF-16 unit above it becomes an escape. */
export const asciiJson = (json: string): string =>
  json.replace(/[^\t\n\r -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A tEXt chunk; keywords are 1-79 Latin-1 characters without NUL. */
export const textChunk = (keyword: string, value: string): Chunk => {
  if (!/^[\u0020-\u007e\u00a1-\u00ff]{1,79}$/u.test(keyword)) {
    throw new NodeFailure('ValueError', `not a keyword for a PNG text chunk: ${JSON.stringify(keyword)}`);
  }
  return { type: 'tEXt', data: Buffer.from(`${keyword}\0${value}`, 'latin1') };
};

/** The PNG with more chunks right behind its header. */
export const withChunks = (png: Buffer, added: readonly Chunk[]): Buffer => {
  const [header, ...rest] = readChunks(png);
  return header ? writePng([header, ...added, ...rest]) : png;
};
