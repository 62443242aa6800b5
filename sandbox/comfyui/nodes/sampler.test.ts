import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Batch, NodeContext, NodeInputs, Picture } from '../node.ts';
import { Interrupted } from '../node.ts';
import { Latent } from './diffusion/values.ts';
import { frames } from './inputs.ts';
import { createNodes } from './index.ts';
import { sizeOf } from './testing/frames.ts';
import { listening, makeFolders } from './testing/run-graph.ts';

const folders = await makeFolders();
const { context } = listening(folders);
afterAll(() => folders.remove());

const nodes = createNodes({ stepMilliseconds: 0 });
const run = async (type: string, inputs: NodeInputs, given: NodeContext = context): Promise<readonly unknown[]> => {
  const result = await nodes.get(type)?.run(inputs, given);
  return result?.outputs ?? [];
};

const [model, clip, vae] = await run('CheckpointLoaderSimple', { ckpt_name: 'v1-5-pruned-emaonly-fp16.safetensors' });
const encode = async (text: string, by = clip): Promise<unknown> => (await run('CLIPTextEncode', { text, clip: by }))[0];
const empty = async (width = 64, height = 48, count = 1): Promise<unknown> => (await run('EmptyLatentImage', { width, height, batch_size: count }))[0];
const decode = async (samples: unknown): Promise<Batch> => frames.parse((await run('VAEDecode', { samples, vae }))[0]);

const settings = {
  model,
  seed: 42n,
  steps: 3,
  cfg: 7.5,
  sampler_name: 'euler',
  scheduler: 'normal',
  positive: await encode('a glass bottle with a galaxy inside'),
  negative: await encode('text, watermark'),
  latent_image: await empty(),
  denoise: 1,
};
const sample = async (changes: NodeInputs = {}, given: NodeContext = context): Promise<Batch> =>
  decode((await run('KSampler', { ...settings, ...changes }, given))[0]);

const distance = (a: Picture | undefined, b: Picture | undefined): number =>
  [...(a?.data ?? [])].reduce((sum, value, i) => sum + Math.abs(value - (b?.data[i] ?? 0)), 0) / (a?.data.length ?? 1);

const other = await encode('another text');
const skipped = (await run('CLIPSetLastLayer', { clip, stop_at_clip_layer: -2 }))[0];
const [styled] = await run('LoraLoader', { model, clip, lora_name: 'x', strength_model: 0.8, strength_clip: 1 });
const layered = await encode('a glass bottle with a galaxy inside', skipped);

