/** Everything is there again and nothing is held: waits until nothing happens any more. What has ended must not run on meanwhile. */
import { isTerminal } from '../../src/models/task.ts';
import { until } from '../support/until.ts';
import type { Caller } from './caller.ts';
import type { DeliveryRow } from './database.ts';
import type { Place } from './place.ts';
import type { World } from './world.ts';

/** Milliseconds until everything must have ended. */
export const LONGEST = 60_000;

/** All tasks have ended and their webhooks are delivered. Answers false when that did not come in time. */
export async function calm(world: World, caller: Caller): Promise<boolean> {
  await caller.insist();
  return until('nothing happens any more', async () => {
    await lookForGhosts(world);
    const { tasks, deliveries } = world.written();
    if (tasks.some(({ status }) => !isTerminal(status))) return false;
    if ((await remind(world, deliveries)) > 0) return false;
    return (await queues(world)).every((ids) => ids.length === 0);
  }, LONGEST).then(() => true, () => false);
}

/** Answers how many webhooks wait. Those that failed so often that they wait long are made again at once, as an operator may. */
async function remind(world: World, deliveries: readonly DeliveryRow[]): Promise<number> {
  const waiting = deliveries.filter(({ status }) => status === 'pending');
  for (const { task_id: id, n, next_at: at } of waiting) if (at !== null && at - Date.now() > 10_000) await world.house.tasks.redeliver(id, n);
  return waiting.length;
}

/** Jobs of attempts that are over, which a sandbox has in its queue all the same. The database is read first. */
async function lookForGhosts(world: World): Promise<void> {
  const over = new Map(world.written().attempts.filter(({ outcome, job_id: id }) => outcome !== 'running' && id !== null).map((attempt) => [attempt.job_id, attempt]));
  for (const ids of await queues(world)) {
    for (const id of ids) {
      const attempt = over.get(id);
      if (attempt) world.mishaps.push(`attempt ${attempt.attempt} of task ${attempt.task_id} is ${attempt.outcome}, and its prompt ${id} is still there`);
    }
  }
}

const queues = (world: World): Promise<string[][]> => Promise.all(Object.values(world.places).map(idsAt));

async function idsAt(place: Place): Promise<string[]> {
  const { running, pending } = await place.queue();
  return [...running, ...pending];
}
