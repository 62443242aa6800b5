/** One value for one input of a template: what it becomes, or why it is not taken. Pure. */
import { limits } from '../../constants/limits.ts';
import type { TemplateInput } from '../../models/template.ts';
import { integerIn, rangeOf, toJson } from './integers.ts';
import { near, shown } from './words.ts';

/** `type` is ComfyUI's own word where it has one. */
export interface Refusal {
  readonly type: string;
  readonly reason: string;
  readonly nearest?: string;
}

export type Reading = { readonly value: unknown } | { readonly refusal: Refusal };

type Of<T extends TemplateInput['type']> = Extract<TemplateInput, { type: T }>;

/** Reads `value`, which is neither absent nor to be drawn. */
export function readValue(input: TemplateInput, value: unknown): Reading {
  switch (input.type) {
    case 'string':
      return text(input, value);
    case 'integer':
      return integer(input, value);
    case 'number':
      return number(input, value);
    case 'boolean':
      return typeof value === 'boolean' ? { value } : wrongType(value, 'true or false');
    case 'enum':
      return choice(input, value);
    case 'image':
    case 'video':
    case 'audio':
      return media(input, value);
    default:
      return input satisfies never;
  }
}

const refuse = (type: string, reason: string, more: { nearest?: string } = {}): Reading => ({ refusal: { type, reason, ...more } });
const wrongType = (value: unknown, allowed: string): Reading => refuse('invalid_input_type', `${shown(value)} is not taken; allowed: ${allowed}.`);
const tooSmall = (value: string, min: string): Reading => refuse('value_smaller_than_min', `${value} is less than ${min}, the least that is allowed.`);
const tooBig = (value: string, max: string): Reading => refuse('value_bigger_than_max', `${value} is more than ${max}, the most that is allowed.`);

function text({ min_length: min, max_length: max }: Of<'string'>, value: unknown): Reading {
  if (typeof value !== 'string') return wrongType(value, 'a text');
  if (min !== undefined && value.length < min) return tooSmall(`A text of ${value.length} characters`, `${min} characters`);
  return max !== undefined && value.length > max ? tooBig(`A text of ${value.length} characters`, `${max} characters`) : { value };
}

function integer(input: Of<'integer'>, value: unknown): Reading {
  const given = integerIn(value);
  const { min, max } = rangeOf(input);
  if (given === undefined) return wrongType(value, `a whole number from ${min} to ${max}${input.default === 'random' ? ', or "random"' : ''}`);
  if (given < min) return tooSmall(String(given), String(min));
  return given > max ? tooBig(String(given), String(max)) : { value: toJson(given) };
}

function number({ min, max }: Of<'number'>, value: unknown): Reading {
  const given = JSON.isRawJSON(value) ? Number(value.rawJSON) : value;
  if (typeof given !== 'number' || !Number.isFinite(given)) return wrongType(value, 'a number');
  if (min !== undefined && given < min) return tooSmall(String(given), String(min));
  return max !== undefined && given > max ? tooBig(String(given), String(max)) : { value };
}

function choice({ values }: Of<'enum'>, value: unknown): Reading {
  const allowed = `one of ${values.slice(0, limits.faults).join(', ')}`;
  if (typeof value !== 'string') return wrongType(value, allowed);
  return values.includes(value) ? { value } : refuse('value_not_in_list', `${shown(value)} is not ${allowed}.`, near(value, values));
}

function media({ type }: Of<'image' | 'video' | 'audio'>, value: unknown): Reading {
  if (typeof value !== 'string' || value === '') return wrongType(value, `the ${type} as the name of an upload, a path below the input folder, a URL or a data URI`);
  return value.length > limits.mediaText ? tooBig(`A text of ${value.length} characters`, `${limits.mediaText} characters`) : { value };
}
