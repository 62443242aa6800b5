/** Rounds of chaos: from a seed to scenes, from scenes to what came of them. */
import { type Blow, blows } from './blows.ts';
import { Caller } from './caller.ts';
import { type Dice, diceOf } from './dice.ts';
import { type Mode, modes } from './house.ts';
import { sorts, type Wish } from './orders.ts';
import { shortcomings } from './outcome.ts';
import { badlyEnded, badlyTold, doubled, lost, undelivered, unsent } from './promises.ts';
import { calm } from './quiet.ts';
import { play, type Scene, type Strike } from './scene.ts';
import { aroundSteps, isOf, type PlaceStep, placeSteps } from './steps.ts';
import { placeNames, World } from './world.ts';

export interface Outcome {
  readonly strikes: readonly Strike[];
  readonly tasks: Readonly<Record<string, number>>;
  readonly attempts: number;
  readonly executions: number;
  readonly webhooks: number;
  readonly lost: number;
  readonly doubled: number;
  /** A sentence for every promise that was broken. */
  readonly broken: readonly string[];
}

/** What that seed means: the same every time. */
export function scenesOf(seed: number): { readonly mode: Mode; readonly scenes: readonly Scene[] } {
  const dice = diceOf(seed);
  return { mode: dice.pick(modes), scenes: Array.from({ length: 1 + dice.whole(3) }, () => sceneOf(dice)) };
}

function sceneOf(dice: Dice): Scene {
  const around = isOf(aroundSteps).filter(() => dice.chance(0.35));
  const places = isOf(placeSteps);
  const at = { ...(dice.chance(0.75) ? { east: dice.pick(places) } : {}), ...(dice.chance(0.75) ? { west: dice.pick(places) } : {}) };
  const possible = blows.filter((blow) => placeNames.every((name) => goesWith(at[name], { blow, here: blow === `${name} killed` })));
  const first = dice.pick(possible);
  const second = dice.chance(0.3) ? [dice.pick(possible)] : [];
  return { mode: dice.pick(modes), meanwhile: dice.chance(0.3), around, at, blows: [first, ...second], crowd: Array.from({ length: dice.whole(7) }, () => wishOf(dice)) };
}

/** Whether the world is quiet soon after. */
function goesWith(step: PlaceStep | undefined, { blow, here }: { readonly blow: Blow; readonly here: boolean }): boolean {
  // What a sandbox was sent and never answered for may come for minutes, as behind a proxy: one that dies with it keeps us waiting so long.
  if (step === 'handed over, unanswered') return !here;
  // Uploads have twenty times as long as other calls: somebody must die for one that hangs to end.
  return step !== 'uploading' || here || blow === 'gateway killed';
}

function wishOf(dice: Dice): Wish {
  return {
    sort: dice.pick(sorts),
    place: dice.pick(placeNames),
    priority: dice.whole(21) - 10,
    webhook: dice.chance(0.5),
    ...(dice.chance(0.2) ? { hangUp: 1 + dice.whole(25) } : {}),
    ...(dice.chance(0.25) ? { cancel: dice.whole(1_500) } : {}),
  };
}

/** Plays the scenes one after the other, each in what the one before has left, and looks at everything when it is quiet again. The caller ends the world. */
export async function perform(world: World, { mode, scenes, strict }: { readonly mode: Mode; readonly scenes: readonly Scene[]; readonly strict: boolean }): Promise<Outcome> {
  const caller = new Caller(world);
  const strikes: Strike[] = [];
  await world.house.start(mode);
  for (const scene of scenes) strikes.push(...(await play(scene, { world, caller, strict })));
  const struck = scenes.flatMap((scene) => scene.blows);
  const isCalm = await calm(world, caller);
  const found = await judge(world, caller, struck);
  return { ...found, strikes, broken: [...(isCalm ? [] : ['it was not quiet in time']), ...new Set(world.mishaps), ...found.broken] };
}

async function judge(world: World, caller: Caller, struck: readonly Blow[]): Promise<Omit<Outcome, 'strikes'>> {
  await Promise.all(Object.values(world.places).map((place) => place.collect()));
  const executions = Object.values(world.places).flatMap((place) => place.executions());
  const pictures = await shortcomings(world, caller);
  const written = world.written();
  const missing = lost(world.orders, written);
  const twice = doubled(executions, written, struck.some((blow) => blow === 'east killed' || blow === 'west killed'));
  const { received } = world.receiver;
  const count = (status: string): number => written.tasks.filter((task) => task.status === status).length;
  return {
    tasks: Object.fromEntries(['completed', 'cancelled', 'failed'].map((status) => [status, count(status)])),
    attempts: written.attempts.length,
    executions: executions.reduce((sum, [, times]) => sum + times, 0),
    webhooks: received.length,
    lost: missing.length,
    doubled: twice.length,
    broken: [...missing, ...badlyTold(written), ...badlyEnded(world.orders, written), ...twice, ...undelivered(received, written), ...unsent(written), ...pictures],
  };
}

export { World };
