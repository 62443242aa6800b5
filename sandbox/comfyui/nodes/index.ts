/** Every node the sandbox executes, by class name. `object-info.json` declares the same set. */
import type { NodeClass } from '../node.ts';
import { animation } from './animation.ts';
import { batch } from './batch.ts';
import { colour } from './colour.ts';
import { composite } from './composite.ts';
import { create } from './create.ts';
import { filter } from './filter.ts';
import { latents } from './latents.ts';
import { load } from './load.ts';
import { mask } from './mask.ts';
import { models } from './models.ts';
import { pad } from './pad.ts';
import { sampler, STEP_MS } from './sampler.ts';
import { save } from './save.ts';
import { scale } from './scale.ts';
import { stitch } from './stitch.ts';
import { transform } from './transform.ts';
import { words } from './words.ts';

export interface NodeOptions {
  /** How long one sampling step takes. */
  readonly stepMilliseconds?: number;
}

/** The table of all nodes. */
export const createNodes = ({ stepMilliseconds = STEP_MS }: NodeOptions = {}): ReadonlyMap<string, NodeClass> => {
  const pictures = [create, load, save, animation, scale, transform, pad, stitch, batch, colour, filter, mask, composite];
  const families = [...pictures, words, models, latents, sampler(stepMilliseconds)];
  return new Map(families.flatMap((family) => Object.entries(family)));
};

export const nodes = createNodes();
