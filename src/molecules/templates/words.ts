/** A caller's own words in a message, and what they probably meant. Pure. */
import { closestMatch } from 'leven';
import { limits } from '../../constants/limits.ts';

/** Cut to `limits.told` characters with an ellipsis, never inside of a letter. */
export function told(words: string): string {
  return words.length <= limits.told ? words : `${words.slice(0, limits.told - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Any value for a message. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (JSON.isRawJSON(value)) return told(value.rawJSON);
  return typeof value === 'object' && value !== null ? 'an object' : told(JSON.stringify(value) ?? 'nothing');
}

/** The nearest of them, when it is near. Longer words are compared with nothing: it takes time. */
export function near(word: string, candidates: readonly string[]): { nearest?: string } {
  const nearest = word.length > limits.told ? undefined : closestMatch(word, candidates, { maxDistance: Math.max(3, Math.floor(word.length / 2)) });
  return nearest === undefined ? {} : { nearest };
}
