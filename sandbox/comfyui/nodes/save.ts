import { randomInt } from 'node:crypto';
import path from 'node:path';
import type { Batch, Folders, NodeContext, NodeResult } from '../node.ts';
import { encodePng, encodePngWithTexts } from './files/encode.ts';
import { fileName, saveTarget } from './files/save-name.ts';
import { writeWhole } from './files/write-file.ts';
import type { Family } from './inputs.ts';
import { frames, node, text } from './inputs.ts';
import { firstOf } from './pictures/picture.ts';

interface PngPlan {
  readonly images: Batch;
  readonly prefix: string;
  readonly type: keyof Folders;
  /** zlib's 0..9. */
  readonly level: number;
}

const INFIX_LETTERS = 'abcdefghijklmnopqrstupvxyz';

/** Five letters that keep one preview's files apart from the next one's. */
const infix = (): string => Array.from({ length: 5 }, () => INFIX_LETTERS[randomInt(INFIX_LETTERS.length)]).join('');

const savePngs = async ({ images, prefix, type, level }: PngPlan, context: NodeContext): Promise<NodeResult> => {
  const target = await saveTarget(prefix, context.folders[type], firstOf(images));
  const saved: { filename: string; subfolder: string; type: string }[] = [];
  for (const [index, frame] of images.entries()) {
    const filename = fileName(target, index, 'png');
    await writeWhole(path.join(target.folder, filename), await encodePngWithTexts(frame, level, context));
    saved.push({ filename, subfolder: target.subfolder, type });
  }
  return { outputs: [], ui: { images: saved } };
};

/** Nodes that leave PNG files, one per frame, and the one that sends them to the watcher instead. */
export const save: Family = {
  SaveImage: node({ images: frames, filename_prefix: text.default('ComfyUI') }, ({ images, filename_prefix: prefix }, context) =>
    savePngs({ images, prefix, type: 'output', level: 4 }, context),
  ),

  PreviewImage: node({ images: frames }, ({ images }, context) =>
    savePngs({ images, prefix: `ComfyUI_temp_${infix()}`, type: 'temp', level: 1 }, context),
  ),

  /** Counts from 0 to n-1 and never reaches n; the only difference to a preview is the type PNG. */
  SaveImageWebsocket: {
    neverCached: true,
    ...node({ images: frames }, async ({ images }, context) => {
      for (const [index, frame] of images.entries()) {
        await context.progress(index, images.length, { format: 'png', bytes: await encodePng(frame, 4) });
      }
      return { outputs: [], ui: {} };
    }),
  },
};
