/** Takes secrets out of what is about to be logged, and turns any value into plain JSON of bounded size. */

import { service } from '../constants/service.ts';

const hidden = '[redacted]';
const secretField = /authorization|cookie|passw(or)?d|secret|credential|api[-_]?key|[-_]key$|auth[-_]?token|(^|[-_])(token|ticket)$|(Token|Ticket)$/;
/** Begins at `://` and is bounded: what stands before it is never searched, so a long line costs its length once. */
const urlCredentials = /(:\/\/)[^\s/?#@"']{1,512}@/g;
const urlParameter = /([?&](?:ticket|[\w-]*token|[\w-]*api[-_]?key|password|secret)=)[^&\s"'#]+/gi;
/** What stands below that path is a secret, however it is spelt. */
const hookToken = new RegExp(`(${RegExp.escape(service.hubHook)})(?:/|%2F)[^\\s"'?]+`, 'gi');
const scheme = /\b(Bearer|Basic)\s+[\w.~+/=:-]+/gi;

const maxDepth = 6;
const maxText = 8_192;
const maxEntries = 200;

export interface Redaction {
  /** A text without secrets, cut to a bounded length. */
  text(value: string): string;
  /** A plain copy: secrets gone, errors told with code, stack and cause, cycles and depth cut. */
  fields(fields: Readonly<Record<string, unknown>>): Record<string, unknown>;
}

/** `secrets` are values that must never appear, wherever they stand: API keys, passwords. */
export function createRedaction(secrets: readonly string[]): Redaction {
  const known = [...new Set(secrets)].filter(Boolean).sort((a, b) => b.length - a.length);
  const knownPattern = known.length > 0 ? new RegExp(known.map((secret) => RegExp.escape(secret)).join('|'), 'g') : undefined;

  const text = (value: string): string => {
    const cut = value.length > maxText ? `${value.slice(0, maxText)}… (${value.length} characters)` : value;
    const clean = knownPattern ? cut.replace(knownPattern, hidden) : cut;
    return clean.replace(urlCredentials, `$1${hidden}@`).replace(urlParameter, `$1${hidden}`).replace(hookToken, `$1/${hidden}`).replace(scheme, `$1 ${hidden}`);
  };

  const plain = (value: unknown, seen: readonly object[]): unknown => {
    if (typeof value === 'string') return text(value);
    if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function') return String(value);
    if (typeof value !== 'object' || value === null) return value;
    if (seen.includes(value)) return '[circular]';
    if (isRawJson(value)) return value;
    if (seen.length >= maxDepth) return '[deep]';
    return structure(value, [...seen, value]);
  };

  const structure = (value: object, seen: readonly object[]): unknown => {
    if (value instanceof Error) return fault(value, seen);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (value instanceof URL) return text(value.href);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (Array.isArray(value)) return value.slice(0, maxEntries).map((one) => plain(one, seen));
    return record(value instanceof Map ? [...value.entries()].map(([key, one]) => [String(key), one]) : Object.entries(value), seen);
  };

  const record = (entries: readonly (readonly [string, unknown])[], seen: readonly object[]): Record<string, unknown> =>
    Object.fromEntries(entries.slice(0, maxEntries).map(([key, one]) => [key, isSecret(key) ? hidden : plain(one, seen)]));

  const fault = (error: Error, seen: readonly object[]): unknown => ({
    name: error.name,
    ...('code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? { code: error.code } : {}),
    message: text(error.message),
    ...(error.stack === undefined ? {} : { stack: text(error.stack) }),
    ...(error instanceof AggregateError ? { errors: error.errors.slice(0, maxEntries).map((one) => plain(one, seen)) } : {}),
    ...(error.cause === undefined ? {} : { cause: plain(error.cause, seen) }),
  });

  return { text, fields: (fields) => record(Object.entries(fields), [fields]) };
}

/** Whether what is called so is told to nobody. */
export function isSecret(field: string): boolean {
  return secretField.test(field) || secretField.test(field.toLowerCase());
}

/** An integer that kept its digits: `JSON.rawJSON` makes it, and `JSON.stringify` writes it as a number. */
function isRawJson(value: object): boolean {
  return Object.getPrototypeOf(value) === null && Object.isFrozen(value) && 'rawJSON' in value;
}
