/**
 * JSON that keeps every digit. Integers beyond 2^53 become `JSON.rawJSON` values, which `stringifyJson` writes back as
 * they came. Such a value is an object: it must not cross structuredClone, postMessage or IPC except as text.
 */

import { randomUUID } from 'node:crypto';
import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';
import { endOfString, type Survey, survey } from './survey.ts';

declare global {
  /** What Node 24 has and the type library lacks. */
  interface JSON {
    rawJSON(text: string): object;
    isRawJSON(value: unknown): value is { readonly rawJSON: string };
  }
}

/**
 * Parses the text of a caller, digits kept. Throws SyntaxError, and VALIDATION_ERROR for one that is nested deeper than
 * `limits.jsonDepth`, where whoever walks through it later would run out of stack, or holds more than `limits.longNumbers`
 * or, JSON or not, `limits.jsonValues`.
 */
export function parseJson(text: string): unknown {
  const found = survey(text, limits.jsonValues);
  if (found.crowded) throw fail('VALIDATION_ERROR', `the JSON holds more than ${limits.jsonValues} values, lists and objects included; up to as many are taken.`);
  if (found.depth > limits.jsonDepth) throw fail('VALIDATION_ERROR', `the JSON is nested ${found.depth} levels deep; up to ${limits.jsonDepth} are taken.`);
  const long = found.numbers.length / 2;
  if (long > limits.longNumbers) throw fail('VALIDATION_ERROR', `the JSON holds ${long} numbers beyond 2^53; up to ${limits.longNumbers} are taken.`);
  return parseWith(text, found);
}

/** A reviver would make V8 keep the source of every value; so the long numbers alone pass through as marked texts. */
function parseWith(text: string, { numbers }: Survey): unknown {
  if (numbers.length === 0) return JSON.parse(text) as unknown;
  const mark = `${randomUUID()}:`;
  const pieces: string[] = [];
  let from = 0;
  for (let n = 0; n < numbers.length; n += 2) {
    const [start, end] = [numbers[n], numbers[n + 1]];
    pieces.push(text.slice(from, start), '"', mark, text.slice(start, end), '"');
    from = end ?? from;
  }
  pieces.push(text.slice(from));
  const whole: unknown[] = [parsedOr(pieces.join(''), text)];
  unmark(whole, mark, numbers.length / 2);
  return whole[0];
}

/** Parses `marked`; where it is no JSON, the error is that of the text as it came. */
function parsedOr(marked: string, text: string): unknown {
  try {
    return JSON.parse(marked);
  } catch (error) {
    JSON.parse(text);
    throw error;
  }
}

/** Puts the digits in the places of `left` marked texts, wherever they lie, without recursion. */
function unmark(whole: unknown[], mark: string, left: number): void {
  const open: object[] = [whole];
  const visit = (inside: object, key: string | number, value: unknown): void => {
    if (typeof value === 'object' && value !== null) open.push(value);
    if (typeof value !== 'string' || !value.startsWith(mark)) return;
    Reflect.set(inside, key, JSON.rawJSON(value.slice(mark.length)));
    left -= 1;
  };
  for (let inside = open.pop(); inside !== undefined && left > 0; inside = open.pop()) {
    if (Array.isArray(inside)) for (const [index, value] of inside.entries()) visit(inside, index, value);
    else for (const key of Object.keys(inside)) visit(inside, key, Reflect.get(inside, key));
  }
}

/** As `parseJson`, at any depth; bare NaN and Infinity, which Python writes, become null. Throws SyntaxError. */
export function parseLenientJson(text: string): unknown {
  try {
    return parseWith(text, survey(text));
  } catch (error) {
    const repaired = withoutNan(text);
    if (repaired === text) throw error;
    return parseWith(repaired, survey(repaired));
  }
}

function withoutNan(text: string): string {
  const pieces: string[] = [];
  const next = /"|-?\b(?:NaN|Infinity)\b/g;
  let from = 0;
  for (let found = next.exec(text); found !== null; found = next.exec(text)) {
    if (found[0] === '"') next.lastIndex = endOfString(text, found.index) + 1;
    else {
      pieces.push(text.slice(from, found.index), 'null');
      from = next.lastIndex;
    }
  }
  return pieces.join('') + text.slice(from);
}

/** Writes a value, raw integers included. */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value);
}
