/** Every step that a task goes through, with something killed at it; then a round that a seed makes up. `npm run chaos` does more of these. */
import { afterEach, expect, test } from 'vitest';
import { perform, scenesOf, World } from './rounds.ts';
import type { Scene } from './scene.ts';
import { freshSeed } from './seed.ts';
import { isOf, steps } from './steps.ts';

let world: World | undefined;
afterEach(async () => world?.[Symbol.asyncDispose]());

const usual = { mode: 'whole', meanwhile: false, around: [], at: {}, crowd: [] } as const;
const scenes: readonly Scene[] = [
  { ...usual, around: ['claimed', 'fetching inputs', 'completed', 'webhook under way'], at: { east: 'running', west: 'executed' }, blows: ['gateway killed'] },
  { ...usual, at: { east: 'handed over, unanswered', west: 'uploading' }, blows: ['gateway killed'], crowd: [{ sort: 'pipeline', place: 'east', hangUp: 5 }] },
  { ...usual, at: { east: 'job id stored', west: 'storing outputs' }, blows: ['gateway killed'] },
  { ...usual, at: { east: 'accepted', west: 'queued there' }, blows: ['gateway killed'], meanwhile: true, mode: 'apart' },
  { ...usual, mode: 'crowd', at: { east: 'running', west: 'handed over, unanswered' }, blows: ['west killed', 'worker killed', 'doors killed'] },
  { ...usual, at: { east: 'queued there', west: 'storing outputs' }, blows: ['east killed', 'gateway stopped'] },
];

test('whatever is killed at whichever step, every accepted task ends once, with its pictures, its story and its webhook', async () => {
  world = await World.begin();
  const { broken, strikes, tasks, lost, doubled } = await perform(world, { mode: 'whole', scenes, strict: true });
  expect(broken).toEqual([]);
  expect({ lost, doubled, failed: tasks['failed'], cancelled: tasks['cancelled'] }).toEqual({ lost: 0, doubled: 0, failed: 0, cancelled: 0 });
  expect(tasks['completed']).toBe(world.orders.length);
  expect([...new Set(strikes.map(({ step }) => step))].toSorted()).toEqual(isOf(steps).toSorted());
});

test('so it is in a round that chance makes up', async () => {
  const seed = freshSeed();
  process.stdout.write(`CHAOS_SEED=${seed}\n`);
  world = await World.begin();
  const { broken } = await perform(world, { ...scenesOf(seed), strict: false });
  expect(broken, `with CHAOS_SEED=${seed}`).toEqual([]);
}, 180_000);
