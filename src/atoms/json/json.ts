/**
 * JSON that keeps every digit. Integers beyond 2^53 become `JSON.rawJSON` values, which `stringifyJson` writes back as
 * they came. Such a value is an object: it must not cross structuredClone, postMessage or IPC except as text.
 */

declare global {
  /** What Node 24 has and the type library lacks. */
  interface JSON {
    rawJSON(text: string): object;
    isRawJSON(value: unknown): value is { readonly rawJSON: string };
    parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  }
}

/** A run of 16 digits where a value begins: only then the slower, lossless way is worth taking. */
const LONG_INTEGER = /[[:,\s]-?\d{16}/;
const INTEGER = /^-?\d+$/;

function keepDigits(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || context.source === undefined) return value;
  const lossy = INTEGER.test(context.source) ? !Number.isSafeInteger(value) : !Number.isFinite(value);
  return lossy ? JSON.rawJSON(context.source) : value;
}

/** Parses text, digits kept. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  const parsed: unknown = LONG_INTEGER.test(text) || /^-?\d{16}/.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
  return parsed;
}

const STRING_OR_NAN = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/** As `parseJson`, but bare NaN and Infinity, which Python writes, become null. */
export function parseLenientJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const repaired = text.replace(STRING_OR_NAN, (token) => (token.startsWith('"') ? token : 'null'));
    if (repaired === text) throw error;
    return parseJson(repaired);
  }
}

/** Writes a value, raw integers included. */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value);
}
