/** Workflows for tests. All but `textToImage` use nodes that every ComfyUI has and need no model. */
import { randomInt, randomUUID } from 'node:crypto';
import { liveUrls } from './engine.ts';

export interface Node {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

export type Graph = Readonly<Record<string, Node>>;

/** A colour or seed that nobody used before, so that no cache knows it. */
export const fresh = (): number => randomInt(0xffffff);

export const freshId = (): string => randomUUID();

/** A picture of one colour, to begin with. */
export const blank = (size = 32, colour = fresh()): Node => ({ class_type: 'EmptyImage', inputs: { width: size, height: size, batch_size: 1, color: colour } });

export function solidColour({ colour = fresh(), size = 32, output = 'SaveImage' }: { colour?: number; size?: number; output?: 'SaveImage' | 'PreviewImage' | 'SaveImageWebsocket' } = {}): Graph {
  return {
    '1': blank(size, colour),
    '2': { class_type: output, inputs: { images: ['1', 0], ...(output === 'SaveImage' ? { filename_prefix: 'gateway-test/solid' } : {}) } },
  };
}

export function inverted(colour = fresh()): Graph {
  return {
    '1': { class_type: 'EmptyImage', inputs: { width: 32, height: 16, batch_size: 1, color: colour } },
    '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'gateway-test/inverted' } },
  };
}

/** `seed` may be a rawJSON value. */
export function noise(seed: unknown): Graph {
  return {
    '1': { class_type: 'EmptyImage', inputs: { width: 32, height: 32, batch_size: 1, color: 8_421_504 } },
    '2': { class_type: 'ImageAddNoise', inputs: { image: ['1', 0], seed, strength: 0.5 } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'gateway-test/noise' } },
  };
}

/** A real server blurs so much faster that it gets more to do. */
const heavy = liveUrls.length > 0 ? { pieces: 200, size: 1024 } : { pieces: 60, size: 128 };

/** Works for some seconds in many small pieces, so that an interrupt is heard soon. */
export function longWork({ pieces, size } = heavy): Graph {
  const blurs = Array.from({ length: pieces }, (_, n): [string, Node] => [`${n + 2}`, { class_type: 'ImageBlur', inputs: { image: [`${n + 1}`, 0], blur_radius: 15, sigma: 5 } }]);
  return {
    '1': blank(size),
    ...Object.fromEntries(blurs),
    save: { class_type: 'SaveImage', inputs: { images: [`${pieces + 1}`, 0], filename_prefix: 'gateway-test/long' } },
  };
}

/** Long enough to be watched, short enough to be waited for. */
export const shortWork = (): Graph => longWork(liveUrls.length > 0 ? { pieces: 60, size: 512 } : { pieces: 12, size: 128 });

/** A text that is shown. */
export function words(value: string): Graph {
  return {
    '1': { class_type: 'PrimitiveString', inputs: { value } },
    '2': { class_type: 'PreviewAny', inputs: { source: ['1', 0] } },
  };
}

/** One output that is fine and one whose size is out of range. */
export function halfBroken(): Graph {
  return { ...solidColour(), '3': { class_type: 'EmptyImage', inputs: { width: -5, height: 32, batch_size: 1, color: 0 } }, '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'gateway-test/broken' } } };
}

/** The usual text-to-image graph; the sandbox runs it without a model, with progress and previews at each step. */
export function textToImage(steps = 4, size = 64): Graph {
  return {
    '3': { class_type: 'KSampler', inputs: { model: ['4', 0], positive: ['6', 0], negative: ['7', 0], latent_image: ['5', 0], seed: fresh(), steps, cfg: 8, sampler_name: 'euler', scheduler: 'normal', denoise: 1 } },
    '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'v1-5-pruned-emaonly-fp16.safetensors' } },
    '5': { class_type: 'EmptyLatentImage', inputs: { width: size, height: size, batch_size: 1 } },
    '6': { class_type: 'CLIPTextEncode', inputs: { text: 'a lighthouse', clip: ['4', 1] } },
    '7': { class_type: 'CLIPTextEncode', inputs: { text: 'fog', clip: ['4', 1] } },
    '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
    '9': { class_type: 'SaveImage', inputs: { images: ['8', 0], filename_prefix: 'gateway-test/text' } },
  };
}
