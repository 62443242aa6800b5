/** What a download that failed is worth. Pure. */
import { limits } from '../../constants/limits.ts';

/** First and longest pause between two tries, in milliseconds. */
const [FIRST, LONGEST] = [500, 30_000] as const;
const WORTH_ANOTHER = new Set([408, 425, 429]);

/** Whether a server that answers this may answer otherwise soon. */
export function isPassing(status: number): boolean {
  return WORTH_ANOTHER.has(status) || status >= 500;
}

/** Milliseconds before the next try after `failures` of them: doubling, with up to half taken off at random, and no less than the server asks for within bounds. */
export function pauseAfter(failures: number, random: number, askedMs = 0): number {
  const pause = Math.min(FIRST * 2 ** (failures - 1), LONGEST) * (1 - random / 2);
  return Math.max(Math.round(pause), Math.min(askedMs, limits.downloadPatience));
}
