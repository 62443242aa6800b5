/** What a list of values holds, found out once for each list: a workflow may choose from a long one thousands of times. Pure. */
import { isListing } from './nearest.ts';

export interface Choices {
  readonly has: (value: string) => boolean;
  /** Names files of callers. */
  readonly listing: boolean;
  /** Names models. */
  readonly models: boolean;
}

const MODEL = /\.(safetensors|sft|ckpt|pt|pt2|pth|bin|gguf|onnx|engine)$/i;

export const namesModel = (value: string): boolean => MODEL.test(value);

export type ReadChoices = (options: readonly string[]) => Choices;

export function choicesReader(): ReadChoices {
  const known = new Map<readonly string[], Choices>();
  return (options) => {
    const before = known.get(options);
    if (before) return before;
    const values = new Set(options);
    const choices = { has: (value: string) => values.has(value), listing: isListing(options), models: options.some(namesModel) };
    known.set(options, choices);
    return choices;
  };
}
