import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { describe, expect, it, test } from 'vitest';
import { sniff } from './media-type.ts';

const ffmpeg = '/usr/bin/ffmpeg';
const sample = () => sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } });
const bmp = (): Buffer => {
  const bytes = Buffer.alloc(58);
  bytes.write('BM');
  bytes.writeUInt32LE(58, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  return bytes;
};
const made = async (format: string, args: readonly string[]): Promise<Buffer> => {
  const child = spawn(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=d=0.2:s=32x32:r=10', '-f', 'lavfi', '-i', 'sine=d=0.2', ...args, '-f', format, 'pipe:1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  return buffer(child.stdout);
};
const box = (brand: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from(`ftyp${brand}`), Buffer.alloc(4), Buffer.from(brand), Buffer.alloc(200)]);

describe('by its content, taken is', () => {
  test.each([
    ['png', () => sample().png().toBuffer(), 'image/png', '.png'],
    ['jpeg', () => sample().jpeg().toBuffer(), 'image/jpeg', '.jpg'],
    ['webp', () => sample().webp().toBuffer(), 'image/webp', '.webp'],
    ['gif', () => sample().gif().toBuffer(), 'image/gif', '.gif'],
    ['tiff', () => sample().tiff().toBuffer(), 'image/tiff', '.tiff'],
    ['bmp', async () => bmp(), 'image/bmp', '.bmp'],
  ])('%s', async (_name, bytes, mediaType, extension) => {
    expect(await sniff((await bytes()).subarray(0, 4_100))).toEqual({ mediaType, extension });
  });

  test.skipIf(!existsSync(ffmpeg)).each([
    ['mp4', ['-an', '-c:v', 'mpeg4', '-movflags', 'frag_keyframe+empty_moov'], 'video/mp4', '.mp4'],
    ['mov', ['-an', '-c:v', 'mpeg4', '-movflags', 'frag_keyframe+empty_moov'], 'video/quicktime', '.mov'],
    ['webm', ['-an', '-c:v', 'libvpx'], 'video/webm', '.webm'],
    ['wav', ['-vn'], 'audio/wav', '.wav'],
    ['mp3', ['-vn'], 'audio/mpeg', '.mp3'],
    ['mp3', ['-vn', '-id3v2_version', '0', '-write_xing', '0'], 'audio/mpeg', '.mp3'],
    ['flac', ['-vn'], 'audio/flac', '.flac'],
    ['apng', ['-an'], 'image/apng', '.png'],
  ])('%s %j', async (format, args, mediaType, extension) => {
    expect(await sniff((await made(format, args)).subarray(0, 4_100))).toEqual({ mediaType, extension });
  });
});

describe('by its content, refused is', () => {
  test.each([
    ['svg', Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')],
    ['svg without its first line', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['html', Buffer.from('<!doctype html><html><script>alert(1)</script></html>')],
    ['pdf', Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj')],
    ['zip', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(100)])],
    ['heic', box('heic')],
    ['avif', box('avif')],
    ['a program', Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), Buffer.alloc(100)])],
    ['a script', Buffer.from('#!/bin/sh\nrm -rf /\n')],
    ['text', Buffer.from('just words')],
    ['a safetensors file', Buffer.concat([Buffer.from([8, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{"a":{}}')])],
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from([0x89])],
    ['zeros', Buffer.alloc(4_100)],
  ])('%s', async (_name, bytes) => {
    expect(await sniff(bytes)).toBeUndefined();
  });

  it.skipIf(!existsSync(ffmpeg))('matroska, which is no webm', async () => {
    expect(await sniff((await made('matroska', ['-an', '-c:v', 'mpeg4'])).subarray(0, 4_100))).toBeUndefined();
  });
});
