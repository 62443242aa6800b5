/** A gateway that ends in order, as at SIGTERM: the next one brings its tasks to their end, and their prompts ran once. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configFolder } from '../../support/config-folder.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { solidColour } from '../../support/graphs.ts';
import { png } from '../../support/picture.ts';
import { brought, endsOnce, states, World } from '../../support/task-states.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { until } from '../../support/until.ts';

let world: World;

beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world[Symbol.asyncDispose]());

describe('after an orderly end a task', () => {
  test.each(Object.keys(states).filter((name) => name !== 'is handed over'))('that %s ends exactly once', async (name) => {
    const first = await world.gateway();
    const ids = await brought(world, first, name);
    await first.close();
    world.release();
    await using second = await world.gateway();
    await endsOnce(world, second, ids);
  });

  test.each(['is handed over', 'runs'])('of a process that %s ends exactly once', async (name) => {
    const first = await GatewayProcess.start({ instances: [world.engine.url], folder: world.folder.path, env: world.env });
    const ids = await brought(world, first, name);
    await first.kill('SIGTERM');
    world.release();
    await using second = await world.gateway();
    await endsOnce(world, second, ids);
  }, 40_000);

  test('whose file its engine does not take holds the end up in no way, and ends exactly once', async () => {
    world.engine.sandbox.knobs.set({ hang: { 'POST /upload/image': 1 } });
    const first = await GatewayProcess.start({ instances: [world.engine.url], folder: world.folder.path, env: world.env });
    const source = `data:image/png;base64,${(await png()).toString('base64')}`;
    const { task_id: id } = await new TasksClient(first).create({ template: 'resize', inputs: { image: source, width: 16, height: 16 } });
    await until('its upload hangs', () => (world.engine.sandbox.counters.snapshot.requests['POST /upload/image'] ?? 0) > 0);
    expect((await first.kill('SIGTERM')).code).toBe(0);
    await using second = await world.gateway();
    expect(await new TasksClient(second).ended(id)).toMatchObject({ status: 'completed' });
    expect(world.executions()).toEqual([1]);
  }, 40_000);

  test('that was lost with its engine meanwhile is made again', async () => {
    world.engine.sandbox.knobs.set({ hold: true });
    const first = await world.gateway();
    const tasks = new TasksClient(first);
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    await first.reaches(await tasks.job(id), 'running');
    await first.close();
    await world.engine.sandbox.restart();
    world.release();
    await using second = await world.gateway();
    expect(await new TasksClient(second).ended(id, 30_000)).toMatchObject({ status: 'completed', attempt: 2 });
  }, 40_000);

  test('that finished without anybody looking is completed from what its engine remembers', async () => {
    world.engine.sandbox.knobs.set({ hold: true });
    const first = await world.gateway();
    const tasks = new TasksClient(first);
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    const job = await tasks.job(id);
    await first.reaches(job, 'running');
    await first.close();
    world.release();
    await until('it has ended there', async () => (await (await fetch(`${world.engine.url}/history/${job}`)).text()).includes('success'));
    await using second = await world.gateway();
    await endsOnce(world, second, [id]);
  });
});

test('a pipeline goes on at the step that was running, and earlier steps are not run again', async () => {
  const env = { ...world.env, CONFIG_DIR: await configFolder(world.folder.path) };
  const start = () => startTestGateway({ instances: [world.engine.url], folder: world.folder.path, env });
  const first = await start();
  const tasks = new TasksClient(first);
  const image = `data:image/png;base64,${(await png()).toString('base64')}`;
  world.engine.sandbox.knobs.set({ nodeDelayMs: 150 });
  const { task_id: id } = await tasks.create({ task_type: 'SHRINK_AND_GROW', image });
  using events = await tasks.events(id);
  await events.next('step');
  world.engine.sandbox.knobs.set({ hold: true });
  await until('the second step runs', async () => (await tasks.view(id)).attempts[1]?.job_id !== undefined);
  await first.close();
  world.release();
  await using second = await start();
  const view = await new TasksClient(second).ended(id);
  expect(view).toMatchObject({ status: 'completed', step: 'grow', outputs: [{ step: 'grow' }], steps: [{ name: 'shrink', outputs: [{ kind: 'image' }] }, { name: 'grow' }] });
  expect(view.attempts.map(({ step, outcome }) => [step, outcome])).toEqual([['shrink', 'completed'], ['grow', 'completed']]);
  expect(world.executions()).toEqual([1, 1]);
});

test('what waits, what is known by an Idempotency-Key, and what was told are there after a restart', async () => {
  world.engine.sandbox.knobs.set({ hold: true });
  const first = await world.gateway();
  const tasks = new TasksClient(first);
  const body = { workflow: solidColour(), priority: 3, metadata: { n: 1 } };
  await tasks.create({ workflow: solidColour() });
  const { task_id: id } = await tasks.create(body, { 'idempotency-key': 'the-key' });
  await first.close();
  await using second = await world.gateway();
  const its = new TasksClient(second);
  expect(await its.view(id)).toMatchObject({ status: 'pending', priority: 3, metadata: { n: 1 } });
  expect(await its.create(body, { 'idempotency-key': 'the-key' })).toMatchObject({ task_id: id });
  using events = await its.events(id);
  expect(await events.next('queued')).toMatchObject({ id: 1 });
  world.release();
  await events.rest();
  expect(events.names().at(-1)).toBe('completed');
});

test('watchers are let go at the end, and miss nothing when they come back with the number that they have', async () => {
  world.engine.sandbox.knobs.set({ hold: true });
  const first = await world.gateway();
  const tasks = new TasksClient(first);
  const { task_id: id } = await tasks.create({ workflow: solidColour() });
  using before = await tasks.events(id);
  await before.next('started');
  const rest = before.rest();
  await first.close();
  await rest;
  await using second = await world.gateway();
  using after = await new TasksClient(second).events(id, { since: before.numbers().at(-1) ?? 0 });
  world.release();
  await after.rest();
  const numbers = [...before.numbers(), ...after.numbers()];
  expect(numbers).toEqual(numbers.map((_, n) => n + 1));
  expect(after.names().at(-1)).toBe('completed');
});
