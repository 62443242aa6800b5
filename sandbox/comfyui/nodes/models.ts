import { z } from 'zod';
import { NodeFailure } from '../node.ts';
import type { Clip, Model as ModelValue, Vae } from './diffusion/values.ts';
import { Clip as ClipSchema, Conditioning, Model } from './diffusion/values.ts';
import type { Family } from './inputs.ts';
import { answer, float, frames, int, node, text } from './inputs.ts';

const model = (name: string): ModelValue => ({ kind: 'model', name, loras: [] });
const clip = (name: string): Clip => ({ kind: 'clip', name, loras: [], layer: -1 });
const vae = (name: string): Vae => ({ kind: 'vae', name });

/** No such weights here: what a missing file looks like. */
const absent = (folder: string, name: string): NodeFailure =>
  new NodeFailure('FileNotFoundError', `Model in folder '${folder}' with filename '${name}' not found.`);

/** Loaders answer names instead of weights; what only makes sense with real weights is refused. */
export const models: Family = {
  CheckpointLoaderSimple: node({ ckpt_name: text }, ({ ckpt_name: name }) => answer(model(name), clip(name), vae(name))),

  VAELoader: node({ vae_name: text }, ({ vae_name: name }) => answer(vae(name))),

  LoraLoader: node({ model: Model, clip: ClipSchema, lora_name: text, strength_model: float, strength_clip: float }, (inputs) => {
    const { lora_name: name, strength_model: onModel, strength_clip: onClip } = inputs;
    const changedModel = { ...inputs.model, loras: onModel === 0 ? inputs.model.loras : [...inputs.model.loras, `${name} ${onModel}`] };
    const changedClip = { ...inputs.clip, loras: onClip === 0 ? inputs.clip.loras : [...inputs.clip.loras, `${name} ${onClip}`] };
    return answer(changedModel, changedClip);
  }),

  CLIPSetLastLayer: node({ clip: ClipSchema, stop_at_clip_layer: int }, (inputs) => answer({ ...inputs.clip, layer: inputs.stop_at_clip_layer })),

  CLIPTextEncode: node({ text, clip: ClipSchema }, (inputs) => answer({ kind: 'conditioning', text: inputs.text, clip: inputs.clip, controls: [] })),

  ControlNetLoader: node({ control_net_name: text }, ({ control_net_name: name }) => {
    throw absent('controlnet', name);
  }),

  ControlNetApply: node({ conditioning: Conditioning, control_net: z.unknown(), image: frames, strength: float }, (inputs) => {
    const { conditioning, strength } = inputs;
    if (strength === 0) return answer(conditioning);
    return answer({ ...conditioning, controls: [...conditioning.controls, `${JSON.stringify(inputs.control_net)} ${strength}`] });
  }),

  UpscaleModelLoader: node({ model_name: text }, ({ model_name: name }) => {
    throw absent('upscale_models', name);
  }),

  ImageUpscaleWithModel: node({ upscale_model: z.unknown(), image: frames }, () => {
    throw new NodeFailure('RuntimeError', 'The sandbox has no upscale models. Use ImageScale or ImageScaleBy with "lanczos" instead.');
  }),
};
