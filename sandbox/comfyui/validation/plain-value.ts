import type { InputSpec } from '../catalog.ts';
import { isRecord } from '../json.ts';
import { comparable, PythonError, repr, text, toFloat, toInt, truthy } from '../python.ts';
import { notInList, outOfRange, unconvertible, type NodeError } from './refusal.ts';

type Outcome = { readonly value: unknown; readonly error?: undefined } | { readonly error: NodeError };

/** Converts a plain value to the declared type: `"16"` → 16, `"nan"` → NaN (http/prompt-accepted). */
export function converted(spec: InputSpec, sent: unknown): Outcome {
  const value = isRecord(sent) && '__value__' in sent ? sent['__value__'] : sent;
  try {
    return { value: convert(spec.type, value) };
  } catch (error) {
    if (!(error instanceof PythonError)) throw error;
    return { error: unconvertible(spec, value, { text: text(value), reason: error.message }) };
  }
}

function convert(type: unknown, value: unknown): unknown {
  switch (type) {
    case 'INT': return toInt(value);
    case 'FLOAT': return toFloat(value);
    case 'STRING': return text(value);
    case 'BOOLEAN': return truthy(value);
    default: return value;
  }
}

/** Range, then option list. NaN is neither too small nor too big; lists of the newer declaration are not checked. */
export function refused(spec: InputSpec, value: unknown): NodeError | undefined {
  const number = comparable(value);
  const [min, max] = [comparable(spec.options['min']), comparable(spec.options['max'])];
  if (number !== undefined && min !== undefined && number < min) return outOfRange(spec, value, 'min');
  if (number !== undefined && max !== undefined && number > max) return outOfRange(spec, value, 'max');
  if (!Array.isArray(spec.type)) return undefined;
  const options: readonly unknown[] = spec.type;
  return options.some((option) => repr(option) === repr(value)) ? undefined : notInList(spec, value, options);
}
