/** What is wrong with a file that an operator wrote: zod's issues in words that say what was found and what is allowed. Pure. */
import { z } from 'zod';
import { isSecret } from './redaction.ts';

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

export interface ConfigFault {
  readonly path: Path;
  readonly text: string;
}

export interface ConfigFaultOptions {
  /** What the file holds; values of it are told. */
  readonly given: unknown;
  /** What a `type` chooses, such as `engine type`. */
  readonly noun: string;
}

/** Characters of a value that are told. */
const TOLD = 100;

/** One fault per issue, and one per key that is not known. */
export function configFaults(schema: z.ZodType, issues: readonly Issue[], options: ConfigFaultOptions): ConfigFault[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, text: wordsOf(issue, options) }];
    const allowed = keysAt(schema, issue.path, options.given);
    return issue.keys.map((key) => ({ path: [...issue.path, key], text: `is not known here; allowed: ${allowed.join(', ')}` }));
  });
}

/** `engines.foo.config.instances[0]` */
export function fieldPath(path: Path): string {
  return path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('').replace(/^\./, '');
}

const kinds: Readonly<Record<string, string>> = { string: 'a text', int: 'a whole number', number: 'a number', boolean: 'true or false', object: 'an object', record: 'an object', array: 'a list' };
const kindOf = (expected: string): string => kinds[expected] ?? expected;

function wordsOf(issue: Issue, { given, noun }: ConfigFaultOptions): string {
  const value = valueAt(given, issue.path);
  const isHidden = isSecret(String(issue.path.at(-1)));
  const found = isHidden && value !== undefined ? 'a value that is not shown' : shown(value);
  if (issue.code === 'invalid_type') return value === undefined ? `is missing; allowed: ${kindOf(issue.expected)}` : `${found} is not ${kindOf(issue.expected)}`;
  if (issue.code === 'invalid_union') return value === undefined ? `is missing; allowed: ${optionsOf(issue)}` : `${found} is not a supported ${noun}; allowed: ${optionsOf(issue)}`;
  if (issue.code === 'invalid_value') return `${found} is not one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'invalid_key') return `this name ${issue.issues[0]?.message ?? 'is not taken'}`;
  if (issue.code === 'too_small') return tooFew(issue.origin, String(issue.minimum), found);
  if (issue.code === 'too_big') return `${found} is too big; allowed: up to ${issue.maximum}`;
  return typeof value === 'string' && !isHidden ? `${found} ${issue.message}` : issue.message;
}

function tooFew(origin: string, minimum: string, found: string): string {
  if (origin === 'string') return `${found} is too short; allowed: ${minimum} or more characters`;
  return origin === 'array' ? `has too few entries; allowed: ${minimum} or more` : `${found} is too small; allowed: ${minimum} or more`;
}

function optionsOf(issue: Issue): string {
  return 'options' in issue && Array.isArray(issue.options) ? issue.options.join(', ') : '';
}

/** A value for a message, cut. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (JSON.isRawJSON(value)) return value.rawJSON.slice(0, TOLD);
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' && value.length > TOLD ? `${value.slice(0, TOLD)}…` : value;
  return JSON.stringify(text) ?? 'nothing';
}

/** What lies there in a tree of objects and lists. */
export function valueAt(given: unknown, path: Path): unknown {
  let value = given;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** Keys that the schema knows at that place. */
function keysAt(schema: z.ZodType, path: Path, given: unknown): string[] {
  let at: unknown = unwrapped(schema, given);
  for (const [depth, key] of path.entries()) at = unwrapped(inner(at, key), valueAt(given, path.slice(0, depth + 1)));
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function inner(schema: unknown, key: PropertyKey): unknown {
  if (schema instanceof z.ZodObject) return valueAt(schema.shape, [key]);
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return schema instanceof z.ZodArray ? schema.element : undefined;
}

/** Without defaults, and of several the one that the value chooses. */
function unwrapped(schema: unknown, value: unknown): unknown {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return unwrapped(schema.unwrap(), value);
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const { discriminator } = schema.def;
  const chosen = valueAt(value, [discriminator]);
  return schema.options.find((option) => option instanceof z.ZodObject && accepts(option.shape[discriminator], chosen));
}

const accepts = (schema: unknown, value: unknown): boolean => schema instanceof z.ZodLiteral && [...schema.values].some((one) => one === value);
