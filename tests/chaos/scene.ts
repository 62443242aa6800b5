/** One scene: tasks are brought to their steps and held there, something is struck, all is put right again. */
import type { Caller } from './caller.ts';
import { type Blow, type Recovery, strike } from './blows.ts';
import type { Order, Wish } from './orders.ts';
import { aroundSteps, type AroundStep, placeSteps, type PlaceStep, type Stage, type StepName } from './steps.ts';
import { type PlaceName, placeNames, type World } from './world.ts';

export interface Scene extends Recovery {
  /** Tasks beside those of the steps. */
  readonly crowd: readonly Wish[];
  readonly around: readonly AroundStep[];
  readonly at: Partial<Readonly<Record<PlaceName, PlaceStep>>>;
  readonly blows: readonly Blow[];
}

/** What was struck while a task was at which step. */
export interface Strike {
  readonly step: StepName;
  readonly blow: Blow;
}

/** Answers what was struck. A step that is not reached is none; `strict` throws then. */
export async function play(scene: Scene, { world, caller, strict }: { readonly world: World; readonly caller: Caller; readonly strict: boolean }): Promise<Strike[]> {
  const reached: StepName[] = [];
  const reach = async (name: StepName, step: (stage: Stage) => Promise<void>, place: PlaceName): Promise<void> => {
    try {
      await step({ world, place: world.places[place], hand: (wish) => handed(world, caller, { place, ...wish }) });
      reached.push(name);
    } catch (error) {
      if (strict) throw error;
    }
  };
  for (const wish of scene.crowd) caller.begin(await world.order(wish));
  for (const name of scene.around) await reach(name, aroundSteps[name], 'east');
  await Promise.all(placeNames.map(async (place) => {
    const name = scene.at[place];
    if (name !== undefined) await reach(name, placeSteps[name], place);
  }));
  const strikes: Strike[] = [];
  for (const blow of scene.blows) {
    await strike(world, blow, scene);
    strikes.push(...reached.map((step) => ({ step, blow })));
  }
  if (!scene.blows.includes('errors')) await world.release();
  else {
    world.files.release();
    world.receiver.release();
  }
  return strikes;
}

async function handed(world: World, caller: Caller, wish: Wish): Promise<Order> {
  const order = await world.order(wish);
  await caller.hand(order);
  return order;
}
