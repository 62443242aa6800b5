import { Float, float, floatText, integer, isRecord } from './json.ts';

/**
 * The few habits of Python that reach the wire: how values turn into text, and how `"16"` becomes 16
 * (http/prompt-rejected-validation, http/prompt-accepted).
 */

/** An exception by its Python class name. */
export class PythonError extends Error {
  override readonly name = 'PythonError';
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** `str(value)`. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : repr(value);
}

/** `repr(value)` of something that came out of JSON. */
export function repr(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : numberText(value);
  if (value instanceof Float) return numberText(value.value);
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (isRecord(value)) return `{${Object.entries(value).map(([key, member]) => `${quoted(key)}: ${repr(member)}`).join(', ')}}`;
  return typeof value;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return Number.isFinite(value) ? floatText(value) : value > 0 ? 'inf' : '-inf';
}

function quoted(value: string): string {
  const mark = value.includes("'") && !value.includes('"') ? '"' : "'";
  const escaped = value.replaceAll('\\', '\\\\').replaceAll(mark, `\\${mark}`).replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
  return `${mark}${escaped}${mark}`;
}

/** `type(value).__name__`. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'int' : 'float';
  if (value instanceof Float) return 'float';
  return Array.isArray(value) ? 'list' : 'dict';
}

/** `int(value)`. */
export function toInt(value: unknown): number | bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return truncated(value);
  if (value instanceof Float) return truncated(value.value);
  if (typeof value === 'string') return parsedInt(value);
  throw new PythonError('TypeError', `int() argument must be a string, a bytes-like object or a real number, not '${typeName(value)}'`);
}

function truncated(value: number): number | bigint {
  if (Number.isNaN(value)) throw new PythonError('ValueError', 'cannot convert float NaN to integer');
  if (!Number.isFinite(value)) throw new PythonError('OverflowError', 'cannot convert float infinity to integer');
  return integer(BigInt(Math.trunc(value)));
}

function parsedInt(value: string): number | bigint {
  const digits = value.trim();
  if (!/^[+-]?\d+(_\d+)*$/.test(digits)) throw new PythonError('ValueError', `invalid literal for int() with base 10: ${quoted(value)}`);
  const magnitude = BigInt(digits.replace(/^[+-]/, '').replaceAll('_', ''));
  return integer(digits.startsWith('-') ? -magnitude : magnitude);
}

/** `float(value)`. */
export function toFloat(value: unknown): number | Float {
  if (value instanceof Float) return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return float(Number(value));
  if (typeof value === 'string') return float(parsedFloat(value));
  throw new PythonError('TypeError', `float() argument must be a string or a real number, not '${typeName(value)}'`);
}

function parsedFloat(value: string): number {
  const word = value.trim().toLowerCase();
  if (/^[+-]?nan$/.test(word)) return NaN;
  if (/^[+-]?inf(inity)?$/.test(word)) return word.startsWith('-') ? -Infinity : Infinity;
  if (!/^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[+-]?\d+)?$/.test(word)) {
    throw new PythonError('ValueError', `could not convert string to float: ${quoted(value)}`);
  }
  return Number(word.replaceAll('_', ''));
}

/** `bool(value)`. */
export function truthy(value: unknown): boolean {
  if (value instanceof Float) return value.value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (isRecord(value)) return Object.keys(value).length > 0;
  return typeof value === 'number' ? value !== 0 : Boolean(value);
}

/** The value as a JavaScript number (or bigint) for comparing; undefined if it is none. */
export function comparable(value: unknown): number | bigint | undefined {
  if (value instanceof Float) return value.value;
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
}
