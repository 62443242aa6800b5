import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeContext, Picture, Preview } from '../../node.ts';
import { Interrupted } from '../../node.ts';
import { pipelineOf } from '../files/encode.ts';
import { assertFits } from '../pictures/budget.ts';
import { resampled } from '../pictures/resample.ts';
import { stamped } from './letters.ts';
import type { Canvas } from './paint.ts';
import { blended, noisePicture, paint, sceneOf } from './paint.ts';
import type { Latent } from './values.ts';

/** One sampling run. */
export interface Plan {
  /** Decides colours and kind of the picture. */
  readonly prompt: string;
  /** Every other setting that shall change the picture, the seed with all its digits among them. */
  readonly settings: string;
  /** Steps to take, at least 1. */
  readonly steps: number;
  /** How much of the input latent is painted over, 0..1. */
  readonly strength: number;
  /** How much noise is left at the end, 0..1. */
  readonly leftover: number;
  readonly latent: Latent;
}

/** Longest side of a preview in pixels. */
const PREVIEW_SIDE = 256;

const previewSize = ({ width, height }: Latent): Canvas => {
  const factor = Math.min(1, PREVIEW_SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
};

/** One frame of the result, at any resolution. */
const frameOf = async (plan: Plan, index: number, { width, height, signal }: Canvas & { readonly signal: AbortSignal }): Promise<Picture> => {
  const { prompt, settings, latent, strength } = plan;
  const rest = `${settings} ${latent.width}x${latent.height} frame ${index}`;
  const painted = await paint(sceneOf({ prompt, rest, aspect: latent.width / latent.height }), { width, height }, signal);
  const before = latent.frames?.[index];
  if (!before) return painted;
  return blended(await resampled(before, { width, height, method: 'bilinear' }), painted, strength);
};

const asJpeg = async (picture: Picture): Promise<Preview> => ({
  format: 'jpeg',
  bytes: await (await pipelineOf(stamped(picture))).jpeg({ quality: 85 }).toBuffer(),
});

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => {
    throw new Interrupted();
  });

/** Share of noise after `step` of `steps`: 1 at the start, falling ever faster towards `leftover`. */
export const noiseAfter = (step: number, { steps, strength, leftover }: Pick<Plan, 'steps' | 'strength' | 'leftover'>): number => {
  const done = step / steps;
  return leftover + (strength - leftover) * (1 - done) ** 2;
};

/** Steps through a plan, one progress report with a preview each, and answers the latent with its painted frames. */
export const sample = async (plan: Plan, context: NodeContext, stepMilliseconds: number): Promise<Latent> => {
  const { latent, steps, settings, leftover } = plan;
  const { signal } = context;
  assertFits(latent.width, latent.height, latent.count);
  const size = previewSize(latent);
  const goal = await frameOf(plan, 0, { ...size, signal });
  const noise = noisePicture(settings, size);
  for (let step = 1; step <= steps; step++) {
    await pause(stepMilliseconds, signal);
    await context.progress(step, steps, await asJpeg(await blended(goal, noise, noiseAfter(step, plan))));
  }
  const frames: Picture[] = [];
  for (let index = 0; index < latent.count; index++) {
    const frame = await frameOf(plan, index, { ...latent, signal });
    frames.push(leftover > 0 ? await blended(frame, noisePicture(`${settings} ${index}`, latent), leftover) : frame);
  }
  return { ...latent, frames };
};
