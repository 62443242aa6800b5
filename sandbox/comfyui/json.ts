/**
 * JSON as the recorded server reads and writes it: every digit of a 64-bit seed survives, `5.0` stays `5.0`, text is
 * ASCII only, separators are ", " and ": ", and NaN goes out bare (http/prompt-accepted, ws 32).
 * Numbers in memory: a whole number is a `number` or, beyond 2^53, a `bigint`; a float with a whole value is a `Float`.
 */

/** A float whose value happens to be whole; a plain `number` would lose the `.0`. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A float as it is kept in memory. */
export function float(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}

/** A whole number as it is kept in memory. */
export function integer(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Float);
}

/** Parses JSON text without losing digits. Throws SyntaxError as JSON.parse does, also for a byte order mark. */
export function parseJson(text: string): unknown {
  const exact = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined ? exactNumber(value, context.source) : value;
  return JSON.parse(text, exact);
}

function exactNumber(value: number, source: string): number | bigint | Float {
  return /[.eE]/.test(source) ? float(value) : integer(BigInt(source));
}

/** Writes what `parseJson` gives, and Maps as objects in their own order. `undefined` members are left out. */
export function writeJson(value: unknown): string {
  switch (typeof value) {
    case 'string': return quote(value);
    case 'number': return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : floatText(value);
    case 'bigint': case 'boolean': return String(value);
    case 'object': return value === null ? 'null' : writeObject(value);
    default: return 'null';
  }
}

function writeObject(value: object): string {
  if (value instanceof Float) return floatText(value.value);
  if (Array.isArray(value)) return `[${value.map(writeJson).join(', ')}]`;
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  const members = entries.filter(([, member]) => member !== undefined).map(([key, member]) => `${quote(String(key))}: ${writeJson(member)}`);
  return `{${members.join(', ')}}`;
}

function quote(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A float as Python prints it: `1e-05`, `1e+16`, `0.5`, `3.0`, `NaN`. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const [mantissa = '0', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const text = Object.is(value, -0) ? '-0' : String(value);
  return text.includes('.') ? text : `${text}.0`;
}
