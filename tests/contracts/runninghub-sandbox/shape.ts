/** Fields whose value is part of the contract, wherever they stand. */
const EXACT = new Set(['code', 'msg', 'message', 'errorCode', 'errorMessage', 'taskStatus', 'status', 'apiType', 'apiKeyType', 'callbackStatus', 'event', 'error', 'errorMessages']);
/** Texts that hold JSON. */
const INNER = new Set(['promptTips', 'eventData', 'traceback']);

/** Every place of a value with its type, and with the value itself where that is part of the contract. `[]` stands for all elements of a list. */
export function placesOf(value: unknown, path = '$'): string[] {
  const name = path.slice(path.lastIndexOf('.') + 1);
  if (typeof value === 'string' && INNER.has(name)) return [`${path}: JSON`, ...placesOf(JSON.parse(value), `${path}>`)];
  if (Array.isArray(value)) return [`${path}: list`, ...value.flatMap((one) => placesOf(one, `${path}[]`))];
  if (typeof value === 'object' && value !== null) return [`${path}: object`, ...Object.entries(value).flatMap(([key, one]) => placesOf(one, `${path}.${key}`))];
  const exact = EXACT.has(name) || (path === '$.data' && typeof value === 'string');
  return [`${path}: ${exact ? JSON.stringify(value) : value === null ? 'null' : typeof value}`];
}

const pathOf = (place: string): string => place.slice(0, place.indexOf(': '));

export interface Difference {
  /** Of the fixture, not of the answer. */
  readonly missing: readonly string[];
  /** Fields of the answer that the fixture does not have. */
  readonly added: readonly string[];
}

/** In lists of many things the answer may hold other types beside those of the fixture, but no other fields. */
export function difference(answer: unknown, fixture: unknown): Difference {
  const [ours, theirs] = [new Set(placesOf(answer)), new Set(placesOf(fixture))];
  const known = new Set([...theirs].map(pathOf));
  return { missing: [...theirs].filter((place) => !ours.has(place)), added: [...ours].filter((place) => !known.has(pathOf(place))) };
}

export const NO_DIFFERENCE: Difference = { missing: [], added: [] };
