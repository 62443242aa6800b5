/** A gateway that ends while a task is in some state, in order or not: the next one brings the task to its end, and its prompt ran once. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../support/engine.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { solidColour } from '../../support/graphs.ts';
import { png } from '../../support/picture.ts';
import { type SmallServer, startSmallServer } from '../../support/small-server.ts';
import { TasksClient } from '../../support/tasks-client.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let engine: TestSandbox;
let server: SmallServer;
let deliver = (): void => undefined;

beforeEach(async () => {
  const content = await png();
  const delivered = new Promise<void>((resolve) => (deliver = resolve));
  [folder, engine, server] = await Promise.all([temporaryFolder(), startTestSandbox(), startSmallServer((_request, response) => void delivered.then(() => response.writeHead(200).end(content)))]);
});
afterEach(async () => {
  engine.sandbox.knobs.reset();
  deliver();
  await server.close();
  await engine[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const env = { TASKS_PER_INSTANCE: '1', FETCH_ALLOWED_HOSTS: '127.0.0.1', RETRY_DELAY_SECONDS: '0.05' };
const start = (): Promise<GatewayProcess> => GatewayProcess.start({ instances: [engine.url], folder: folder.path, env });
const executions = (): number[] => Object.values(engine.sandbox.counters.snapshot.executions);
const requests = (route: string): number => engine.sandbox.counters.snapshot.requests[route] ?? 0;

interface State {
  readonly knobs?: Readonly<Record<string, unknown>>;
  readonly body: () => Readonly<Record<string, unknown>>;
  /** Resolves when the task is in that state. */
  readonly there: (tasks: TasksClient, id: string, gateway: GatewayProcess) => Promise<unknown>;
}

const states: Readonly<Record<string, State>> = {
  'waits behind another': {
    knobs: { hold: true },
    body: () => ({ workflow: solidColour() }),
    there: async (tasks, id) => expect(await tasks.view(id)).toMatchObject({ status: 'pending' }),
  },
  'fetches its inputs': {
    body: () => ({ template: 'resize', inputs: { image: server.url, width: 16, height: 16 } }),
    there: () => until('its file is asked for', () => server.connections() > 0),
  },
  'is handed over': {
    knobs: { holdPrompts: true },
    body: () => ({ workflow: solidColour() }),
    there: () => until('the engine was asked', () => requests('POST /prompt') > 0),
  },
  'runs': {
    knobs: { hold: true },
    body: () => ({ workflow: solidColour() }),
    there: async (tasks, id, gateway) => gateway.reaches(await tasks.job(id), 'running'),
  },
  'has its outputs stored': {
    knobs: { hang: { 'GET /view': 50 } },
    body: () => ({ workflow: solidColour() }),
    there: async () => until('its file is asked for', () => requests('GET /view') > 0),
  },
};

describe.each(['SIGKILL', 'SIGTERM'] as const)('after %s a task that', (signal) => {
  test.each(Object.entries(states))('%s ends exactly once', async (name, { knobs = {}, body, there }) => {
    const first = await start();
    engine.sandbox.knobs.set(knobs);
    const tasks = new TasksClient(first);
    const before = name === 'waits behind another' ? [(await tasks.create({ workflow: solidColour() })).task_id] : [];
    for (const id of before) await tasks.reaches(id, 'processing');
    const { task_id: id } = await tasks.create(body());
    await there(tasks, id, first);
    await first.kill(signal);
    engine.sandbox.knobs.reset();
    deliver();
    await using second = await start();
    const its = new TasksClient(second);
    using events = await its.events(id);
    await events.rest();
    for (const one of [...before, id]) expect(await its.ended(one)).toMatchObject({ status: 'completed', outputs: [{ kind: 'image' }] });
    expect(events.names().filter((event) => ['completed', 'failed', 'cancelled'].includes(event))).toEqual(['completed']);
    expect(events.numbers()).toEqual(events.numbers().map((_, n) => n + 1));
    expect(executions()).toEqual([...before, id].map(() => 1));
    const view = await its.view(id);
    expect(view.attempts.filter(({ outcome }) => outcome === 'completed')).toHaveLength(1);
    expect((await fetch(second.url + (view.outputs[0]?.url ?? ''))).status).toBe(200);
  }, 40_000);
});
