/** What zod finds wrong, in the words of the house. Pure. A sentence that a schema brings itself stays as it is. */
import { closestMatch } from 'leven';
import type { z } from 'zod';
import { limits } from '../../constants/limits.ts';
import type { Fault } from '../../models/problem.ts';

type Issue = z.core.$ZodIssue;
type Of<Code extends Issue['code']> = Extract<Issue, { code: Code }>;

/** How zod's own sentences begin. */
const LIBRARY = /^(?:Invalid|Too (?:big|small)|Unrecognized)\b/;

const kinds: Readonly<Record<string, string>> = { object: 'an object', record: 'an object', array: 'a list', string: 'a text', number: 'a number', int: 'a whole number', boolean: 'true or false', null: 'null' };
const units: Readonly<Record<string, readonly [string, string]>> = { string: ['character', 'characters'], array: ['entry', 'entries'], record: ['entry', 'entries'] };

/** One fault per thing that is wrong. `given` is what was looked at; left out where nobody has it any more. */
export function faultsOf(issue: Issue, given: unknown): Fault[] {
  const path = issue.path.map(String);
  const input = path.length > 0 ? { input: path.join('.') } : {};
  if (issue.code === 'unrecognized_keys') return issue.keys.slice(0, limits.faults).map((key) => ({ input: [...path, key].join('.'), type: issue.code, reason: 'this field is not known here' }));
  const value = given === undefined ? undefined : valueAt(given, issue.path);
  return [{ ...input, type: issue.code, reason: LIBRARY.test(issue.message) ? reasonOf(issue, given === undefined ? undefined : { value }) : issue.message, ...nearestOf(issue, value) }];
}

/** What was found there, where that is known. */
type Found = { readonly value: unknown } | undefined;

function reasonOf(issue: Issue, found: Found): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}${but(issue, found)}`;
    case 'too_small':
      return bound(issue, issue.minimum, ['at least', 'more than']);
    case 'too_big':
      return bound(issue, issue.maximum, ['at most', 'less than']);
    case 'invalid_value':
      return oneOf(issue.values);
    case 'invalid_union':
      return ofUnion(issue);
    case 'invalid_key':
      return `has a name that is not taken: it ${issue.issues[0] ? reasonOf(issue.issues[0], undefined) : 'is wrong'}`;
    case 'invalid_format':
      return issue.format === 'regex' ? `must match ${issue.pattern ?? 'a pattern'}` : issue.message;
    default:
      return issue.message;
  }
}

/** What stands there instead. A number of an address is a text there: no word of that. */
function but({ expected }: Of<'invalid_type'>, found: Found): string {
  if (found === undefined) return '';
  const { value } = found;
  if (value === undefined) return '; it is missing';
  if (JSON.isRawJSON(value) || value === Infinity || value === -Infinity) return '; it is too large';
  if ((expected === 'number' || expected === 'int') && (typeof value === 'number' || typeof value === 'string')) return '';
  return `; it is ${value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'boolean' ? String(value) : kinds[typeof value] ?? typeof value}`;
}

/** `words` with the bound itself, and without it. */
function bound({ origin, exact, inclusive }: Of<'too_small'> | Of<'too_big'>, size: number | bigint, words: readonly [string, string]): string {
  const word = exact === true ? 'exactly' : words[inclusive === false ? 1 : 0];
  const unit = units[origin];
  return unit ? `must have ${word} ${size} ${unit[Number(size) === 1 ? 0 : 1]}` : `must be ${word} ${size}`;
}

const oneOf = (values: readonly unknown[]): string => (values.length === 1 ? `must be ${String(values[0])}` : `must be one of: ${values.map(String).join(', ')}`);

/** `must be a text or an object` where that tells all. */
function ofUnion({ errors, ...issue }: Of<'invalid_union'>): string {
  if ('options' in issue && issue.options !== undefined && issue.options.length > 0) return oneOf(issue.options);
  const wanted = errors.map(([first]) => (first?.code === 'invalid_type' && first.path.length === 0 ? kinds[first.expected] : undefined));
  const known = [...new Set(wanted.filter((one) => one !== undefined))];
  return known.length > 0 && !wanted.includes(undefined) ? `must be ${known.join(' or ')}` : 'fits none of the forms that are taken here';
}

/** The allowed word that was probably meant. Longer words are compared with nothing: it takes time. */
function nearestOf(issue: Issue, value: unknown): { nearest?: string } {
  if (issue.code !== 'invalid_value' || typeof value !== 'string' || value.length > limits.told) return {};
  const nearest = closestMatch(value, issue.values.map(String), { maxDistance: Math.max(2, Math.floor(value.length / 2)) });
  return nearest === undefined ? {} : { nearest };
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, step) => (typeof value === 'object' && value !== null && Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined), given);
}
