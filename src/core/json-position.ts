/**
 * Where a text stops being JSON. Only asked when parsing failed: the parser itself does not always say. Letter by
 * letter, since a pattern runs out of stack on a string of millions of escapes.
 */

import { limits } from '../constants/limits.ts';

const code = (letter: string): number => letter.charCodeAt(0);
const [QUOTE, BACKSLASH, COMMA, COLON, MINUS, DOT] = [code('"'), code('\\'), code(','), code(':'), code('-'), code('.')];
const [OBJECT, OBJECT_END, LIST, LIST_END] = [code('{'), code('}'), code('['), code(']')];
const words = ['true', 'false', 'null'];

const isSpace = (letter: number): boolean => letter === 32 || letter === 10 || letter === 13 || letter === 9;
const isDigit = (letter: number): boolean => letter >= 48 && letter <= 57;
const wordLetter = /[\w.+-]/;

/** Index behind a string that begins at `start`, or undefined where it is none. */
function afterString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at += 1) {
    const letter = text.charCodeAt(at);
    if (letter === QUOTE) return at + 1;
    if (letter < 32) return undefined;
    if (letter !== BACKSLASH) continue;
    at += 1;
    const escaped = text[at] ?? '';
    if (escaped === 'u' ? !/^[0-9a-f]{4}$/i.test(text.slice(at + 1, at + 5)) : !'"\\/bfnrt'.includes(escaped) || escaped === '') return undefined;
    if (escaped === 'u') at += 4;
  }
  return undefined;
}

function afterDigits(text: string, start: number): number {
  let at = start;
  while (isDigit(text.charCodeAt(at))) at += 1;
  return at;
}

/** Index behind a number that begins at `start`, or undefined where it is none. */
function afterNumber(text: string, start: number): number | undefined {
  const whole = text.charCodeAt(start) === MINUS ? start + 1 : start;
  let at = text[whole] === '0' ? whole + 1 : afterDigits(text, whole);
  if (at === whole) return undefined;
  if (text.charCodeAt(at) === DOT) {
    const fraction = at + 1;
    at = afterDigits(text, fraction);
    if (at === fraction) return undefined;
  }
  if (text[at] === 'e' || text[at] === 'E') {
    const exponent = at + (text[at + 1] === '+' || text[at + 1] === '-' ? 2 : 1);
    at = afterDigits(text, exponent);
    if (at === exponent) return undefined;
  }
  return at;
}

/** Index behind a string, number or word that begins at `start`, or undefined where there is none. */
function afterScalar(text: string, start: number): number | undefined {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return afterString(text, start);
  const word = words.find((one) => text.startsWith(one, start));
  const end = word === undefined ? afterNumber(text, start) : start + word.length;
  return end !== undefined && wordLetter.test(text[end] ?? '') ? undefined : end;
}

type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'more' | 'end';

/** What may stand at a place, by what is expected there, and what is expected after it. */
class Scanner {
  readonly #text: string;
  /** The letters that close what is open. */
  readonly #open: number[] = [];
  #expected: Expected = 'value';
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether a value has been read to its end. */
  get complete(): boolean {
    return this.#expected === 'end';
  }

  /** Reads one token. False where the text breaks, or is complete. */
  step(): boolean {
    while (isSpace(this.#text.charCodeAt(this.at))) this.at += 1;
    const next = this.#text.charCodeAt(this.at);
    if (this.#expected === 'value' || this.#expected === 'first value') return this.#value(next);
    if (this.#expected === 'key' || this.#expected === 'first key') return this.#key(next);
    if (this.#expected === 'colon') return next === COLON && this.#take('value');
    return this.#expected === 'more' && this.#more(next);
  }

  #take(expected: Expected): boolean {
    return this.#go(this.at + 1, expected);
  }

  #go(to: number | undefined, expected: Expected): boolean {
    if (to === undefined) return false;
    this.at = to;
    this.#expected = expected;
    return true;
  }

  #close(): boolean {
    this.#open.pop();
    return this.#take(this.#open.length > 0 ? 'more' : 'end');
  }

  #value(next: number): boolean {
    if (next === OBJECT || next === LIST) {
      this.#open.push(next === OBJECT ? OBJECT_END : LIST_END);
      return this.#take(next === OBJECT ? 'first key' : 'first value');
    }
    if (next === LIST_END && this.#expected === 'first value') return this.#close();
    return this.#go(afterScalar(this.#text, this.at), this.#open.length > 0 ? 'more' : 'end');
  }

  #key(next: number): boolean {
    if (next === OBJECT_END && this.#expected === 'first key') return this.#close();
    return next === QUOTE && this.#go(afterString(this.#text, this.at), 'colon');
  }

  #more(next: number): boolean {
    const inside = this.#open.at(-1);
    if (next === COMMA) return this.#take(inside === OBJECT_END ? 'key' : 'value');
    return next === inside && this.#close();
  }
}

/** A text of so many tokens is not read on to know whether it is JSON: it is refused in any case, and costs too much. */
const enough = limits.jsonValues + 1;

/** Reads as far as the text is JSON, at most so many tokens. */
function scan(text: string, tokens = Number.POSITIVE_INFINITY): { readonly at: number; readonly complete: boolean; readonly left: number } {
  const scanner = new Scanner(text);
  let left = tokens;
  while (left > 0 && scanner.step()) left -= 1;
  return { at: scanner.at, complete: scanner.complete, left };
}

/** Index of the first character that cannot stand where it stands; the length of the text when it ends too early, or is whole. */
export function brokenAt(text: string): number {
  return scan(text).at;
}

/** Whether the text is JSON from its beginning to its end, at any depth; of a text with more values than are taken, at its beginning. */
export function isWhole(text: string): boolean {
  const { at, complete, left } = scan(text, enough);
  return left === 0 || (complete && at === text.length);
}

/** Where a text breaks, counted from 1, and what stands there. */
export interface Break {
  readonly line: number;
  readonly column: number;
  readonly found: string;
}

/** The broken place of a text by line and column. */
export function breakOf(text: string, at = brokenAt(text)): Break {
  let [line, start] = [1, 0];
  for (let end = text.indexOf('\n'); end >= 0 && end < at; end = text.indexOf('\n', start)) [line, start] = [line + 1, end + 1];
  const found = at >= text.length ? 'the text ends too early' : `unexpected ${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))}`;
  return { line, column: at - start + 1, found };
}

/** Says what stands at the broken place: `position 5 (line 1, column 6): unexpected "x"`. */
export function describeBreak(text: string): string {
  const at = brokenAt(text);
  const { line, column, found } = breakOf(text, at);
  return `position ${at} (line ${line}, column ${column}): ${found}`;
}
