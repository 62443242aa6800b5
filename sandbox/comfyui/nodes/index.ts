/** Every node the sandbox executes, by class name. `object-info.json` declares the same set. */
import type { NodeClass } from '../node.ts';
import { colour } from './colour.ts';
import { create } from './create.ts';
import { latents } from './latents.ts';
import { load } from './load.ts';
import { models } from './models.ts';
import { sampler, STEP_MS } from './sampler.ts';
import { save } from './save.ts';
import { words } from './words.ts';

export interface NodeOptions {
  /** How long one sampling step takes. */
  readonly stepMilliseconds?: number;
}

/** The table of all nodes. */
export const createNodes = ({ stepMilliseconds = STEP_MS }: NodeOptions = {}): ReadonlyMap<string, NodeClass> => {
  const families = [create, load, colour, words, save, models, latents, sampler(stepMilliseconds)];
  return new Map(families.flatMap((family) => Object.entries(family)));
};

export const nodes = createNodes();
