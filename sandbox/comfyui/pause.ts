import { setTimeout as sleep } from 'node:timers/promises';
import type { Knobs } from './knobs.ts';

/** Waits as the knobs say, until `heard` aborts. */
export async function pause(knobs: Knobs, delay: 'nodeDelayMs' | 'stepDelayMs', heard: AbortSignal): Promise<void> {
  if (delay === 'nodeDelayMs') await knobs.released(heard);
  const wait = knobs.state[delay];
  if (wait === 0 || heard.aborted) return;
  await sleep(wait, undefined, { signal: heard }).catch((error: unknown) => {
    if (!heard.aborted) throw error;
  });
}
