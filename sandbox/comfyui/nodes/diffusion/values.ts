import { z } from 'zod';
import { frames } from '../inputs.ts';

/** MODEL: names only, there are no weights. */
export const Model = z.object({ kind: z.literal('model'), name: z.string(), loras: z.array(z.string()) });
export type Model = z.infer<typeof Model>;

/** CLIP: a text encoder known by what was loaded and changed. */
export const Clip = z.object({ kind: z.literal('clip'), name: z.string(), loras: z.array(z.string()), layer: z.number() });
export type Clip = z.infer<typeof Clip>;

/** VAE: by name. */
export const Vae = z.object({ kind: z.literal('vae'), name: z.string() });
export type Vae = z.infer<typeof Vae>;

/** CONDITIONING: the prompt text, and everything else that shall change the picture. */
export const Conditioning = z.object({ kind: z.literal('conditioning'), text: z.string(), clip: Clip, controls: z.array(z.string()) });
export type Conditioning = z.infer<typeof Conditioning>;

/**
 * LATENT: `count` pictures of width x height *pixels* (multiples of 8). `frames` are 3-channel pictures of that size;
 * an empty latent has none.
 */
export const Latent = z.object({
  kind: z.literal('latent'),
  width: z.number(),
  height: z.number(),
  count: z.number(),
  frames: frames.optional(),
});
export type Latent = z.infer<typeof Latent>;
