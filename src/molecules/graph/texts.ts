/** The texts inside the value of an input: the value itself, or what lies in lists and objects (`{"__value__": …}`). Pure. */

/** Where a text lies inside a value; empty for the value itself. */
export type Place = readonly (string | number)[];

/** Calls `visit` for every text in the value, keys left out. `at` is valid during the call only: copy it to keep it. */
export function eachText(value: unknown, visit: (text: string, at: Place) => void): void {
  walk(value, visit, []);
}

function walk(value: unknown, visit: (text: string, at: Place) => void, at: (string | number)[]): void {
  if (typeof value === 'string') return visit(value, at);
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return;
  const inside = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [key, inner] of inside) {
    at.push(key);
    walk(inner, visit, at);
    at.pop();
  }
}

export interface Placed {
  readonly at: Place;
  readonly text: string;
}

/** The value with other texts in some places. Costs each list and object on the way to a place once; the rest is shared. */
export function withTexts(value: unknown, changes: readonly Placed[]): unknown {
  if (changes.length === 0) return value;
  const whole = changes.find((change) => change.at.length === 0);
  if (whole) return whole.text;
  const below = Map.groupBy(changes, (change) => change.at[0]);
  const next = (key: string | number, inner: unknown): unknown => {
    const its = below.get(key);
    return its === undefined ? inner : withTexts(inner, its.map(({ at, text }) => ({ at: at.slice(1), text })));
  };
  if (Array.isArray(value)) return value.map((inner: unknown, index) => next(index, inner));
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, next(key, inner)])) : value;
}

/** What ComfyUI makes of `{"__value__": x}`: x. It does so once; to be on the safe side a value wrapped again is unwrapped here too. */
export function unwrapped(value: unknown): unknown {
  let inner = value;
  while (typeof inner === 'object' && inner !== null && !Array.isArray(inner) && '__value__' in inner) inner = inner.__value__;
  return inner;
}
