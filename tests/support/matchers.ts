import { expect } from 'vitest';

/** vitest's own matchers are typed `any`. */
export const containing = (text: string): unknown => expect.stringContaining(text);
export const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
export const aNumber: unknown = expect.any(Number);
export const aString: unknown = expect.any(String);
