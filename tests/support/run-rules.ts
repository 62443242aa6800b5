import { z } from 'zod';
import { isEnding, type Message } from './socket.ts';

const carriesOlderNumber: ReadonlySet<string> = new Set(['progress', 'progress_state', 'progress_text']);
const Numbered = z.object({ seq: z.int() });
const Overall = z.object({ overall: z.number() });

/** What is wrong with the messages of one prompt as one socket saw them; nothing for a run as it must be. */
export function brokenRules(messages: readonly Message[], from = 1): string[] {
  const broken: string[] = [];
  const ends = messages.filter(isEnding);
  if (ends.length !== 1) broken.push(`${ends.length} endings: ${ends.map((message) => message.type).join(' ')}`);
  const last = messages.at(-1);
  if (last && !isEnding(last)) broken.push(`${last.type} after the ending`);
  const states = messages.filter((message) => !carriesOlderNumber.has(message.type) && Numbered.safeParse(message.data).success);
  const numbers = states.map((message) => Numbered.parse(message.data).seq);
  const expected = numbers.map((_, n) => n + from);
  if (numbers.join() !== expected.join()) broken.push(`numbers ${numbers.join()}`);
  const overall = messages.flatMap((message) => Overall.safeParse(message.data).data?.overall ?? []);
  if (overall.some((value, n) => value < (overall[n - 1] ?? 0))) broken.push(`progress went back: ${overall.join()}`);
  return broken;
}

/** The same for a prompt that was under way when its gateway was started again: its numbers go on far beyond those of before. */
export function brokenRulesSinceRestart(messages: readonly Message[]): string[] {
  const first = messages.map((message) => Numbered.safeParse(message.data).data?.seq).find((seq) => seq !== undefined);
  return first === undefined || first < 1_000 ? [`the first number is ${first}`] : brokenRules(messages, first);
}
