/** One gateway, from its configuration to its end. */
import { join } from 'node:path';
import type { Config } from '../core/config.ts';
import type { Logging } from '../core/logger.ts';
import type { Shutdown } from '../core/shutdown.ts';
import { assemble, checkFolders, findInstances, json, newId, openDatabase, packageRoot, readMultipart, tokens } from './container.ts';
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
  /** Takes the steps of the end, in the order in which things were opened. */
  readonly shutdown: Pick<Shutdown, 'add' | 'begun'>;
}

export interface Gateway {
  /** Where to reach it from this machine. */
  readonly url: string;
  readonly instances: readonly string[];
}

type Container = ReturnType<typeof assemble>;

/** Opens the database, finds the instances, listens. Throws GatewayError or ConfigError with a sentence to print. */
export async function startGateway({ config, logging, version, shutdown }: GatewayOptions): Promise<Gateway> {
  await checkFolders(config);
  const records = await openDatabase(config, shutdown.begun);
  shutdown.add('database', async () => records.destroy());
  const container = assemble({ config, logging, records });
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
  const url = await open(container, { config, logging, version, shutdown });
  return { url, instances: container.resolve(tokens.pool).all().map((instance) => instance.name) };
}

/** Background work: the event sockets, and the sandbox. */
async function follow(container: Container, shutdown: GatewayOptions['shutdown']): Promise<void> {
  const live = container.resolve(tokens.live);
  const log = container.resolve(tokens.logging).logger('task_manager');
  const adopted = await live.adopt();
  if (adopted > 0) log.info('prompts of an earlier process are taken up', { prompts: adopted });
  const stop = new AbortController();
  const work = Promise.all([live.run(stop.signal), container.resolve(tokens.sandbox).keep(stop.signal)]);
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
  const room = new BodyRoom();
  const app = createApp({
    config, access, workflows, guard, rateLimit, room, log, version, json, readMultipart,
    queue: container.resolve(tokens.queue),
    images: container.resolve(tokens.images),
    instances: container.resolve(tokens.instances),
    startFolder: join(packageRoot, 'web', 'start'),
  });
  const listening = await listen(app, { host: config.HOST, port: config.PORT });
  shutdown.add('calls', (signal) => listening.close(signal));
  const maxBytes = Math.ceil(config.MAX_WORKFLOW_MB * 1024 * 1024);
  const door = openDoor(listening.server, { access, workflows, live: container.resolve(tokens.live), guard, rateLimit, addressOf: createAddressOf(config.TRUSTED_PROXIES), newId, maxBytes, parseJson: json.parse, room, log });
  shutdown.add('sockets', (signal) => door.close(signal));
  return listening.url;
}