describe('a picture without a model', () => {
  it('has the size and the number asked for, and colours between black and white', async () => {
    const batch = await sample({ latent_image: await empty(80, 56, 2) });
    expect(sizeOf(batch)).toEqual([80, 56, 2]);
    expect(batch[0]?.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(new Set(batch[0]?.data).size).toBeGreaterThan(500);
  });

  it('is the same for the same settings', async () => {
    expect(await sample()).toEqual(await sample());
  });

  it('differs between the frames of a batch', async () => {
    const [first, second] = await sample({ latent_image: await empty(64, 48, 2) });
    expect(distance(first, second)).toBeGreaterThan(0.01);
  });

  it.each<[string, NodeInputs]>([
    ['the last digit of a large seed', { seed: 18446744073709551615n }],
    ['the positive prompt', { positive: other }],
    ['the negative prompt', { negative: other }],
    ['the number of steps', { steps: 4 }],
    ['the guidance', { cfg: 7 }],
    ['the sampler', { sampler_name: 'ddim' }],
    ['the scheduler', { scheduler: 'karras' }],
    ['a LoRA', { model: styled }],
    ['the text encoder\'s layer', { positive: layered }],
  ])('changes with %s', async (_, changes) => {
    const near = changes['seed'] === undefined ? {} : { seed: 18446744073709551614n };
    expect(distance((await sample(changes))[0], (await sample(near))[0])).toBeGreaterThan(0.005);
  });

  it('takes a seed that is a plain number', async () => {
    expect(await sample({ seed: 42 })).toEqual(await sample());
  });

  it('refuses a size beyond the limit', async () => {
    await expect(sample({ latent_image: await empty(16384, 16384) })).rejects.toMatchObject({ exceptionType: 'torch.OutOfMemoryError' });
  });
});

describe('the steps of a sampler', () => {
  it('are reported one by one with a JPEG each', async () => {
    const { context: listener, heard } = listening(folders);
    await sample({ steps: 4 }, listener);
    expect(heard.steps.map(({ value, max }) => [value, max])).toEqual([[1, 4], [2, 4], [3, 4], [4, 4]]);
    const metadata = await sharp(heard.steps[0]?.preview?.bytes).metadata();
    expect(metadata).toMatchObject({ format: 'jpeg', width: 64, height: 48 });
  });

  it('come closer and closer to the result', async () => {
    const { context: listener, heard } = listening(folders);
    const [result] = await sample({ steps: 5 }, listener);
    const far = await Promise.all(
      heard.steps.map(async ({ preview }) => {
        const { data } = await sharp(preview?.bytes).raw().toBuffer({ resolveWithObject: true });
        return distance(result, { width: 64, height: 48, channels: 3, data: Float32Array.from(data, (value) => value / 255) });
      }),
    );
    expect(far).toEqual(far.toSorted((a, b) => b - a));
    expect(far[0]).toBeGreaterThan(2 * (far[4] ?? 1));
    expect(far[4]).toBeLessThan(0.05);
  });

  it('show previews no longer than 256 pixels', async () => {
    const { context: listener, heard } = listening(folders);
    await sample({ steps: 1, latent_image: await empty(512, 128) }, listener);
    expect(await sharp(heard.steps[0]?.preview?.bytes).metadata()).toMatchObject({ width: 256, height: 64 });
  });

  it('stop at once when interrupted', async () => {
    const abort = new AbortController();
    const { context: listener, heard } = listening(folders, { signal: abort.signal });
    const slow = createNodes({ stepMilliseconds: 60_000 }).get('KSampler')?.run(settings, listener);
    setTimeout(() => abort.abort(), 20);
    await expect(slow).rejects.toBeInstanceOf(Interrupted);
    expect(heard.steps).toEqual([]);
  });

  it('take the time they are given', async () => {
    const before = performance.now();
    await createNodes({ stepMilliseconds: 40 }).get('KSampler')?.run(settings, context);
    expect(performance.now() - before).toBeGreaterThan(3 * 38);
  });
});

describe('painting over a picture', () => {
  const white = new Array<Picture>(1).fill({ width: 64, height: 48, channels: 3, data: new Float32Array(64 * 48 * 3).fill(1) });

  it('keeps more of it the lower denoise is', async () => {
    const [latent] = await run('VAEEncode', { pixels: white, vae });
    const [none] = await decode(latent);
    const far = async (denoise: number): Promise<number> => distance((await sample({ latent_image: latent, denoise }))[0], none);
    expect(await far(0)).toBe(0);
    expect(await far(0.3)).toBeGreaterThan(0);
    expect(await far(0.9)).toBeGreaterThan(await far(0.3));
  });
});

describe('KSamplerAdvanced', () => {
  const advanced = {
    ...settings,
    noise_seed: 42n,
    add_noise: 'enable',
    steps: 10,
    start_at_step: 0,
    end_at_step: 10000,
    return_with_leftover_noise: 'disable',
  };

  it('takes only the steps from start to end', async () => {
    const { context: listener, heard } = listening(folders);
    await run('KSamplerAdvanced', { ...advanced, start_at_step: 6, end_at_step: 8 }, listener);
    expect(heard.steps.map(({ value, max }) => [value, max])).toEqual([[1, 2], [2, 2]]);
  });

  it('hands the latent on untouched when there is no step to take', async () => {
    expect(await run('KSamplerAdvanced', { ...advanced, start_at_step: 10 })).toEqual([settings.latent_image]);
  });

  it('leaves noise if told to', async () => {
    const part = { ...advanced, end_at_step: 5 };
    const [clean] = await decode((await run('KSamplerAdvanced', part))[0]);
    const [rough] = await decode((await run('KSamplerAdvanced', { ...part, return_with_leftover_noise: 'enable' }))[0]);
    expect(distance(clean, rough)).toBeGreaterThan(0.05);
  });

  it('continues what another sampler began', async () => {
    const [half] = await run('KSamplerAdvanced', { ...advanced, end_at_step: 5, return_with_leftover_noise: 'enable' });
    const [whole] = await run('KSamplerAdvanced', { ...advanced, add_noise: 'disable', start_at_step: 5, latent_image: half });
    expect(sizeOf(await decode(whole))).toEqual([64, 48, 1]);
  });
});

describe('latents', () => {
  const shape = (latent: unknown): number[] => {
    const { width, height, count } = Latent.parse(latent);
    return [width, height, count];
  };

  it('have sides that are multiples of 8', async () => {
    expect(shape(await empty(100, 71))).toEqual([96, 64, 1]);
    const [encoded] = await run('VAEEncode', { pixels: [{ width: 19, height: 25, channels: 3, data: new Float32Array(19 * 25 * 3) }], vae });
    expect(shape(encoded)).toEqual([16, 24, 1]);
  });

  it('cannot hold a picture smaller than one cell', async () => {
    const tiny = { width: 7, height: 40, channels: 3, data: new Float32Array(7 * 40 * 3) };
    await expect(run('VAEEncode', { pixels: [tiny], vae })).rejects.toMatchObject({ exceptionType: 'RuntimeError' });
  });

  it('are scaled with or without a picture in them', async () => {
    const to = { upscale_method: 'bislerp', width: 132, height: 0, crop: 'disabled' };
    expect(shape((await run('LatentUpscale', { ...to, samples: await empty(64, 64) }))[0])).toEqual([128, 128, 1]);
    const painted = (await run('KSampler', settings))[0];
    expect(sizeOf(await decode((await run('LatentUpscale', { ...to, samples: painted }))[0]))).toEqual([128, 96, 1]);
  });

  it('are gray where nothing was painted', async () => {
    const [frame] = await decode(await empty());
    expect([...(frame?.data.subarray(0, 3) ?? [])]).toEqual([0.5, 0.5, 0.5]);
  });
});

describe('nodes that need real weights', () => {
  it.each([
    ['ControlNetLoader', { control_net_name: 'canny' }, 'FileNotFoundError'],
    ['UpscaleModelLoader', { model_name: '4x' }, 'FileNotFoundError'],
    ['ImageUpscaleWithModel', { upscale_model: {}, image: [{ width: 1, height: 1, channels: 3, data: new Float32Array(3) }] }, 'RuntimeError'],
  ])('%s refuses', async (type, inputs, exceptionType) => {
    await expect(run(type, inputs)).rejects.toMatchObject({ name: 'NodeFailure', exceptionType });
  });

  it('answer names where names are enough', async () => {
    expect(await run('KSamplerSelect', { sampler_name: 'euler' })).toEqual([{ kind: 'sampler', name: 'euler' }]);
    expect(await run('VAELoader', { vae_name: 'pixel_space' })).toEqual([{ kind: 'vae', name: 'pixel_space' }]);
  });

  it('let a LoRA of strength 0 change nothing', async () => {
    expect(await run('LoraLoader', { model, clip, lora_name: 'x', strength_model: 0, strength_clip: 0 })).toEqual([model, clip]);
  });

  it('let a control net change the conditioning unless its strength is 0', async () => {
    const apply = async (strength: number) =>
      (await run('ControlNetApply', { conditioning: settings.positive, control_net: {}, image: [{ width: 1, height: 1, channels: 3, data: new Float32Array(3) }], strength }))[0];
    expect(await apply(0)).toEqual(settings.positive);
    expect(z.object({ controls: z.array(z.string()) }).parse(await apply(0.5)).controls).toHaveLength(1);
  });
});
