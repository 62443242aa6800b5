import { limits } from '../../constants/limits.ts';

/** A caller's words for a message: cut to `limits.told` characters with an ellipsis, never inside of a letter. */
export function told(words: string): string {
  return words.length <= limits.told ? words : `${words.slice(0, limits.told - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
