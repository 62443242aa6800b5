/**
 * Random rounds of chaos until a bound is reached; exit code 1 when a promise was broken.
 *
 *   npm run chaos                               ten minutes of them
 *   npm run chaos -- --rounds 5 --minutes 30    whichever comes first
 *   npm run chaos -- --seed 42 --rounds 1       that one again (CHAOS_SEED=42 does the same)
 *   npm run chaos -- --keep                     what a broken round left on disk stays there
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { report, type Round } from './report.ts';
import { type Outcome, perform, scenesOf, World } from './rounds.ts';
import { freshSeed } from './seed.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { rounds: text, seed: text, minutes: text, keep: { type: 'boolean' } } });
const Options = z.object({ rounds: z.coerce.number().int().min(1).default(10_000), seed: z.coerce.number().int().min(0).optional(), minutes: z.coerce.number().positive().default(10), keep: z.boolean().default(false) });
const options = Options.parse(values);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const began = Date.now();
const first = options.seed ?? freshSeed();
const rounds: Round[] = [];
say(`Seed ${first}; each round takes the next.`);
for (let seed = first; rounds.length < options.rounds && Date.now() - began < options.minutes * 60_000; seed += 1) {
  const outcome = await once(seed);
  rounds.push({ seed, outcome });
  const { completed = 0, cancelled = 0, failed = 0 } = outcome.tasks;
  say(`seed ${seed}: ${completed} completed, ${cancelled} cancelled, ${failed} failed; ${outcome.executions} executions; ${outcome.broken.length === 0 ? 'all promises kept' : `BROKEN: ${outcome.broken.join(' | ')}`}`);
}
say(`\n${report(rounds, (Date.now() - began) / 1_000)}`);
process.exit(rounds.some(({ outcome }) => outcome.broken.length > 0) ? 1 : 0);

async function once(seed: number): Promise<Outcome> {
  const world = await World.begin();
  try {
    const outcome = await perform(world, { ...scenesOf(seed), strict: false });
    if (options.keep && outcome.broken.length > 0) {
      await world.end();
      say(`kept: ${world.folder}`);
    } else await world[Symbol.asyncDispose]();
    return outcome;
  } catch (error) {
    await world.end();
    say(`seed ${seed} broke off; kept: ${world.folder}`);
    throw error;
  }
}
