/** Where a text stops being JSON. Only asked when parsing failed: the parser itself does not always say. */

const space = /[ \t\n\r]*/y;
const stringToken = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)\b/y;

type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'more' | 'end';

/** What may stand at a place, by what is expected there, and what is expected after it. */
class Scanner {
  readonly #text: string;
  readonly #open: ('{' | '[')[] = [];
  #expected: Expected = 'value';
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.#text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  /** Reads one token. False where the text breaks, or is complete. */
  step(): boolean {
    this.#skip(space);
    const next = this.#text[this.at];
    if (this.#expected === 'value' || this.#expected === 'first value') return this.#value(next);
    if (this.#expected === 'key' || this.#expected === 'first key') return this.#key(next);
    if (this.#expected === 'colon') return next === ':' && this.#take('value');
    return this.#expected === 'more' && this.#more(next);
  }

  #take(expected: Expected): boolean {
    this.at += 1;
    this.#expected = expected;
    return true;
  }

  #close(): boolean {
    this.#open.pop();
    return this.#take(this.#open.length > 0 ? 'more' : 'end');
  }

  #value(next: string | undefined): boolean {
    if (next === '{' || next === '[') {
      this.#open.push(next);
      return this.#take(next === '{' ? 'first key' : 'first value');
    }
    if (next === ']' && this.#expected === 'first value') return this.#close();
    if (!this.#skip(stringToken) && !this.#skip(scalar)) return false;
    this.#expected = this.#open.length > 0 ? 'more' : 'end';
    return true;
  }

  #key(next: string | undefined): boolean {
    if (next === '}' && this.#expected === 'first key') return this.#close();
    if (!this.#skip(stringToken)) return false;
    this.#expected = 'colon';
    return true;
  }

  #more(next: string | undefined): boolean {
    const inside = this.#open.at(-1);
    if (next === ',') return this.#take(inside === '{' ? 'key' : 'value');
    return next === (inside === '{' ? '}' : ']') && this.#close();
  }
}

/** Index of the first character that cannot stand where it stands; the length of the text when it ends too early. */
export function brokenAt(text: string): number {
  const scanner = new Scanner(text);
  let more = true;
  while (more) more = scanner.step();
  return scanner.at;
}

/** Says what stands at the broken place: `position 5 (line 1, column 6): unexpected "x"`. */
export function describeBreak(text: string): string {
  const at = brokenAt(text);
  const before = text.slice(0, at).split('\n');
  const found = at >= text.length ? 'the text ends too early' : `unexpected ${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))}`;
  return `position ${at} (line ${before.length}, column ${(before.at(-1) ?? '').length + 1}): ${found}`;
}
