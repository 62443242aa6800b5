import type { Sharp } from 'sharp';
import sharp from 'sharp';
import type { NodeContext, Picture } from '../../node.ts';
import { toBitmap } from '../pictures/picture.ts';
import { asciiJson, textChunk, withChunks } from './png-chunks.ts';

/** What a save node writes into its files: name and JSON text in ASCII. */
export const embeddedTexts = ({ promptText, extraPnginfo }: NodeContext): (readonly [string, string])[] =>
  [['prompt', promptText] as const, ...Object.entries(extraPnginfo)].map(([name, json]) => [name, asciiJson(json)]);

/** The frame as a sharp pipeline, 8 bits per channel. */
export const pipelineOf = async (picture: Picture): Promise<Sharp> => {
  const { width, height, channels, data } = await toBitmap(picture);
  return sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
};

/** A PNG file of one frame; `level` is zlib's 0..9. */
export const encodePng = async (picture: Picture, level: number): Promise<Buffer> =>
  (await pipelineOf(picture)).png({ compressionLevel: level }).toBuffer();

/** A PNG that carries the graph it came from. */
export const encodePngWithTexts = async (picture: Picture, level: number, context: NodeContext): Promise<Buffer> =>
  withChunks(await encodePng(picture, level), embeddedTexts(context).map(([name, json]) => textChunk(name, json)));
