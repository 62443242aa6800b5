/**
 * The steps that a task goes through, each held open from outside: by a server of files or a receiver that does not answer,
 * by a sandbox that is told to wait. Nothing in the gateway knows of it.
 */
import { until } from '../support/until.ts';
import type { Order, Wish } from './orders.ts';
import type { Place } from './place.ts';
import type { World } from './world.ts';

export interface Stage {
  readonly world: World;
  readonly place: Place;
  readonly hand: (wish: Omit<Wish, 'place'>) => Promise<Order>;
}

/** Hands tasks over and resolves when one of them is at that step, where it stays for a while. */
type Step = (stage: Stage) => Promise<void>;

/** Milliseconds that a task may take to get there. */
const PATIENCE = 12_000;
const row = (world: World, order: Order, is: (row: NonNullable<ReturnType<World['row']>>) => boolean): boolean => {
  const found = world.row(order);
  return found !== undefined && is(found);
};

/** Requests of that kind arrive and get no answer. */
function unanswered(route: string, wish: Omit<Wish, 'place'>, knobs: Readonly<Record<string, unknown>>): Step {
  return async ({ place, hand }) => {
    const before = await place.requests(route);
    await place.turn(knobs);
    await hand(wish);
    await until(`${route} arrived`, async () => (await place.requests(route)) > before, PATIENCE);
  };
}

async function accepted({ world, place, hand }: Stage): Promise<void> {
  await world.shutOut(place);
  const orders = [await hand({ sort: 'graph' }), await hand({ sort: 'template', priority: 5 })];
  await until('both wait', () => orders.every((order) => row(world, order, ({ status }) => status === 'pending')), PATIENCE);
}

async function claimed({ world, hand }: Stage): Promise<void> {
  const order = await hand({ sort: 'template', manner: 'silent' });
  await until('it is claimed', () => row(world, order, ({ status, job_id: job }) => status === 'processing' && job === null) && world.files.waits(order.source ?? ''), PATIENCE);
}

async function fetching({ world, hand }: Stage): Promise<void> {
  const order = await hand({ sort: 'graph-with-url', manner: 'half' });
  await until('half of its file has come', () => world.files.waits(order.source ?? ''), PATIENCE);
}

/** Its instance goes away while its file is fetched: it has its id, and waits a moment for somebody to give it to. */
async function jobIdStored({ world, place, hand }: Stage): Promise<void> {
  const order = await hand({ sort: 'template', manner: 'silent' });
  await until('its file is fetched', () => world.files.waits(order.source ?? ''), PATIENCE);
  await world.shutOut(place);
  world.files.release(order.source);
  await until('its id is stored, and nothing was sent', () => row(world, order, ({ job_id: job }) => job !== null && world.written().prompts.every((prompt) => prompt.prompt_id !== job)), PATIENCE);
}

async function queuedThere({ place, hand }: Stage): Promise<void> {
  await place.turn({ hold: true });
  await hand({ sort: 'graph' });
  await hand({ sort: 'graph' });
  await until('one runs and one waits behind it', async () => (await place.queue()).pending.length > 0, PATIENCE);
}

async function running({ place, hand }: Stage): Promise<void> {
  await place.turn({ hold: true });
  await hand({ sort: 'pipeline' });
  await until('it runs', async () => (await place.queue()).running.length > 0, PATIENCE);
}

async function executed({ world, place, hand }: Stage): Promise<void> {
  await place.turn({ historyDelayMs: 4_000 });
  const order = await hand({ sort: 'graph' });
  await until('it has told of its picture', () => world.written().events.some(({ task_id: id, event }) => id === order.taskId && event === 'output'), PATIENCE);
}

async function completed({ world, hand }: Stage): Promise<void> {
  world.receiver.hold();
  const order = await hand({ sort: 'graph', webhook: true });
  await until('it is completed', () => row(world, order, ({ status }) => status === 'completed'), PATIENCE);
}

async function webhookUnderWay({ world, hand }: Stage): Promise<void> {
  world.receiver.hold();
  const order = await hand({ sort: 'template', webhook: true });
  await until('its receiver was told', () => order.taskId !== undefined && world.receiver.holds(order.taskId), PATIENCE);
}

/** These need the sandbox to do its work, and leave it as it is. */
export const aroundSteps = { claimed, 'fetching inputs': fetching, completed, 'webhook under way': webhookUnderWay } as const satisfies Record<string, Step>;

/** These stop everything at the sandbox. */
export const placeSteps = {
  accepted,
  uploading: unanswered('POST /upload/image', { sort: 'template' }, { hang: { 'POST /upload/image': 1 } }),
  'job id stored': jobIdStored,
  'handed over, unanswered': unanswered('POST /prompt', { sort: 'graph' }, { holdPrompts: true }),
  'queued there': queuedThere,
  running,
  executed,
  'storing outputs': unanswered('GET /view', { sort: 'graph' }, { hang: { 'GET /view': 6 } }),
} as const satisfies Record<string, Step>;

export const steps = { ...aroundSteps, ...placeSteps };
export type AroundStep = keyof typeof aroundSteps;
export type PlaceStep = keyof typeof placeSteps;
export type StepName = keyof typeof steps;
export const isOf = <T extends string>(among: Readonly<Record<T, unknown>>): T[] => Object.keys(among) as T[];
