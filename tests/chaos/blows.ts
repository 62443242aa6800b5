/** What happens to the world in the middle of it, and how it is put right again. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Mode } from './house.ts';
import { type PlaceName, placeNames, type World } from './world.ts';

export const blows = ['gateway killed', 'doors killed', 'worker killed', 'gateway stopped', 'east killed', 'west killed', 'sockets cut', 'errors'] as const;
export type Blow = (typeof blows)[number];

export interface Recovery {
  /** What the gateway is started as, where it has to be. */
  readonly mode: Mode;
  /** What was held is let go before the gateway is there again: then things happen unseen. */
  readonly meanwhile: boolean;
}

/** Milliseconds within which an orderly end must be over: its grace, and a second for each step that hangs. */
const ORDERLY = 12_000;

/** Answers of sandboxes that are no answers, each a few times. */
const errors = { failPromptBefore: 1, failPromptAfter: 1, cutPromptBefore: 1, cutPromptAfter: 1, failHistory: 2, failView: 2, truncateView: 1 };

export async function strike(world: World, blow: Blow, recovery: Recovery): Promise<void> {
  switch (blow) {
    case 'gateway killed':
      await world.house.kill('SIGKILL');
      break;
    case 'doors killed':
      await world.house.kill('SIGKILL', world.house.mode === 'whole' ? undefined : 'api');
      break;
    case 'worker killed':
      await (world.house.mode === 'whole' ? world.house.kill('SIGKILL') : world.house.killOneWorker());
      break;
    case 'gateway stopped':
      await stop(world);
      break;
    case 'east killed':
    case 'west killed':
      return await killPlace(world, blow === 'east killed' ? 'east' : 'west');
    case 'sockets cut':
      return await everywhere(world, { closeSockets: true });
    case 'errors':
      world.receiver.failures = 1;
      return await everywhere(world, { reset: true, closeSockets: true, ...errors });
    default: {
      const never: never = blow;
      return never;
    }
  }
  if (recovery.meanwhile) {
    await world.release();
    await pause(250);
  }
  await world.house.start(blow === 'doors killed' || blow === 'worker killed' ? world.house.mode : recovery.mode);
}

async function stop(world: World): Promise<void> {
  const began = Date.now();
  const exits = await world.house.kill('SIGTERM');
  const took = Date.now() - began;
  if (took > ORDERLY) world.mishaps.push(`the orderly end took ${took} ms`);
  for (const { code, signal } of exits) if (code !== 0) world.mishaps.push(`the orderly end was none: code ${code}, signal ${signal}`);
}

async function killPlace(world: World, name: PlaceName): Promise<void> {
  await world.places[name].kill();
  await world.places[name].start();
}

async function everywhere(world: World, knobs: Readonly<Record<string, unknown>>): Promise<void> {
  await Promise.all(placeNames.map((name) => world.places[name].turn(knobs)));
}
