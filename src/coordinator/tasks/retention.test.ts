import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { fail } from '../../core/errors.ts';
import { Retention } from './retention.ts';

const DAY = 86_400_000;
let world: TaskWorld;
beforeEach(async () => {
  world = await TaskWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

const retention = (age = DAY): Retention => new Retention({ store: world.store, storage: world.storage, log: world.parts.log, age, now: world.clock.now, sleep: world.clock.sleep });
const forEver = new AbortController().signal;

async function ended(jobId: string, endedAt = world.clock.at): Promise<string> {
  await world.accept();
  const { claim } = await world.claim();
  await world.store.change(claim, { jobId });
  await world.store.end(claim, { status: 'completed', endedAt, error: undefined, outputs: [], warnings: [] });
  return claim.taskId;
}

describe('old tasks', () => {
  it('go with their outputs when they are too old, and not before', async () => {
    const id = await ended('j1');
    world.clock.at += DAY;
    expect(await retention().sweep(forEver)).toBe(0);
    world.clock.at += 1;
    expect(await retention().sweep(forEver)).toBe(1);
    expect([await world.store.find(id), world.storage.removed]).toEqual([undefined, ['j1', id]]);
  });

  it('go all, however many there are', async () => {
    for (let n = 0; n < 250; n += 1) await ended(`j${n}`);
    world.clock.at += 2 * DAY;
    expect(await retention().sweep(forEver)).toBe(250);
    expect(new Set(world.storage.removed).size).toBe(500);
  });

  it('go although the outputs of one of them cannot be removed, of which the log tells', async () => {
    const [one, two, three] = [await ended('j1'), await ended('j2'), await ended('j3')];
    world.clock.at += 2 * DAY;
    world.storage.remove = (folder) => (folder === 'j2' ? Promise.reject(fail('FILE_OPERATION_ERROR', 'busy.')) : Promise.resolve(void world.storage.removed.push(folder)));
    expect(await retention().sweep(forEver)).toBe(3);
    expect(world.storage.removed).toEqual(['j1', one, two, 'j3', three]);
    expect(world.lines).toContainEqual(expect.objectContaining({ level: 'error', fields: expect.objectContaining({ folder: 'j2' }) as unknown }));
  });

  it('stay while they are worked on', async () => {
    await world.accept();
    await world.claim();
    world.clock.at += 100 * DAY;
    expect(await retention().sweep(forEver)).toBe(0);
  });

  it('stay for ever where that is wanted', async () => {
    await ended('j1');
    world.clock.at += 1_000 * DAY;
    await retention(0).run(forEver);
    expect(world.storage.removed).toEqual([]);
  });

  it('are looked for every hour until the process ends', async () => {
    const halt = new AbortController();
    world.clock.onSleep = () => void (world.clock.sleeps.length === 3 && halt.abort());
    await retention().run(halt.signal);
    expect(world.clock.sleeps).toEqual([3_600_000, 3_600_000, 3_600_000]);
  });
});
