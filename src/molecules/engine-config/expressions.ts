/**
 * What a step of a pipeline may say of other values: `${input.NAME}`, `${input.NAME:-default}`, `${steps.STEP.outputs[N]}`,
 * and `.url`, `.text` or `.filename` behind the last. Pure. What is put in is never looked at again: a caller's text that
 * looks like an expression stays a text.
 */
import { fail } from '../../core/errors.ts';

const fields = ['url', 'text', 'filename'] as const;
type Field = (typeof fields)[number];

export type Expression =
  | { readonly kind: 'input'; readonly source: string; readonly name: string; readonly fallback: string | undefined }
  /** Without `field`: its URL, or the text that it is. */
  | { readonly kind: 'output'; readonly source: string; readonly step: string; readonly index: number; readonly field: Field | undefined }
  | { readonly kind: 'malformed'; readonly source: string };

export interface ExpressionScope {
  readonly input: Readonly<Record<string, unknown>>;
  readonly steps: Readonly<Record<string, { readonly outputs: readonly { readonly url?: string | undefined; readonly text?: string | undefined; readonly filename: string }[] }>>;
}

const INPUT = /^\$\{input\.([A-Za-z_][\w-]{0,63})(?::-([^}]*))?\}$/;
const OUTPUT = /^\$\{steps\.([A-Za-z][\w-]{0,63})\.outputs\[(\d{1,6})\](?:\.(\w+))?\}$/;
/** Where an expression begins and ends; one that does not end goes on to the end of the text. */
const ANY = /(\$\{[^}]*\}?)/;

/** Where what may be said is told. */
export const allowedExpressions = '${input.NAME}, ${input.NAME:-default}, ${steps.STEP.outputs[0]}, with .url, .text or .filename behind it';

/** A text in pieces: expressions, and what stands between them. */
export function piecesOf(text: string): (string | Expression)[] {
  return text.split(ANY).map((piece, n) => (n % 2 === 0 ? piece : read(piece))).filter((piece) => piece !== '');
}

function read(source: string): Expression {
  const input = INPUT.exec(source);
  if (input) return { kind: 'input', source, name: input[1] ?? '', fallback: input[2] };
  const output = OUTPUT.exec(source);
  const field = fields.find((one) => one === output?.[3]);
  if (!output || (output[3] !== undefined && field === undefined)) return { kind: 'malformed', source };
  return { kind: 'output', source, step: output[1] ?? '', index: Number(output[2]), field };
}

/** Every expression in a value, in objects and lists too. */
export function expressionsIn(value: unknown): Expression[] {
  if (typeof value === 'string') return piecesOf(value).filter((piece) => typeof piece !== 'string');
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return [];
  return (Array.isArray(value) ? value : Object.values(value)).flatMap(expressionsIn);
}

/**
 * `value` with its expressions replaced, in objects and lists too. A text that is one expression becomes the value itself, of
 * any type; inside a longer text it is put in as text. Throws VALIDATION_ERROR for what does not exist.
 */
export function resolveExpressions(value: unknown, scope: ExpressionScope): unknown {
  if (typeof value === 'string') return resolveText(value, scope);
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value;
  return Array.isArray(value) ? value.map((one) => resolveExpressions(one, scope)) : resolveInputs(Object.fromEntries(Object.entries(value)), scope);
}

/** As `resolveExpressions`, for the inputs of a step. */
export function resolveInputs(inputs: Readonly<Record<string, unknown>>, scope: ExpressionScope): Record<string, unknown> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, resolveExpressions(value, scope)]));
}

/**
 * What a value is before anybody gives an input: itself where it has no expression, the default of one that is all of it.
 * Undefined where only a run can tell.
 */
export function knownBefore(value: unknown): { readonly value: unknown } | undefined {
  if (typeof value !== 'string') return { value };
  const pieces = piecesOf(value);
  const [only] = pieces;
  if (pieces.every((piece) => typeof piece === 'string')) return { value };
  return pieces.length === 1 && typeof only === 'object' && only.kind === 'input' && only.fallback !== undefined ? { value: scalar(only.fallback) } : undefined;
}

function resolveText(text: string, scope: ExpressionScope): unknown {
  const pieces = piecesOf(text);
  const [only] = pieces;
  if (pieces.length === 1 && typeof only === 'object') return valueOf(only, scope);
  return pieces.map((piece) => (typeof piece === 'string' ? piece : asText(valueOf(piece, scope)))).join('');
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function valueOf(expression: Expression, scope: ExpressionScope): unknown {
  switch (expression.kind) {
    case 'input':
      return inputValue(expression, scope);
    case 'output':
      return outputValue(expression, scope);
    case 'malformed':
      throw fail('VALIDATION_ERROR', `${expression.source} is no expression; allowed: ${allowedExpressions}.`);
    default:
      return expression satisfies never;
  }
}

/** `null` counts as left out, as typed clients send it. */
function inputValue({ source, name, fallback }: Extract<Expression, { kind: 'input' }>, { input }: ExpressionScope): unknown {
  const value = Object.hasOwn(input, name) ? input[name] : undefined;
  if (value !== undefined && value !== null) return value;
  if (fallback !== undefined) return scalar(fallback);
  const given = Object.keys(input).filter((one) => input[one] !== undefined && input[one] !== null).slice(0, 50);
  throw fail('VALIDATION_ERROR', `${source}: the input "${name}" is missing; given: ${given.join(', ').slice(0, 500) || 'none'}.`, {
    faults: [{ input: name, type: 'required_input_missing', reason: `The pipeline needs it for ${source}.` }],
  });
}

/** A default is a number, true or false where it looks like one, as in YAML; else a text. */
function scalar(text: string): unknown {
  if (/^-?(0|[1-9]\d{0,18})$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : JSON.rawJSON(text);
  if (/^-?\d{1,17}\.\d{1,17}$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

function outputValue({ source, step, index, field }: Extract<Expression, { kind: 'output' }>, { steps }: ExpressionScope): string {
  const done = Object.hasOwn(steps, step) ? steps[step] : undefined;
  if (!done) throw fail('VALIDATION_ERROR', `${source}: step "${step}" has not run; there are: ${Object.keys(steps).join(', ') || 'none'}.`);
  const output = done.outputs[index];
  if (!output) throw fail('VALIDATION_ERROR', `${source}: step "${step}" has ${done.outputs.length} outputs, counted from 0: ${done.outputs.slice(0, 10).map((one) => one.filename).join(', ') || 'none'}.`);
  const value = field === undefined ? (output.url ?? output.text) : output[field];
  if (value !== undefined) return value;
  const there = fields.filter((one) => output[one] !== undefined);
  throw fail('VALIDATION_ERROR', `${source}: that output has no ${field ?? 'url'}; it has: ${there.join(', ')}.`);
}
