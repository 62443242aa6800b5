import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { nodes } from './index.ts';

const Declaration = z.object({ name: z.string(), input: z.object({ required: z.record(z.string(), z.array(z.unknown())) }) });
const text = await readFile(new URL('../object-info.json', import.meta.url), 'utf8');
const declared = z.record(z.string(), Declaration).parse(JSON.parse(text));

const choices = (type: string, input: string): unknown => declared[type]?.input.required[input]?.[0];

describe('the table of nodes', () => {
  it('holds exactly what object-info.json declares', () => {
    expect([...nodes.keys()].toSorted()).toEqual(Object.keys(declared).toSorted());
    expect(Object.entries(declared).filter(([key, { name }]) => key !== name)).toEqual([]);
  });

  it('keeps every digit of the largest seed', () => {
    expect(text.match(/"max": 18446744073709551615\b/gu)).toHaveLength(3);
  });

  it('offers names that famous graphs load', () => {
    expect(choices('CheckpointLoaderSimple', 'ckpt_name')).toContain('v1-5-pruned-emaonly-fp16.safetensors');
    expect(choices('CheckpointLoaderSimple', 'ckpt_name')).toContain('sd_xl_base_1.0.safetensors');
    expect(choices('VAELoader', 'vae_name')).toContain('vae-ft-mse-840000-ema-pruned.safetensors');
    expect(choices('LoraLoader', 'lora_name')).not.toEqual([]);
  });

  it('leaves lists empty that the server fills, or that no weights stand behind', () => {
    expect([choices('LoadImage', 'image'), choices('LoadImageMask', 'image'), choices('ControlNetLoader', 'control_net_name')]).toEqual([[], [], []]);
  });

  it('has one node that is never answered from the cache', () => {
    expect([...nodes].filter(([, node]) => node.neverCached).map(([name]) => name)).toEqual(['SaveImageWebsocket']);
  });

  it('watches the files of the loaders', () => {
    expect([...nodes].filter(([, node]) => 'fingerprint' in node && 'validate' in node).map(([name]) => name)).toEqual(['LoadImage', 'LoadImageMask']);
  });
});
