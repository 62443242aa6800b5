import type { Chunk } from './png-chunks.ts';
import { readChunks, writePng } from './png-chunks.ts';

/** Milliseconds are the unit of a frame's duration. */
const DELAY_UNIT = 1000;

/** fcTL: sequence number, size, offset 0, delay as a fraction, dispose and blend by replacing. */
const frameControl = (sequence: number, header: Buffer, delay: number): Chunk => {
  const data = Buffer.alloc(26);
  data.writeUInt32BE(sequence, 0);
  header.copy(data, 4, 0, 8);
  data.writeUInt16BE(delay, 20);
  data.writeUInt16BE(DELAY_UNIT, 22);
  return { type: 'fcTL', data };
};

const numbered = (sequence: number, data: Buffer): Chunk => {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(sequence);
  return { type: 'fdAT', data: Buffer.concat([number, data]) };
};

const imageData = (chunks: readonly Chunk[]): Buffer => Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data));

const animationControl = (frames: number): Chunk => {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(frames);
  return { type: 'acTL', data };
};

/** An animated PNG (endless) of PNG files alike in size and colour type, `delay` milliseconds each; `extra` follows the pixels. */
export const animatedPng = (pngs: readonly Buffer[], delay: number, extra: readonly Chunk[]): Buffer => {
  const files = pngs.map(readChunks);
  const header = files[0]?.find(({ type }) => type === 'IHDR') ?? { type: 'IHDR', data: Buffer.alloc(13) };
  let sequence = 0;
  const frames = files.flatMap((chunks, index): Chunk[] => {
    const control = frameControl(sequence++, header.data, delay);
    const data = imageData(chunks);
    return [control, index === 0 ? { type: 'IDAT', data } : numbered(sequence++, data)];
  });
  return writePng([header, animationControl(files.length), ...frames, ...extra, { type: 'IEND', data: Buffer.alloc(0) }]);
};
