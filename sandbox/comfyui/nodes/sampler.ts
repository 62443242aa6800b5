import type { NodeClass } from '../node.ts';
import { sample } from './diffusion/sample.ts';
import { Conditioning, Latent, Model } from './diffusion/values.ts';
import type { Family } from './inputs.ts';
import { answer, float, int, node, seed, text } from './inputs.ts';

/** How long a sampling step takes by default. */
export const STEP_MS = 15;

const common = {
  model: Model,
  steps: int,
  cfg: float,
  sampler_name: text,
  scheduler: text,
  positive: Conditioning,
  negative: Conditioning,
  latent_image: Latent,
};

interface Settings {
  readonly model: Model;
  readonly steps: number;
  readonly cfg: number;
  readonly sampler_name: string;
  readonly scheduler: string;
  readonly positive: Conditioning;
  readonly negative: Conditioning;
}

/** Everything that shall change the picture besides the positive prompt's text. */
const settingsOf = ({ model, steps, cfg, sampler_name: name, scheduler, positive, negative }: Settings, noiseSeed: bigint): string =>
  JSON.stringify([String(noiseSeed), model, steps, cfg, name, scheduler, positive, negative]);

const ksampler = (stepMilliseconds: number): NodeClass =>
  node({ ...common, seed, denoise: float.default(1) }, async (inputs, context) => {
    const { latent_image: latent, denoise, steps } = inputs;
    if (denoise <= 0) return answer(latent);
    const settings = `${settingsOf(inputs, inputs.seed)} ${denoise}`;
    const plan = { prompt: inputs.positive.text, settings, steps, strength: Math.min(1, denoise), leftover: 0, latent };
    return answer(await sample(plan, context, stepMilliseconds));
  });

/** Takes the steps from start to end only. Noise that is not added, or left over, is honoured as far as a painter can. */
const ksamplerAdvanced = (stepMilliseconds: number): NodeClass => {
  const own = { noise_seed: seed, add_noise: text, start_at_step: int, end_at_step: int, return_with_leftover_noise: text };
  return node({ ...common, ...own }, async (inputs, context) => {
    const { latent_image: latent, steps, start_at_step: start } = inputs;
    const end = Math.min(inputs.end_at_step, steps);
    if (start >= end) return answer(latent);
    const settings = `${settingsOf(inputs, inputs.noise_seed)} ${inputs.add_noise} ${start} ${end}`;
    const leftover = inputs.return_with_leftover_noise === 'enable' ? 1 - end / steps : 0;
    const plan = { prompt: inputs.positive.text, settings, steps: end - start, strength: 1 - start / steps, leftover, latent };
    return answer(await sample(plan, context, stepMilliseconds));
  });
};

/** The samplers; a step takes `stepMilliseconds`. */
export const sampler = (stepMilliseconds: number): Family => ({
  KSampler: ksampler(stepMilliseconds),
  KSamplerAdvanced: ksamplerAdvanced(stepMilliseconds),
  KSamplerSelect: node({ sampler_name: text }, ({ sampler_name: name }) => answer({ kind: 'sampler', name })),
});
