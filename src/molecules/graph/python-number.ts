/** Numbers as ComfyUI's Python reads the value of an INT or a FLOAT. Pure. */

/** NaN for a number of which nobody says here how great it is; undefined where Python raises. */
export type Reading = number | bigint | undefined;

/** Digits that Python reads as one integer. */
const LONGEST = 4_300;
const INTEGER = /^[+-]?\p{Nd}+(?:_\p{Nd}+)*$/u;
const DECIMAL = /^[+-]?(?:\p{Nd}+(?:_\p{Nd}+)*(?:\.(?:\p{Nd}+(?:_\p{Nd}+)*)?)?|\.\p{Nd}+(?:_\p{Nd}+)*)(?:e[+-]?\p{Nd}+(?:_\p{Nd}+)*)?$/iu;
const NAMED = /^[+-]?(?:nan|inf|infinity)$/i;

/** `int(value)`: cuts off fractions, reads texts of digits. */
export function asInt(value: unknown): Reading {
  if (JSON.isRawJSON(value)) return ofRaw(value.rawJSON, true);
  if (typeof value === 'number') return Number.isFinite(value) ? Math.trunc(value) : undefined;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string') return undefined;
  const text = trimmed(value);
  if (text.length > 2 * LONGEST || !INTEGER.test(text)) return undefined;
  const digits = text.replaceAll('_', '').replace(/^\+/, '');
  if (digits.length > LONGEST) return undefined;
  return isAscii(digits) ? BigInt(digits) : Number.NaN;
}

/** `float(value)`. */
export function asFloat(value: unknown): Reading {
  if (JSON.isRawJSON(value)) return ofRaw(value.rawJSON, false);
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string') return undefined;
  const text = trimmed(value);
  if (NAMED.test(text)) return Number.NaN;
  if (!DECIMAL.test(text)) return undefined;
  return isAscii(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
}

/** What a JavaScript number could not hold: an integer of any length, or one that overflows. */
function ofRaw(text: string, whole: boolean): Reading {
  if (/^-?\d+$/.test(text)) return text.length > LONGEST ? undefined : BigInt(text);
  return whole ? undefined : Number.NaN;
}

/** Four controls and NEL are white space to Python, none to JavaScript. */
const trimmed = (text: string): string => text.replace(/[\u001c-\u001f\u0085]/g, ' ').trim();

const isAscii = (text: string): boolean => !/[^\u0000-\u007f]/.test(text);
