/** The inputs of a template for the API document. Pure. */
import { z } from 'zod';
import type { Template, TemplateInput } from '../../models/template.ts';
import { isRequired } from './check.ts';
import { drawable, rangeOf, toJson } from './integers.ts';

/**
 * An object with the inputs of the template, under the id `inputs-NAME`. It is there to be read: `checkInputs` is what
 * checks. Numbers beyond 2^53, which readers of JSON round, stand in its words.
 */
export function inputsSchema(template: Template): z.ZodType {
  return z.strictObject(fieldsOf(template.inputs)).meta({ id: `inputs-${template.name}`, title: template.title, description: template.description || `Inputs of the template "${template.name}".` });
}

/** One schema per input. */
export function fieldsOf(inputs: Template['inputs']): Record<string, z.ZodType> {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, field(input)]));
}

function field(input: TemplateInput): z.ZodType {
  const { schema, words = [] } = described(input);
  const description = [input.description, ...words].filter((one) => one !== undefined && one !== '').join(' ');
  const whole = description === '' ? schema : schema.meta({ description });
  return isRequired(input) ? whole : whole.optional();
}

interface Described {
  readonly schema: z.ZodType;
  readonly words?: readonly string[];
}

function described(input: TemplateInput): Described {
  switch (input.type) {
    case 'string':
      return { schema: withDefault(bounded(z.string(), [input.min_length, input.max_length]), input.default) };
    case 'integer':
      return integer(input);
    case 'number':
      return { schema: withDefault(bounded(z.number(), [input.min, input.max]), input.default) };
    case 'boolean':
      return { schema: withDefault(z.boolean(), input.default) };
    case 'enum':
      return { schema: withDefault(z.enum(input.values), input.default) };
    case 'image':
    case 'video':
    case 'audio':
      return { schema: withDefault(z.string().min(1), input.default), words: [`The ${input.type}: the name of an upload, a path below the input folder, a URL or a data URI.`] };
    default:
      return input satisfies never;
  }
}

function bounded<T extends { min(value: number): T; max(value: number): T }>(schema: T, [min, max]: readonly [number | undefined, number | undefined]): T {
  const least = min === undefined ? schema : schema.min(min);
  return max === undefined ? least : least.max(max);
}

const withDefault = <T>(schema: z.ZodType<T>, value: z.core.util.NoUndefined<T> | undefined): z.ZodType => (value === undefined ? schema : schema.default(value));

/** zod's own integers end at 2^53. */
function integer(input: Extract<TemplateInput, { type: 'integer' }>): Described {
  const range = rangeOf(input);
  const random = input.default === 'random';
  const exact = (value: unknown, name: string): Record<string, unknown> => (typeof value === 'number' ? { [name]: value } : {});
  const facts = { ...exact(toJson(range.min), 'minimum'), ...exact(toJson(range.max), 'maximum'), ...(random ? {} : exact(input.default, 'default')) };
  const words = [`From ${range.min} to ${range.max}.`, ...(random ? [`Left out, or "random": a new random number from ${drawable(range).min} to ${drawable(range).max} for every task.`] : []), ...defaultWords(input.default)];
  return { schema: z.unknown().meta({ type: 'integer', ...facts }), words };
}

const defaultWords = (value: unknown): string[] => (JSON.isRawJSON(value) ? [`Default: ${value.rawJSON}.`] : []);
