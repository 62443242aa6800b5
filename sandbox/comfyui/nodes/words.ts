import { z } from 'zod';
import type { Family } from './inputs.ts';
import { answer, frames, node, text } from './inputs.ts';

/** A value as Python's str() and json.dumps would show it, pictures by their shape. */
export const shown = (value: unknown): string => {
  const batch = frames.safeParse(value);
  if (batch.success) {
    const [first] = batch.data;
    return `tensor(shape=[${batch.data.length}, ${first?.height}, ${first?.width}, ${first?.channels}])`;
  }
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return value ? 'True' : 'False';
    case 'number':
    case 'bigint':
      return Number.isNaN(value) ? 'nan' : String(value);
    case 'object':
      return value === null ? 'None' : JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
    default:
      return 'None';
  }
};

/** Text nodes. PreviewAny shows whatever it is given in `ui.text`. */
export const words: Family = {
  PrimitiveString: node({ value: text }, ({ value }) => answer(value)),

  StringConcatenate: node({ string_a: text, string_b: text, delimiter: text.default('') }, (inputs) =>
    answer([inputs.string_a, inputs.string_b].join(inputs.delimiter)),
  ),

  PreviewAny: node({ source: z.unknown() }, ({ source }) => ({ outputs: [], ui: { text: [shown(source)] } })),
};
