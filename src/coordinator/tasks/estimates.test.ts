import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { Estimates } from './estimates.ts';

let world: TaskWorld;
let estimates: Estimates;
beforeEach(async () => {
  world = await TaskWorld.open();
  estimates = new Estimates({ store: world.store, engines: world.parts.engines, now: world.clock.now });
});
afterEach(() => world[Symbol.asyncDispose]());

/** A task that took so long. */
async function took(ms: number): Promise<void> {
  await world.accept();
  const { claim } = await world.claim();
  await world.store.end(claim, { status: 'completed', endedAt: world.clock.at + ms, error: undefined, outputs: [], warnings: [] });
}

describe('when a task will be done', () => {
  it('is known to nobody before one of its kind has run', async () => {
    const task = await world.accept();
    expect(await estimates.left(task, 0)).toBeUndefined();
  });

  it('is told as soon as one has: that there was none is not remembered', async () => {
    await estimates.left(await world.accept({ priority: -1 }), 0);
    await took(4_000);
    expect(await estimates.left(await world.accept(), 0)).toBe(4_000);
  });

  it('is later the more tasks are before it, and sooner the more run together', async () => {
    await took(4_000);
    world.engine.room = 2;
    const task = await world.accept();
    expect(await Promise.all([0, 1, 2, 3, 4].map((position) => estimates.left(task, position)))).toEqual([4_000, 4_000, 8_000, 8_000, 12_000]);
    world.engine.room = 0;
    expect(await estimates.left(task, 1)).toBe(8_000);
  });

  it('is after the pause that it waits for', async () => {
    await took(4_000);
    expect(await estimates.left({ ...(await world.accept()), availableAt: world.clock.at + 500 }, 0)).toBe(4_500);
  });

  it('comes nearer while it runs, and does not go below nothing', async () => {
    await took(4_000);
    await world.accept();
    const { task } = await world.claim();
    world.clock.at += 1_000;
    expect(await estimates.left(task, undefined)).toBe(3_000);
    world.clock.at += 3_900;
    expect(await estimates.left(task, undefined)).toBe(0);
  });

  it('is no question any more when it has ended', async () => {
    await took(4_000);
    expect(await estimates.left({ ...(await world.accept()), status: 'failed' }, undefined)).toBeUndefined();
  });

  it('is measured anew after some seconds', async () => {
    await took(4_000);
    const task = await world.accept({ priority: -1 });
    expect(await estimates.left(task, 0)).toBe(4_000);
    for (let n = 0; n < 3; n += 1) await took(8_000);
    expect(await estimates.left(task, 0)).toBe(4_000);
    world.clock.at += 5_001;
    expect(await estimates.left(task, 0)).toBe(8_000);
  });
});
