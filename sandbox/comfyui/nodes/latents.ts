import type { Batch, Picture } from '../node.ts';
import { NodeFailure } from '../node.ts';
import { stamped } from './diffusion/letters.ts';
import type { Latent as LatentValue } from './diffusion/values.ts';
import { Latent, Vae } from './diffusion/values.ts';
import type { Family } from './inputs.ts';
import { answer, frames, int, node, text } from './inputs.ts';
import { assertFits } from './pictures/budget.ts';
import { toChannels } from './pictures/channels.ts';
import { eachFrame, filled, firstOf } from './pictures/picture.ts';
import { cut } from './pictures/place.ts';
import { isMethod, scaled, targetSize } from './pictures/resample.ts';

/** Latents are made of cells of 8 x 8 pixels. */
const CELL = 8;

const toCells = (pixels: number): number => Math.trunc(pixels / CELL) * CELL;

/** Sides are whole cells; the rest is cut off evenly. */
const encode = async (pixels: Batch): Promise<LatentValue> => {
  const { width, height } = firstOf(pixels);
  const area = { x: Math.trunc((width % CELL) / 2), y: Math.trunc((height % CELL) / 2), width: toCells(width), height: toCells(height) };
  if (area.width === 0 || area.height === 0) throw new NodeFailure('RuntimeError', `a picture of ${width} x ${height} is smaller than one latent cell of ${CELL} x ${CELL}`);
  const kept = await eachFrame(pixels, async (frame) => cut(await toChannels(frame, 3), area));
  return { kind: 'latent', width: area.width, height: area.height, count: kept.length, frames: kept };
};

/** Frames of a latent that no sampler has touched are grey. */
const framesOf = (latent: LatentValue): Batch => {
  const { width, height, count } = latent;
  assertFits(width, height, count);
  return latent.frames ?? new Array<Picture>(count).fill(filled({ width, height, channels: 3 }, 0.5));
};

/** LATENT in and out. Whatever leaves through VAEDecode says SANDBOX. */
export const latents: Family = {
  EmptyLatentImage: node({ width: int, height: int, batch_size: int }, ({ width, height, batch_size: count }) =>
    answer({ kind: 'latent', width: toCells(width), height: toCells(height), count } satisfies LatentValue),
  ),

  LatentUpscale: node({ samples: Latent, upscale_method: text, width: int, height: int, crop: text }, async (inputs) => {
    const { samples, upscale_method: name, crop } = inputs;
    const wanted = targetSize(samples, inputs);
    const size = { width: Math.max(CELL, toCells(wanted.width)), height: Math.max(CELL, toCells(wanted.height)) };
    assertFits(size.width, size.height, samples.count);
    const method = isMethod(name) ? name : 'bicubic';
    const { frames: before } = samples;
    const after = before && (await eachFrame(before, (frame) => scaled(frame, { ...size, method, crop })));
    return answer({ ...samples, ...size, frames: after } satisfies LatentValue);
  }),

  VAEEncode: node({ pixels: frames, vae: Vae }, async ({ pixels }) => answer(await encode(pixels))),

  VAEDecode: node({ samples: Latent, vae: Vae }, async ({ samples }) => answer(await eachFrame(framesOf(samples), stamped))),
};
