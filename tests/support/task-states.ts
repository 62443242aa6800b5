/** States that a task may be in when its gateway ends, and what must be true once the next one is there. */
import { expect } from 'vitest';
import { startTestSandbox, type TestSandbox } from './engine.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';
import type { GatewayClient } from './gateway-client.ts';
import { solidColour } from './graphs.ts';
import { png } from './picture.ts';
import { type SmallServer, startSmallServer } from './small-server.ts';
import { TasksClient } from './tasks-client.ts';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

/** What outlives a gateway: its folder, its engine, and a server whose file is on its way until `deliver`. */
export class World implements AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly engine: TestSandbox;
  readonly server: SmallServer;
  readonly deliver: () => void;
  readonly env = { TASKS_PER_INSTANCE: '1', FETCH_ALLOWED_HOSTS: '127.0.0.1', RETRY_DELAY_SECONDS: '0.05', SHUTDOWN_GRACE_SECONDS: '1' };

  private constructor(parts: Pick<World, 'folder' | 'engine' | 'server' | 'deliver'>) {
    this.folder = parts.folder;
    this.engine = parts.engine;
    this.server = parts.server;
    this.deliver = parts.deliver;
  }

  static async make(): Promise<World> {
    const content = await png();
    const { promise: delivered, resolve: deliver } = Promise.withResolvers<void>();
    const server = await startSmallServer((_request, response) => void delivered.then(() => response.writeHead(200).end(content)));
    const [folder, engine] = await Promise.all([temporaryFolder(), startTestSandbox()]);
    return new World({ folder, engine, server, deliver: () => deliver() });
  }

  /** A gateway on this folder, in this process. */
  gateway(): Promise<TestGateway> {
    return startTestGateway({ instances: [this.engine.url], folder: this.folder.path, env: this.env });
  }

  requests(route: string): number {
    return this.engine.sandbox.counters.snapshot.requests[route] ?? 0;
  }

  /** How often each prompt was executed. */
  executions(): number[] {
    return Object.values(this.engine.sandbox.counters.snapshot.executions);
  }

  /** Nothing is held back any more. */
  release(): void {
    this.engine.sandbox.knobs.reset();
    this.deliver();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await this.server.close();
    await this.engine[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

interface State {
  readonly knobs?: Readonly<Record<string, unknown>>;
  readonly body: (world: World) => Readonly<Record<string, unknown>>;
  /** Resolves when the task is in that state. */
  readonly there: (world: World, tasks: TasksClient, id: string) => Promise<unknown>;
}

const graph = () => ({ workflow: solidColour() });

export const states: Readonly<Record<string, State>> = {
  'waits behind another': { knobs: { hold: true }, body: graph, there: (_world, tasks, id) => until('it waits', async () => (await tasks.view(id)).status === 'pending') },
  'fetches its inputs': { body: ({ server }) => ({ template: 'resize', inputs: { image: server.url, width: 16, height: 16 } }), there: ({ server }) => until('its file is asked for', () => server.connections() > 0) },
  'is handed over': { knobs: { holdPrompts: true }, body: graph, there: (world) => until('the engine was asked', () => world.requests('POST /prompt') > 0) },
  'runs': { knobs: { hold: true }, body: graph, there: async (_world, tasks, id) => tasks.gateway.reaches(await tasks.job(id), 'running') },
  'has its outputs stored': { knobs: { hang: { 'GET /view': 50 } }, body: graph, there: (world) => until('its file is asked for', () => world.requests('GET /view') > 0) },
};

/** Makes a task and brings it into that state. Answers it, and the one that it waits behind, if any. */
export async function brought(world: World, gateway: GatewayClient, name: string): Promise<string[]> {
  const { knobs = {}, body, there } = states[name] ?? unknown(name);
  world.engine.sandbox.knobs.set(knobs);
  const tasks = new TasksClient(gateway);
  const before = name === 'waits behind another' ? [(await tasks.create(graph())).task_id] : [];
  for (const id of before) await tasks.reaches(id, 'processing');
  const { task_id: id } = await tasks.create(body(world));
  await there(world, tasks, id);
  return [...before, id];
}

/** Each completes exactly once, with its file, and its prompt ran once. */
export async function endsOnce(world: World, gateway: GatewayClient, ids: readonly string[]): Promise<void> {
  const tasks = new TasksClient(gateway);
  for (const id of ids) {
    using events = await tasks.events(id);
    await events.rest();
    expect(events.names().filter((event) => ['completed', 'failed', 'cancelled'].includes(event))).toEqual(['completed']);
    expect(events.numbers()).toEqual(events.numbers().map((_, n) => n + 1));
    const view = await tasks.view(id);
    expect(view).toMatchObject({ status: 'completed', outputs: [{ kind: 'image' }] });
    expect(view.attempts.filter(({ outcome }) => outcome === 'completed')).toHaveLength(1);
    expect((await fetch(gateway.url + (view.outputs[0]?.url ?? ''))).status).toBe(200);
  }
  expect(world.executions()).toEqual(ids.map(() => 1));
}

function unknown(name: string): never {
  throw new TypeError(`no state ${name}`);
}
