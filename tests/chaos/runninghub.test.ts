/** Two processes that are killed again and again, at moments that chance picks, while their tasks are at RunningHub, which has fewer slots than tasks. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskView } from '../../src/models/task.ts';
import { configFolder } from '../support/config-folder.ts';
import { startTestSandbox, type TestSandbox } from '../support/engine.ts';
import { download, handOver } from '../support/files-client.ts';
import { GatewayProcess, WorkerProcess } from '../support/gateway-process.ts';
import { png } from '../support/picture.ts';
import { poseEngine, startTestHub, type TestHub } from '../support/runninghub-engine.ts';
import { TasksClient } from '../support/tasks-client.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { type Dice, diceOf } from './dice.ts';
import { freshSeed } from './seed.ts';

const [TASKS, KILLS] = [24, 6];
/** What the next kill waits for: so many further requests of one kind. */
const moments = ['POST /task/openapi/create', 'POST /openapi/v2/query', 'GET /output'] as const;

let [hub, comfyui, folder]: [TestHub | undefined, TestSandbox | undefined, TemporaryFolder | undefined] = [undefined, undefined, undefined];
let [gateway, worker]: [GatewayProcess | undefined, WorkerProcess | undefined] = [undefined, undefined];
beforeEach(async () => {
  [hub, comfyui, folder] = await Promise.all([startTestHub({ knobs: { limits: { shared: 3 }, runMs: 150, slow: { 'POST /task/openapi/create': 60, 'GET /output': 60 } } }), startTestSandbox(), temporaryFolder()]);
});
afterEach(async () => {
  for (const one of [gateway, worker, hub, comfyui, folder]) await one?.[Symbol.asyncDispose]();
});

/** Kills one of the two at a moment of that kind, and starts it anew. */
async function strike(dice: Dice, requests: (route: string) => number, options: Parameters<typeof GatewayProcess.start>[0]): Promise<void> {
  const moment = dice.pick(moments);
  const at = requests(moment) + 1 + dice.whole(4);
  // Where all is done, it does not come any more.
  await until(`${moment} came`, () => requests(moment) >= at, 5_000).catch(() => undefined);
  if (dice.chance(0.5)) {
    await worker?.kill('SIGKILL');
    worker = await WorkerProcess.start(options);
  } else {
    await gateway?.kill('SIGKILL');
    gateway = await GatewayProcess.start(options);
  }
}

test('whoever is killed, every task ends once, nothing is made twice there, and what came out is here', async () => {
  const seed = freshSeed();
  process.stdout.write(`CHAOS_SEED=${seed}\n`);
  const dice = diceOf(seed);
  if (!hub || !comfyui || !folder) throw new TypeError('no world');
  const { counters } = hub.hub;
  const options = { instances: [comfyui.url], folder: folder.path, env: { CONFIG_DIR: await configFolder(folder.path, { engines: { hub: poseEngine(hub.hub) }, pipelines: { pose: { steps: { only: { engine: 'hub' } } } } }) } };
  [gateway, worker] = [await GatewayProcess.start(options), await WorkerProcess.start(options)];
  const image = (await handOver(gateway, await png())).name;
  const ids: string[] = [];
  for (let n = 0; n < TASKS; n += 1) ids.push((await new TasksClient(gateway).create({ task_type: 'POSE', source_image: image, reference_image: image, seed: n })).task_id);
  for (let n = 0; n < KILLS; n += 1) await strike(dice, (route) => counters.snapshot.requests[route] ?? 0, options);
  const tasks = new TasksClient(gateway);
  const views: TaskView[] = [];
  for (const id of ids) views.push(await tasks.ended(id, 60_000));
  const [completed, unknown] = [views.filter(({ status }) => status === 'completed'), views.filter(({ error }) => error?.code === 'ENGINE_OUTCOME_UNKNOWN')];
  expect(completed.length + unknown.length, JSON.stringify(views.filter((view) => !completed.includes(view)).map(({ error }) => error))).toBe(TASKS);
  expect(unknown.length).toBeLessThanOrEqual(3 * KILLS);
  expect(counters.snapshot.submissions.filter(({ tasks: made }) => made > 1)).toEqual([]);
  expect(hub.created()).toBeGreaterThanOrEqual(completed.length);
  for (const { task_id: id, outputs } of completed) {
    expect((await download(gateway, outputs[0]?.url ?? '')).status).toBe(200);
    using events = await tasks.events(id, { since: 0 });
    await events.rest();
    expect(events.names().filter((name) => ['completed', 'failed', 'cancelled'].includes(name))).toEqual(['completed']);
  }
}, 180_000);
