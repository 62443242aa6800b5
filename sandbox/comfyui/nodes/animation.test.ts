import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import type { NodeInputs } from '../node.ts';
import { Interrupted } from '../node.ts';
import { readChunks } from './files/png-chunks.ts';
import { filled } from './pictures/picture.ts';
import { gray } from './testing/frames.ts';
import { listening, makeFolders, rgbaOf, runNode, savedFiles } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders, { promptText: '{"text": "☃=;"}', extraPnginfo: { workflow: '{"a": 1}' } });
afterAll(() => folders.remove());

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
const images = [gray([[0, 50]]), gray([[100, 150]]), gray([[200, 250]])];
const fileOf = async (type: string, inputs: NodeInputs): Promise<string> => savedFiles(await runNode(type, inputs, context), folders)[0] ?? '';

describe('SaveAnimatedWEBP', () => {
  const options = { images, filename_prefix: 'anim/w', fps: 8, lossless: true, quality: 80, method: 'default' };

  it('makes one endless moving picture and says so', async () => {
    const result = await runNode('SaveAnimatedWEBP', options, context);
    expect(result.ui).toEqual({ images: [{ filename: 'w_00001_.webp', subfolder: 'anim', type: 'output' }], animated: [true] });
    const metadata = await sharp(savedFiles(result, folders)[0], { animated: true }).metadata();
    expect(metadata).toMatchObject({ format: 'webp', width: 2, pages: 3, pageHeight: 1, delay: [125, 125, 125], loop: 0 });
  });

  it('keeps every pixel when lossless', async () => {
    const file = await fileOf('SaveAnimatedWEBP', options);
    const data = await sharp(file, { animated: true }).removeAlpha().raw().toBuffer();
    expect([...data].filter((_, i) => i % 3 === 0)).toEqual([0, 50, 100, 150, 200, 250]);
  });

  it('carries the graph in its EXIF fields', async () => {
    const { exif } = await sharp(await fileOf('SaveAnimatedWEBP', options)).metadata();
    expect(exif?.toString('latin1')).toContain('prompt:{"text": "\\u2603=;"}');
    expect(exif?.toString('latin1')).toContain('workflow:{"a": 1}');
  });

  it('takes lossy settings and frames with alpha', async () => {
    const clear = filled({ width: 4, height: 4, channels: 4 }, 0.5);
    const file = await fileOf('SaveAnimatedWEBP', { ...options, images: [clear], lossless: false, quality: 0, method: 'fastest' });
    expect((await sharp(file).metadata()).hasAlpha).toBe(true);
  });
});

describe('SaveAnimatedPNG', () => {
  const options = { images, filename_prefix: 'anim/p', fps: 4, compress_level: 4 };

  it('is a PNG whose first frame every reader shows', async () => {
    const result = await runNode('SaveAnimatedPNG', options, context);
    expect(result.ui).toEqual({ images: [{ filename: 'p_00001_.png', subfolder: 'anim', type: 'output' }], animated: [true] });
    const { data } = await rgbaOf(savedFiles(result, folders)[0] ?? '');
    expect([...data]).toEqual([0, 0, 0, 255, 50, 50, 50, 255]);
  });

  it('numbers controls and data in one sequence and holds each frame as long as asked', async () => {
    const chunks = readChunks(await readFile(await fileOf('SaveAnimatedPNG', options)));
    expect(chunks.map(({ type }) => type)).toEqual(['IHDR', 'acTL', 'fcTL', 'IDAT', 'fcTL', 'fdAT', 'fcTL', 'fdAT', 'comf', 'comf', 'IEND']);
    expect(chunks.filter(({ type }) => type === 'fcTL' || type === 'fdAT').map(({ data }) => data.readUInt32BE())).toEqual([0, 1, 2, 3, 4]);
    expect(chunks.find(({ type }) => type === 'acTL')?.data.readUInt32BE()).toBe(3);
    expect(chunks.find(({ type }) => type === 'fcTL')?.data.readUInt16BE(20)).toBe(250);
  });

  it.runIf(hasFfmpeg)('plays all its frames', async () => {
    const file = await fileOf('SaveAnimatedPNG', options);
    const { stdout } = spawnSync('ffmpeg', ['-v', 'error', '-i', file, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', 'gray', '-']);
    expect([...stdout]).toEqual([0, 50, 100, 150, 200, 250]);
  });
});

describe('SaveWEBM', () => {
  const options = { images: new Array(4).fill(filled({ width: 32, height: 18, channels: 3 }, 0.5)), filename_prefix: 'clip', codec: 'vp9', fps: 4, crf: 32 };

  it.runIf(hasFfmpeg)('makes a video of every frame, tagged with the graph', async () => {
    const result = await runNode('SaveWEBM', options, context);
    expect(result.ui).toEqual({ images: [{ filename: 'clip_00001_.webm', subfolder: '', type: 'output' }], animated: [true] });
    const fields = 'stream=codec_name,width,height,r_frame_rate,nb_read_frames:format_tags=PROMPT';
    const [file = ''] = savedFiles(result, folders);
    const { stdout } = spawnSync('ffprobe', ['-v', 'error', '-count_frames', '-show_entries', fields, '-of', 'json', file]);
    expect(JSON.parse(stdout.toString())).toMatchObject({
      streams: [{ codec_name: 'vp9', width: 32, height: 18, r_frame_rate: '4/1', nb_read_frames: '4' }],
      format: { tags: { PROMPT: '{"text": "\\u2603=;"}' } },
    });
  });

  it.runIf(hasFfmpeg)('leaves nothing behind when the encoder refuses', async () => {
    const before = await readdir(folders.output);
    await expect(runNode('SaveWEBM', { ...options, crf: 9999 }, context)).rejects.toMatchObject({ exceptionType: 'RuntimeError' });
    expect(await readdir(folders.output)).toEqual(before);
  });

  it.runIf(hasFfmpeg)('stops when interrupted', async () => {
    const { context: interrupted } = listening(folders, { signal: AbortSignal.abort() });
    await expect(runNode('SaveWEBM', options, interrupted)).rejects.toBeInstanceOf(Interrupted);
  });

  it('does not know other codecs', async () => {
    await expect(runNode('SaveWEBM', { ...options, codec: 'theora' }, context)).rejects.toMatchObject({ exceptionType: 'KeyError', message: "'theora'" });
  });

  it('says how to get ffmpeg where there is none', async () => {
    const before = process.env['PATH'];
    process.env['PATH'] = path.join(folders.temp, 'nothing');
    try {
      await expect(runNode('SaveWEBM', options, context)).rejects.toMatchObject({ exceptionType: 'FileNotFoundError' });
      await expect(runNode('SaveWEBM', options, context)).rejects.toThrow('apt-get install ffmpeg');
    } finally {
      process.env['PATH'] = before;
    }
  });
});
