/** Several instances: where the next attempt goes, and what an engine that is away does to its tasks. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configFolder } from '../../support/config-folder.ts';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { solidColour } from '../../support/graphs.ts';
import { containing } from '../../support/matchers.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

let engines: TestSandbox[];
const env = { RETRY_DELAY_SECONDS: '0.05' };

beforeEach(async () => {
  engines = await Promise.all([startTestSandbox(), startTestSandbox()]);
});
afterEach(async () => {
  for (const { sandbox } of engines) sandbox.knobs.reset();
  await Promise.all(engines.map((engine) => engine[Symbol.asyncDispose]()));
});

const nameOf = (engine: TestSandbox | undefined): string => new URL(engine?.url ?? '').host;
const named = (name: string | undefined): TestSandbox => {
  const found = engines.find((engine) => nameOf(engine) === name);
  if (!found) throw new TypeError(`no instance ${String(name)}`);
  return found;
};

test('what one instance lost is made again on the other', async () => {
  await using gateway = await startTestGateway({ instances: engines.map(({ url }) => url), env });
  const tasks = new TasksClient(gateway);
  for (const { sandbox } of engines) sandbox.knobs.set({ hold: true });
  const { task_id: id } = await tasks.create({ workflow: solidColour() });
  const job = await tasks.job(id);
  const first = (await gateway.reaches(job, 'running')).instance;
  await named(first).sandbox.restart();
  for (const { sandbox } of engines) sandbox.knobs.set({ hold: false });
  const view = await tasks.ended(id, 25_000);
  const second = nameOf(engines.find((engine) => nameOf(engine) !== first));
  expect(view).toMatchObject({ status: 'completed', attempts: [{ instance: first, outcome: 'failed', error: { code: 'PROMPT_LOST' } }, { instance: second, outcome: 'completed' }] });
}, 40_000);

test('while no instance is there, tasks wait, and say why; they run when one is back', async () => {
  const [engine] = engines;
  if (!engine) throw new TypeError('no engine');
  await using gateway = await startTestGateway({ instances: [engine.url], env });
  const tasks = new TasksClient(gateway);
  engine.sandbox.knobs.set({ refuseSockets: true });
  engine.sandbox.closeSockets();
  await until('it is away', async () => (await gateway.healthy()) === 0);
  const { task_id: id } = await tasks.create({ workflow: solidColour() });
  expect((await gateway.call('GET', '/api/v1/engines')).body).toMatchObject({ engines: [{ name: 'comfyui', healthy: false, reason: containing(nameOf(engine)), capacity: 0, pending: 1 }] });
  expect((await gateway.call('GET', '/api/status')).body).toMatchObject({ status: 'degraded', comfyui: { status: 'unreachable' } });
  expect(await tasks.view(id)).toMatchObject({ status: 'pending', attempt: 0 });
  engine.sandbox.knobs.set({ refuseSockets: false });
  expect(await tasks.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
});

test('an instance that takes no prompts is left for the other one within one attempt', async () => {
  await using gateway = await startTestGateway({ instances: engines.map(({ url }) => url), env });
  const tasks = new TasksClient(gateway);
  engines[0]?.sandbox.knobs.set({ failPromptBefore: 1_000 });
  for (let n = 0; n < 4; n += 1) expect(await tasks.run({ workflow: solidColour() })).toMatchObject({ status: 'completed', attempts: [{ instance: nameOf(engines[1]) }] });
});

test('an engine of some instances uses those alone, as many at once as it says', async () => {
  await using folder = await temporaryFolder();
  const [, two] = engines;
  const written = { engines: { small: { type: 'comfyui', description: 'One of them.', config: { instances: [nameOf(two)], concurrency: 1 } } } };
  await using gateway = await startTestGateway({ instances: engines.map(({ url }) => url), env: { ...env, CONFIG_DIR: await configFolder(folder.path, written) } });
  const tasks = new TasksClient(gateway);
  two?.sandbox.knobs.set({ hold: true });
  const ids = [];
  for (let n = 0; n < 3; n += 1) ids.push((await tasks.create({ workflow: solidColour(), engine: 'small' })).task_id);
  await tasks.reaches(ids[0] ?? '', 'processing');
  expect((await gateway.call('GET', '/api/v1/engines')).body).toMatchObject({ engines: expect.arrayContaining([expect.objectContaining({ name: 'small', running: 1, capacity: 1, pending: 2, description: 'One of them.' })]) as unknown });
  expect(await tasks.run({ workflow: solidColour() })).toMatchObject({ status: 'completed', attempts: [{ instance: nameOf(engines[0]) }] });
  two?.sandbox.knobs.set({ hold: false });
  for (const id of ids) expect(await tasks.ended(id)).toMatchObject({ status: 'completed', attempts: [{ instance: nameOf(two) }] });
});
