import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import type { Batch, NodeContext, NodeResult } from '../node.ts';
import { NodeFailure } from '../node.ts';
import { animatedPng } from './files/apng.ts';
import { embeddedTexts, encodePng } from './files/encode.ts';
import { fileName, saveTarget } from './files/save-name.ts';
import type { Codec } from './files/video.ts';
import { isCodec, writeVideo } from './files/video.ts';
import { producedWhole } from './files/write-file.ts';
import type { Family } from './inputs.ts';
import { answer, flag, float, frames, int, node, text } from './inputs.ts';
import { firstOf, toBitmap } from './pictures/picture.ts';

interface Clip {
  readonly images: Batch;
  readonly prefix: string;
  readonly extension: string;
}

/** Names the file, lets `produce` fill a temporary one, and reports it as animated. */
const saveClip = async ({ images, prefix, extension }: Clip, context: NodeContext, produce: (file: string) => Promise<unknown>): Promise<NodeResult> => {
  const target = await saveTarget(prefix, context.folders.output, firstOf(images));
  const filename = fileName(target, 0, extension);
  await producedWhole(path.join(target.folder, filename), produce);
  return { ...answer(), ui: { images: [{ filename, subfolder: target.subfolder, type: 'output' }], animated: [true] } };
};

/** Whole milliseconds that a frame is shown. */
const delayOf = (fps: number): number => Math.max(1, Math.min(65535, Math.trunc(1000 / fps)));

/** EXIF fields that carry the texts, counted down from the camera's model. */
const EXIF_FIELDS = ['Model', 'Make', 'ImageDescription'];

const exifOf = (context: NodeContext): Record<string, string> =>
  Object.fromEntries(embeddedTexts(context).slice(0, EXIF_FIELDS.length).map(([name, json], i) => [EXIF_FIELDS[i] ?? '', `${name}:${json}`]));

/** libwebp's effort 0..6. */
const EFFORT: Readonly<Record<string, number>> = { default: 4, fastest: 0, slowest: 6 };

interface WebpOptions {
  readonly delay: number;
  readonly lossless: boolean;
  readonly quality: number;
  readonly effort: number;
}

/** An endless animated WebP of frames of one size. */
const animatedWebp = async (images: Batch, options: WebpOptions, exif: Record<string, string>): Promise<Buffer> => {
  const { width, height, channels } = firstOf(images);
  const strip = Buffer.concat(await Promise.all(images.map(async (frame) => (await toBitmap(frame)).data)));
  const raw = { width, height: height * images.length, channels, pageHeight: height };
  const { delay, lossless, effort } = options;
  return sharp(strip, { raw, limitInputPixels: false })
    .webp({ loop: 0, delay: images.map(() => delay), lossless, quality: Math.max(1, options.quality), effort })
    .withExif({ IFD0: exif })
    .toBuffer();
};

const codecOf = (name: string): Codec => {
  if (isCodec(name)) return name;
  throw new NodeFailure('KeyError', `'${name}'`);
};

/** Nodes that make one moving file of a batch. */
export const animation: Family = {
  SaveAnimatedWEBP: node(
    { images: frames, filename_prefix: text.default('ComfyUI'), fps: float, lossless: flag, quality: int, method: text },
    ({ images, filename_prefix: prefix, fps, lossless, quality, method }, context) =>
      saveClip({ images, prefix, extension: 'webp' }, context, async (file) => {
        const options = { delay: delayOf(fps), lossless, quality, effort: EFFORT[method] ?? 4 };
        await writeFile(file, await animatedWebp(images, options, exifOf(context)));
      }),
  ),

  SaveAnimatedPNG: node(
    { images: frames, filename_prefix: text.default('ComfyUI'), fps: float, compress_level: int },
    ({ images, filename_prefix: prefix, fps, compress_level: level }, context) =>
      saveClip({ images, prefix, extension: 'png' }, context, async (file) => {
        const texts = embeddedTexts(context).map(([name, json]) => ({ type: 'comf', data: Buffer.from(`${name}\0${json}`, 'latin1') }));
        const pngs = await Promise.all(images.map((frame) => encodePng(frame, level)));
        await writeFile(file, animatedPng(pngs, delayOf(fps), texts));
      }),
  ),

  SaveWEBM: node(
    { images: frames, filename_prefix: text.default('ComfyUI'), codec: text, fps: float, crf: float },
    ({ images, filename_prefix: prefix, codec, fps, crf }, context) =>
      saveClip({ images, prefix, extension: 'webm' }, context, (file) =>
        writeVideo({ images, codec: codecOf(codec), fps, crf, texts: embeddedTexts(context), signal: context.signal }, file),
      ),
  ),
};
