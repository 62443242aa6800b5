/** One gateway, from its configuration to its end. */
import { join } from 'node:path';
import type { Config } from '../core/config.ts';
import type { Logging } from '../core/logger.ts';
import type { Shutdown } from '../core/shutdown.ts';
import type { Role } from '../models/process.ts';
import { Adoption } from './adoption.ts';
import { assemble, checkFolders, findInstances, json, newId, openDatabase, packageRoot, readMultipart, readWritten, sleep, tokens, type Written } from './container.ts';
import { createAddressOf } from './http/address.ts';
import { createApp } from './http/app.ts';
import { BodyRoom } from './http/body-room.ts';
import { createGuard } from './http/guard.ts';
import { createRateLimit } from './http/rate-limit.ts';
import { openDoor } from './live/door.ts';
import { listen } from './server.ts';

export interface GatewayOptions {
  readonly config: Config;
  readonly logging: Logging;
  readonly version: string;
  /** What this process does; default is all. */
  readonly role?: Role;
  /** Takes the steps of the end, in the order in which things were opened. */
  readonly shutdown: Pick<Shutdown, 'add' | 'begun'>;
}

export interface Gateway {
  /** Where to reach it from this machine; a worker has no doors. */
  readonly url: string | undefined;
  readonly instances: readonly string[];
  /** Engines of type runninghub, and where their accounts are. */
  readonly hubs: readonly { readonly name: string; readonly host: string }[];
  /** How many there are. */
  readonly templates: number;
  readonly pipelines: number;
}

type Container = ReturnType<typeof assemble>;

/** Opens the database, finds the instances, listens. Throws GatewayError or ConfigError with a sentence to print. */
export async function startGateway({ config, logging, version, role, shutdown }: GatewayOptions): Promise<Gateway> {
  await checkFolders(config);
  const written = await readWritten(config, logging);
  const records = await openDatabase(config, shutdown.begun);
  shutdown.add('database', async () => records.destroy());
  const container = assemble({ config, logging, records, written, role });
  await findInstances(container, shutdown.begun);
  shutdown.add('connections', async (signal) => {
    await container.resolve(tokens.sandbox).release(signal);
    container.resolve(tokens.http).close();
    container.resolve(tokens.stream).close();
  });
  const mirror = container.resolve(tokens.mirror);
  const mirroring = mirror.run();
  shutdown.add('copies', async () => {
    await mirror.stop();
    await mirroring;
  });
  await follow(container, shutdown);
  work(container, { written, shutdown });
  const url = role === 'worker' ? undefined : await open(container, { config, logging, version, shutdown });
  return { url, instances: container.resolve(tokens.pool).all().map((instance) => instance.name), hubs: container.resolve(tokens.tasks).hubs, templates: written.templates.all().length, pipelines: written.engines.pipelines.size };
}

/** Durable tasks: claimed and worked on, told of, and let go when they are old. What is under way at the end is left for the next process. */
function work(container: Container, { written, shutdown }: { readonly written: Written; readonly shutdown: GatewayOptions['shutdown'] }): void {
  const tasks = container.resolve(tokens.tasks);
  const log = container.resolve(tokens.logging).logger('task_manager');
  const stop = new AbortController();
  const parts = [written.templates, tasks.worker, tasks.outbox, tasks.tail, tasks.retention].filter((part) => part !== undefined);
  const working = Promise.all(parts.map(async (part) => part.run(stop.signal)));
  working.catch((error: unknown) => log.error('working on tasks ended', { error }));
  shutdown.add('tasks', async () => {
    stop.abort();
    await working;
    tasks.close();
  });
}

/** Background work: the event sockets, the sandbox, and what other processes leave behind. Whoever has work is registered before and until after. */
async function follow(container: Container, shutdown: GatewayOptions['shutdown']): Promise<void> {
  const live = container.resolve(tokens.live);
  const log = container.resolve(tokens.logging).logger('task_manager');
  const processes = container.resolve(tokens.process);
  await processes.begin();
  shutdown.add('process', () => processes.end());
  const adoption = new Adoption({ processes, live, workflows: container.resolve(tokens.workflows), log, sleep });
  await adoption.once();
  const stop = new AbortController();
  const work = Promise.all([live.run(stop.signal), container.resolve(tokens.sandbox).keep(stop.signal), processes.run(stop.signal), adoption.run(stop.signal)]);
  work.catch((error: unknown) => log.error('following the instances ended', { error }));
  shutdown.add('events', async () => {
    stop.abort();
    await work;
  });
}

/** The doors. */
async function open(container: Container, { config, logging, version, shutdown }: GatewayOptions): Promise<string> {
  const log = logging.logger('router');
  const guard = createGuard(config);
  const rateLimit = createRateLimit({ perMinute: config.RATE_LIMIT_PER_MINUTE, authenticated: config.authenticated });
  const access = container.resolve(tokens.access);
  const workflows = container.resolve(tokens.workflows);
  const tasks = container.resolve(tokens.tasks);
  const room = new BodyRoom();
  const app = createApp({
    config, access, workflows, guard, rateLimit, room, log, version, json, readMultipart,
    queue: container.resolve(tokens.queue),
    images: container.resolve(tokens.images),
    instances: container.resolve(tokens.instances),
    tasks: tasks.tasks,
    hub: tasks.hub,
    catalog: tasks.catalog,
    stopping: shutdown.begun,
    stringify: json.stringify,
    startFolder: join(packageRoot, 'web', 'start'),
  });
  const listening = await listen(app, { host: config.HOST, port: config.PORT });
  shutdown.add('calls', (signal) => listening.close(signal));
  const maxBytes = Math.ceil(config.MAX_WORKFLOW_MB * 1024 * 1024);
  const door = openDoor(listening.server, { access, workflows, tasks: tasks.tasks, live: container.resolve(tokens.live), guard, rateLimit, addressOf: createAddressOf(config.TRUSTED_PROXIES), newId, maxBytes, parseJson: json.parse, room, log });
  shutdown.add('sockets', (signal) => door.close(signal));
  return listening.url;
}
