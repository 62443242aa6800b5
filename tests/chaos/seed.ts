import { randomInt } from 'node:crypto';

/** The one of CHAOS_SEED, or a new one. */
export function freshSeed(): number {
  const given = Number(process.env['CHAOS_SEED'] ?? Number.NaN);
  return Number.isInteger(given) && given >= 0 ? given : randomInt(1_000_000_000);
}
