/** What can be known of a JSON text in one pass over its letters, before it is parsed. Pure. */

export interface Survey {
  /** More values than asked for: the rest of the text was not looked at. */
  readonly crowded: boolean;
  /** Levels of lists and objects inside each other. */
  readonly depth: number;
  /** Where numbers stand that a JavaScript number cannot hold: integers beyond 2^53, and what overflows. Start and end in turn. */
  readonly numbers: readonly number[];
}

const [QUOTE, BACKSLASH, MINUS, PLUS, DOT] = [34, 92, 45, 43, 46];
const [BRACKET, BRACE, COMMA] = [91, 123, 44];

/**
 * Costs each letter once, and no memory but for the numbers found. Says nothing of whether the text is JSON. Ends where
 * there are more than `values`: each list, each object and each comma brings one, so that none is missed.
 */
export function survey(text: string, values = Number.POSITIVE_INFINITY): Survey {
  const numbers: number[] = [];
  let [depth, deepest, count] = [0, 0, 0];
  for (let at = 0; at < text.length && count <= values; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COMMA) count += 1;
    else if (code === BRACKET || code === BRACE) {
      deepest = Math.max(deepest, (depth += 1));
      count += 1;
    } else if (code === BRACKET + 2 || code === BRACE + 2) depth -= 1;
    else if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(text, at);
      if (end - at > 3 && isLossy(text, at, end)) numbers.push(at, end);
      at = end - 1;
    }
  }
  return { crowded: count > values, depth: deepest, numbers };
}

/** Index of the quotation mark that closes the string, or the length of the text. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 0) return end;
  }
  return text.length;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  for (let code = text.charCodeAt(end); isDigit(code) || code === DOT || code === MINUS || code === PLUS || code === 101 || code === 69; code = text.charCodeAt(end)) end += 1;
  return end;
}

/** Up to 15 digits without an exponent are always safe. */
function isLossy(text: string, start: number, end: number): boolean {
  const source = text.slice(start, end);
  if (source.length <= 15 && !/e/i.test(source)) return false;
  return /^-?\d+$/.test(source) ? !Number.isSafeInteger(Number(source)) : !Number.isFinite(Number(source));
}
