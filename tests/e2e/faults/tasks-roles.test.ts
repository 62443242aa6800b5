/** Doors and work in processes of their own, on one DATA_DIR. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayProcess, WorkerProcess } from '../../support/gateway-process.ts';
import { solidColour, textToImage } from '../../support/graphs.ts';
import { endsOnce, World } from '../../support/task-states.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { startWebhookReceiver } from '../../support/webhook-receiver.ts';

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

describe('doors alone', () => {
  test('accept tasks that wait for a worker, and cancel them', async () => {
    const [{ task_id: id }, { task_id: other }] = [await tasks.create({ workflow: solidColour() }), await tasks.create({ workflow: solidColour() })];
    expect(await tasks.cancel(other)).toMatchObject({ status: 'cancelled', attempt: 0 });
    expect(await tasks.view(id)).toMatchObject({ status: 'pending', position: 0 });
    expect(world.requests('POST /prompt')).toBe(0);
    await using worker = await work();
    expect(worker.child.exitCode).toBeNull();
    await endsOnce(world, api, [id]);
  }, 30_000);
});

describe('with a worker', () => {
  test('events come as they happen, with progress; waiting for the end works; a webhook is told', async () => {
    await using _worker = await work();
    await using receiver = await startWebhookReceiver();
    world.engine.sandbox.knobs.set({ stepDelayMs: 150 });
    const { task_id: id } = await tasks.create({ workflow: textToImage(8), webhook_url: receiver.url });
    using events = await tasks.events(id);
    const all = await events.rest();
    expect(events.names().filter((name) => name !== 'output')).toEqual(['queued', 'started', 'completed']);
    const shares = all.filter(({ event }) => event === 'progress').map(({ data }) => Number(data['progress']));
    expect(shares.length).toBeGreaterThan(0);
    expect(shares).toEqual(shares.toSorted((one, other) => one - other));
    const ended = Number(all.at(-1)?.data.at);
    expect(Date.now() - ended).toBeLessThan(1_500);
    world.release();
    const answer = await tasks.hand({ workflow: solidColour() }, { prefer: 'wait=15' });
    expect([answer.status, answer.body]).toMatchObject([200, { status: 'completed' }]);
    expect((await receiver.has(1))[0]?.message).toMatchObject({ type: 'task.completed', data: { task_id: id } });
  }, 40_000);

  test('a cancel at the doors stops what the worker has in hand, and says what became of it', async () => {
    await using _worker = await work();
    world.engine.sandbox.knobs.set({ nodeDelayMs: 60_000 });
    const { task_id: id } = await tasks.create({ workflow: solidColour() });
    await api.reaches(await tasks.job(id), 'running');
    expect(await tasks.cancel(id)).toMatchObject({ status: 'cancelled', attempts: [{ outcome: 'cancelled' }] });
    expect((await api.queue()).queue_remaining).toBe(0);
  }, 30_000);

  test('prompts of tasks that are cleared or interrupted at the doors make cancelled tasks', async () => {
    await using _worker = await work();
    world.engine.sandbox.knobs.set({ hold: true });
    const { task_id: running } = await tasks.create({ workflow: solidColour() });
    await api.reaches(await tasks.job(running), 'running');
    await api.interrupt();
    expect(await tasks.ended(running)).toMatchObject({ status: 'cancelled', attempt: 1 });
  }, 30_000);
});
