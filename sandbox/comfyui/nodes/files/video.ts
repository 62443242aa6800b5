import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Batch } from '../../node.ts';
import { Interrupted, NodeFailure } from '../../node.ts';
import { toChannels } from '../pictures/channels.ts';
import { firstOf, toBitmap } from '../pictures/picture.ts';

/** Codec names of SaveWEBM and what ffmpeg calls them. */
const CODECS = {
  vp9: ['-c:v', 'libvpx-vp9', '-pix_fmt', 'yuv420p', '-b:v', '0'],
  av1: ['-c:v', 'libsvtav1', '-pix_fmt', 'yuv420p10le', '-preset', '6'],
} as const;
export type Codec = keyof typeof CODECS;

export const isCodec = (name: string): name is Codec => Object.hasOwn(CODECS, name);

export interface VideoPlan {
  readonly images: Batch;
  readonly codec: Codec;
  readonly fps: number;
  /** Constant rate factor 0..63, lower is better. */
  readonly crf: number;
  /** Names and texts for the file's tags. */
  readonly texts: readonly (readonly [string, string])[];
  readonly signal: AbortSignal;
}

const MISSING = 'SaveWEBM needs the program ffmpeg, which is not on the PATH. Install it (Debian, Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg) and try again.';

/** ffmpeg's own text format for tags. */
const tagsFile = (texts: VideoPlan['texts']): string =>
  [';FFMETADATA1', ...texts.map(([name, value]) => `${name.replace(/[=;#\\\n]/gu, '_')}=${value.replace(/[=;#\\\n]/gu, '\\$&')}`), ''].join('\n');

const argumentsOf = ({ images, codec, fps, crf }: VideoPlan, tags: string, file: string): string[] => {
  const { width, height } = firstOf(images);
  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${height}`, '-r', String(fps), '-i', 'pipe:0'];
  const output = ['-map_metadata', '1', ...CODECS[codec], '-crf', String(Math.round(crf)), '-f', 'webm', '-y', file];
  return ['-hide_banner', '-loglevel', 'error', ...input, '-f', 'ffmetadata', '-i', tags, ...output];
};

async function* bytesOf(images: Batch): AsyncGenerator<Uint8Array, void> {
  for (const frame of images) yield (await toBitmap(await toChannels(frame, 3))).data;
}

const failure = (cause: unknown, { signal }: VideoPlan): Error => {
  if (signal.aborted) return new Interrupted();
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return new NodeFailure('FileNotFoundError', MISSING);
  return new NodeFailure('RuntimeError', `ffmpeg failed: ${cause instanceof Error ? cause.message : String(cause)}`);
};

/** Runs ffmpeg with the frames on its standard input; rejects unless it ends with 0. */
const runEncoder = async (plan: VideoPlan, args: readonly string[]): Promise<void> => {
  const child = spawn('ffmpeg', args, { stdio: ['pipe', 'ignore', 'pipe'], signal: plan.signal });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  const [end] = await Promise.allSettled([ended, pipeline(bytesOf(plan.images), child.stdin)]);
  if (end.status === 'rejected') throw failure(end.reason, plan);
  if (end.value !== 0) throw failure(said.replace(/^Svt\[info\].*\n/gmu, '').trim() || `exit code ${String(end.value)}`, plan);
};

/** Encodes the batch as WebM through ffmpeg into `file`. */
export const writeVideo = async (plan: VideoPlan, file: string): Promise<void> => {
  const tags = `${file}.tags`;
  try {
    await writeFile(tags, tagsFile(plan.texts));
    await runEncoder(plan, argumentsOf(plan, tags, file));
  } finally {
    await rm(tags, { force: true });
  }
};
