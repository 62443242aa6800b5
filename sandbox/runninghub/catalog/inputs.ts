import type { AppInput } from './catalog.ts';

type Where = readonly [nodeId: string, nodeName: string, fieldName: string];
interface Told {
  readonly cn: string;
  readonly en?: string;
}

/** One function per kind of input, each with the grammar its fieldData is known to have. */
export const input = {
  text: (where: Where, value: string, told: Told): AppInput => made(where, { type: 'STRING', value, data: '["STRING", {"multiline": true}]' }, told),
  whole: (where: Where, value: number, told: Told): AppInput => made(where, { type: 'INT', value: String(value), data: `["INT", {"default": ${value}, "min": 1, "max": 4096}]` }, told),
  decimal: (where: Where, value: number, told: Told): AppInput =>
    made(where, { type: 'FLOAT', value: String(value), data: `["FLOAT", {"default": ${value}, "min": 0.0, "max": 30.0, "step": 0.1}]` }, told),
  flag: (where: Where, value: boolean, told: Told): AppInput => made(where, { type: 'BOOLEAN', value: String(value), data: `["BOOLEAN", {"default": ${value}}]` }, told),
  checkpoint: (where: Where, value: string, told: Told): AppInput => made(where, { type: 'CKPT', value, data: '[{},{"tooltip":"The name of the checkpoint (model) to load."}]' }, told),
  lora: (where: Where, value: string, told: Told): AppInput => made(where, { type: 'LORA', value, data: '[{},{"tooltip":"The name of the LoRA."}]' }, told),
  picture: (where: Where, value: string, told: Told): AppInput => made(where, { type: 'IMAGE', value, data: JSON.stringify([[value, 'keep_alive.txt'], { image_upload: true }]) }, told),
  audio: (where: Where, value: string, told: Told): AppInput => made(where, { type: 'AUDIO', value, data: JSON.stringify([[value], { audio_upload: true }]) }, told),
  video: (where: Where, value: string, told: Told): AppInput => made(where, { type: 'VIDEO', value, data: null }, told),
  list: (where: Where, options: readonly string[], told: Told): AppInput => made(where, { type: 'LIST', value: options[0] ?? '', data: choices(options) }, told),
  switch: (where: Where, options: readonly string[], told: Told): AppInput => made(where, { type: 'SWITCH', value: options[0] ?? '', data: choices(options) }, told),
};

/** The last element is the default and no option. */
function choices(options: readonly string[]): string {
  return JSON.stringify([...options.map((name) => ({ name, index: name, description: '' })), { default: options[0], description: '忽略' }]);
}

function made([nodeId, nodeName, fieldName]: Where, { type, value, data }: { type: string; value: string; data: string | null }, { cn, en }: Told): AppInput {
  return { nodeId, nodeName, fieldName, fieldValue: value, fieldData: data, fieldType: type, description: cn, descriptionCn: null, descriptionEn: en ?? null };
}
