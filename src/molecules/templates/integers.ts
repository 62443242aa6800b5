/** Whole numbers up to 2^64-1, which JavaScript's own numbers cannot hold. Pure. */

/** What an integer input takes where its template says nothing else: those of 64 bits, with a sign or without. */
export const widest = { min: -(2n ** 63n), max: 2n ** 64n - 1n } as const;

const DIGITS = /^-?\d{1,40}$/;

/** An integer as JSON has it: a number without a fraction, or the digits that the lossless parser keeps. */
export function integerOf(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return JSON.isRawJSON(value) && DIGITS.test(value.rawJSON) ? BigInt(value.rawJSON) : undefined;
}

/** As `integerOf`, and digits in a text, as forms and typed clients send them. */
export function integerIn(value: unknown): bigint | undefined {
  return typeof value === 'string' && DIGITS.test(value.trim()) ? BigInt(value.trim()) : integerOf(value);
}

/** A plain number where that is exact, else its digits. */
export function toJson(value: bigint): unknown {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : JSON.rawJSON(String(value));
}

export interface Range {
  readonly min: bigint;
  readonly max: bigint;
}

/** Limits of an integer input. */
export function rangeOf(input: { readonly min?: unknown; readonly max?: unknown }): Range {
  return { min: integerOf(input.min) ?? widest.min, max: integerOf(input.max) ?? widest.max };
}

/** What may be drawn: from 0, or the least that is allowed, on. */
export function drawable({ min, max }: Range): Range {
  return { min: min > 0n ? min : 0n, max: max < widest.max ? max : widest.max };
}

/** One of the range, of a random number of 64 bits. */
export function drawn(range: Range, random: () => bigint): bigint {
  const { min, max } = drawable(range);
  return min + (BigInt.asUintN(64, random()) % (max - min + 1n));
}
