/** A gateway that is killed: the next one brings its tasks to their end, and their prompts ran once. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { solidColour } from '../../support/graphs.ts';
import { brought, endsOnce, states, World } from '../../support/task-states.ts';
import { TasksClient } from '../../support/tasks-client.ts';

let world: World;

beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world[Symbol.asyncDispose]());

const start = (): Promise<GatewayProcess> => GatewayProcess.start({ instances: [world.engine.url], folder: world.folder.path, env: world.env });

describe('after SIGKILL a task', () => {
  test.each(Object.keys(states))('that %s ends exactly once', async (name) => {
    const first = await start();
    const ids = await brought(world, first, name);
    await first.kill('SIGKILL');
    world.release();
    await using second = await world.gateway();
    await endsOnce(world, second, ids);
  }, 40_000);

  test('that was to be cancelled is cancelled', async () => {
    world.engine.sandbox.knobs.set({ nodeDelayMs: 60_000, hang: { 'POST /interrupt': 9 } });
    const first = await start();
    const tasks = new TasksClient(first);
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    using events = await tasks.events(id);
    await first.reaches(await tasks.job(id), 'running');
    tasks.cancel(id).catch(() => undefined);
    await events.next('cancelling');
    await first.kill('SIGKILL');
    world.engine.sandbox.knobs.set({ hang: {} });
    await using second = await world.gateway();
    expect(await new TasksClient(second).ended(id)).toMatchObject({ status: 'cancelled', attempt: 1 });
  }, 40_000);

  test('whose deadline passed meanwhile fails with it', async () => {
    world.engine.sandbox.knobs.set({ nodeDelayMs: 60_000 });
    const first = await start();
    const tasks = new TasksClient(first);
    const { task_id: id } = await tasks.create({ workflow: solidColour(), deadline_seconds: 1 });
    await tasks.job(id);
    await first.kill('SIGKILL');
    await using second = await world.gateway();
    expect(await new TasksClient(second).ended(id)).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'TASK_TIMEOUT' } });
  }, 40_000);
});
