/** What a refused graph means, in plain words. Pure. */
import type { Fault } from '../../models/problem.ts';

const MODEL_FILE = /\.(?:safetensors|sft|ckpt|pt2?|pth|bin|gguf|onnx|engine)$/i;
/** As ComfyUI says it: `Value not in list: ckpt_name: 'a.safetensors' not in […]`. */
const NOT_IN_LIST = /: '([^'\n]{1,300})' not in /;

/** Undefined where the faults say it best themselves. */
export function hintOf(faults: readonly Fault[]): string | undefined {
  for (const { type, reason, class_type: node, nearest } of faults) {
    const name = NOT_IN_LIST.exec(reason)?.[1];
    if (type !== 'value_not_in_list' || name === undefined || !MODEL_FILE.test(name)) continue;
    return `The server has no model "${name}"${node === undefined ? '' : ` for ${node}`}: choose one that it has${nearest === undefined ? '' : `, such as "${nearest}"`}, or have it put there.`;
  }
  return undefined;
}
