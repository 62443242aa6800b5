/** Workers and doors that end while others go on. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayProcess, WorkerProcess } from '../../support/gateway-process.ts';
import { solidColour } from '../../support/graphs.ts';
import { endsOnce, World } from '../../support/task-states.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { until } from '../../support/until.ts';

let world: World;
let api: GatewayProcess;
let tasks: TasksClient;

beforeEach(async () => {
  world = await World.make();
  api = await GatewayProcess.start({ ...options(), command: [process.execPath, 'src/entry/main.ts', 'api'] });
  tasks = new TasksClient(api);
});
afterEach(async () => {
  await api.kill('SIGKILL');
  await world[Symbol.asyncDispose]();
});

const options = () => ({ instances: [world.engine.url], folder: world.folder.path, env: { ...world.env, WEBHOOK_ALLOWED_HOSTS: '127.0.0.1' } });
const work = (): Promise<WorkerProcess> => WorkerProcess.start(options());

describe('workers', () => {
  test('of which one is killed: another goes on, and no prompt runs twice', async () => {
    const worker = await work();
    world.engine.sandbox.knobs.set({ hold: true });
    const [{ task_id: running }, { task_id: waiting }] = [await tasks.create({ workflow: solidColour() }), await tasks.create({ workflow: solidColour() })];
    await api.reaches(await tasks.job(running), 'running');
    await worker.kill('SIGKILL');
    expect(await tasks.view(running)).toMatchObject({ status: 'processing' });
    world.release();
    await using _next = await work();
    await endsOnce(world, api, [running, waiting]);
  }, 40_000);

  test('share the tasks, each of which runs once; what one leaves in order the other does', async () => {
    const [one, other] = await Promise.all([work(), work()]);
    const ids: string[] = [];
    for (let n = 0; n < 12; n += 1) ids.push((await tasks.create({ workflow: solidColour() })).task_id);
    await until('some have ended', async () => (await tasks.stats()).counts.completed > 2);
    expect((await one.kill('SIGTERM')).code).toBe(0);
    await endsOnce(world, api, ids);
    await other.kill('SIGKILL');
  }, 60_000);
});

test('the doors may be closed and opened again while the worker works', async () => {
  await using _worker = await work();
  world.engine.sandbox.knobs.set({ hold: true });
  const { task_id: id } = await tasks.create({ workflow: solidColour() });
  await api.reaches(await tasks.job(id), 'running');
  expect((await api.kill('SIGTERM')).code).toBe(0);
  world.release();
  api = await GatewayProcess.start({ ...options(), command: [process.execPath, 'src/entry/main.ts', 'api'] });
  await endsOnce(world, api, [id]);
}, 40_000);
