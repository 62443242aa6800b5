import { setTimeout as pause } from 'node:timers/promises';

/** Asks again and again until there is an answer other than undefined and false. Throws TypeError after `ms`, with what was seen last. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false> | T | undefined | false, ms = 15_000): Promise<T> {
  const deadline = Date.now() + ms;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await pause(10);
  }
  throw new TypeError(`${what} did not come true within ${ms} ms (last: ${String(last)})`, { cause: last });
}
