import { setTimeout as sleep } from 'node:timers/promises';
import type { Knobs } from './knobs.ts';

/** Waits as the knobs say; an interrupt ends the wait unless nodes are deaf. A stopped server ends it in any case when it may. */
export async function pause(knobs: Knobs, delay: 'nodeDelayMs' | 'stepDelayMs', signal: AbortSignal): Promise<void> {
  const heard = knobs.state.deaf ? new AbortController().signal : signal;
  if (delay === 'nodeDelayMs') await knobs.released(heard);
  const wait = knobs.state[delay];
  if (wait === 0 || heard.aborted) return;
  await sleep(wait, undefined, { signal: heard }).catch((error: unknown) => {
    if (!heard.aborted) throw error;
  });
}
