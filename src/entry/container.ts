/**
 * The assembly: the one file that knows which class stands behind which interface. Every token resolves to one object for
 * the whole process. Nothing below knows of the container.
 */
import 'reflect-metadata';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { container as root, type DependencyContainer, instanceCachingFactory, type InjectionToken } from 'tsyringe';
import { isAlive } from '../atoms/child-process/alive.ts';
import { usableFolder } from '../atoms/files/folder.ts';
import { hostName } from '../atoms/host/host.ts';
import { HttpText } from '../atoms/http/http.ts';
import { HttpStream } from '../atoms/http-stream/http-stream.ts';
import { newId } from '../atoms/ids/ids.ts';
import { parseJson, stringifyJson } from '../atoms/json/json.ts';
import { readMultipart } from '../atoms/multipart/read-multipart.ts';
import { sleep } from '../atoms/time/time.ts';
import { AccessCoordinator, ticketAge } from '../coordinator/access-coordinator.ts';
import { ImageCoordinator } from '../coordinator/images/image-coordinator.ts';
import { InstanceCoordinator } from '../coordinator/instance/instance-coordinator.ts';
import { LiveCoordinator } from '../coordinator/live/live-coordinator.ts';
import { MirrorCoordinator } from '../coordinator/mirror/mirror-coordinator.ts';
import { ProcessCoordinator } from '../coordinator/process/process-coordinator.ts';
import { QueueCoordinator } from '../coordinator/queue/queue-coordinator.ts';
import { WorkflowCoordinator } from '../coordinator/workflow/workflow-coordinator.ts';
import { type Config, ConfigError } from '../core/config.ts';
import { reasonOf } from '../core/errors.ts';
import type { Logging } from '../core/logger.ts';
import type { Role } from '../models/process.ts';
import type { InputRecord } from '../models/records.ts';
import { createKeyRing } from '../molecules/access/keys.ts';
import { createTickets } from '../molecules/access/tickets.ts';
import { ComfyuiEvents } from '../molecules/comfyui-events/events.ts';
import { HttpComfyuiFiles } from '../molecules/comfyui-files/files.ts';
import { ComfyuiHistory } from '../molecules/comfyui-history/history.ts';
import { ComfyuiInfo } from '../molecules/comfyui-info/info.ts';
import { ComfyuiQueue } from '../molecules/comfyui-queue/queue.ts';
import { ComfyuiWorkflow } from '../molecules/comfyui-workflow/workflow.ts';
import { Converter } from '../molecules/conversion/conversion.ts';
import { EventFeed } from '../molecules/event-feed/feed.ts';
import { InputStore } from '../molecules/input-store/input-store.ts';
import { instanceOf } from '../molecules/instance-pool/address.ts';
import { InstancePool } from '../molecules/instance-pool/pool.ts';
import { OutputStore } from '../molecules/output-store/output-store.ts';
import { PromptTracker } from '../molecules/prompt-tracker/tracker.ts';
import { SqlInputRecords } from '../molecules/records/input-records.ts';
import { SqlProcessRecords } from '../molecules/records/process-records.ts';
import { SqlPromptRecords } from '../molecules/records/prompt-records.ts';
import { openRecords } from '../molecules/records/open.ts';
import type { Records } from '../molecules/records/schema.ts';
import { Sandbox } from '../molecules/sandbox/sandbox.ts';
import { assembleTasks, type TaskAssembly, type Written } from './container/tasks.ts';

const token = <T>(name: string): InjectionToken<T> => Symbol(name);

/** What the doors and the start ask for. */
export const tokens = {
  config: token<Config>('config'),
  logging: token<Logging>('logging'),
  records: token<Records>('records'),
  http: token<HttpText>('http'),
  stream: token<HttpStream>('stream'),
  pool: token<InstancePool>('pool'),
  tracker: token<PromptTracker>('tracker'),
  feed: token<EventFeed>('feed'),
  clientId: token<string>('clientId'),
  role: token<Role>('role'),
  process: token<ProcessCoordinator>('process'),
  comfyui: token<Comfyui>('comfyui'),
  prompts: token<SqlPromptRecords>('prompts'),
  inputs: token<SqlInputRecords>('inputs'),
  sandbox: token<Sandbox>('sandbox'),
  access: token<AccessCoordinator>('access'),
  workflows: token<WorkflowCoordinator>('workflows'),
  queue: token<QueueCoordinator>('queue'),
  stores: token<{ readonly inputs: InputStore; readonly outputs: OutputStore }>('stores'),
  images: token<ImageCoordinator>('images'),
  mirror: token<MirrorCoordinator>('mirror'),
  instances: token<InstanceCoordinator>('instances'),
  live: token<LiveCoordinator>('live'),
  tasks: token<TaskAssembly>('tasks'),
} as const;

interface Comfyui {
  readonly workflow: ComfyuiWorkflow;
  readonly queue: ComfyuiQueue;
  readonly history: ComfyuiHistory;
  readonly info: ComfyuiInfo;
  readonly events: ComfyuiEvents;
  readonly files: HttpComfyuiFiles;
}

/** What must exist before anything is assembled. */
export interface Foundations {
  readonly config: Config;
  readonly logging: Logging;
  readonly records: Records;
  readonly written: Written;
  /** What this process does of all that the gateway does. */
  readonly role?: Role | undefined;
}

export const json = { parse: parseJson, stringify: stringifyJson };
export { newId, readMultipart, sleep };
export { readSound, readWritten, type Written } from './container/tasks.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
/** Where the package lies: the sandbox and the start page are found from here, whatever the working folder is. */
export const packageRoot = join(here, '..', '..');

/** A container of its own for one gateway; tests assemble several side by side. */
export function assemble(foundations: Foundations): DependencyContainer {
  const container = root.createChildContainer();
  container.registerInstance(tokens.config, foundations.config);
  container.registerInstance(tokens.logging, foundations.logging);
  container.registerInstance(tokens.records, foundations.records);
  container.registerInstance<Role>(tokens.role, foundations.role ?? 'all');
  once(container, tokens.tasks, (get) => tasksOf(get, foundations));
  registerAtoms(container);
  registerMolecules(container);
  registerCoordinators(container);
  return container;
}

function once<T>(container: DependencyContainer, name: InjectionToken<T>, make: (get: DependencyContainer) => T): void {
  container.register(name, { useFactory: instanceCachingFactory(() => make(container)) });
}

function registerAtoms(container: DependencyContainer): void {
  once(container, tokens.http, () => new HttpText());
  once(container, tokens.stream, () => new HttpStream());
}

function registerMolecules(container: DependencyContainer): void {
  once(container, tokens.pool, () => new InstancePool());
  once(container, tokens.tracker, () => new PromptTracker());
  once(container, tokens.feed, () => new EventFeed());
  once(container, tokens.prompts, (get) => new SqlPromptRecords(get.resolve(tokens.records), Date.now));
  once(container, tokens.inputs, (get) => new SqlInputRecords(get.resolve(tokens.records)));
  once(container, tokens.stores, (get) => {
    const { INPUT_DIR, OUTPUT_DIR, MAX_UPLOAD_MB } = get.resolve(tokens.config);
    return { inputs: new InputStore(INPUT_DIR, { maxBytes: Math.floor(MAX_UPLOAD_MB * 1024 * 1024) }), outputs: new OutputStore(OUTPUT_DIR) };
  });
  once(container, tokens.clientId, (get) => `${get.resolve(tokens.config).COMFYUI_CLIENT_ID}-${newId()}`);
  once(container, tokens.comfyui, comfyui);
  once(container, tokens.sandbox, (get) => {
    const dataDir = get.resolve(tokens.config).DATA_DIR;
    return new Sandbox({
      http: get.resolve(tokens.http),
      stream: get.resolve(tokens.stream),
      log: get.resolve(tokens.logging).logger('comfyui_client'),
      script: join(packageRoot, 'sandbox', 'comfyui', 'main.ts'),
      dataDir: join(dataDir, 'sandbox'),
      addressFile: join(dataDir, 'sandbox.json'),
    });
  });
}

function comfyui(get: DependencyContainer): Comfyui {
  const config = get.resolve(tokens.config);
  const http = get.resolve(tokens.http);
  const timeoutMs = config.COMFYUI_REQUEST_TIMEOUT * 1_000;
  const connectMs = config.COMFYUI_CONNECT_TIMEOUT * 1_000;
  return {
    workflow: new ComfyuiWorkflow(http, { timeoutMs }),
    queue: new ComfyuiQueue(http, { timeoutMs }),
    history: new ComfyuiHistory(http, { timeoutMs }),
    info: new ComfyuiInfo(http, { timeoutMs, connectMs }),
    events: new ComfyuiEvents({ connectMs }),
    files: new HttpComfyuiFiles(get.resolve(tokens.stream), { uploadMs: 20 * timeoutMs, idleMs: timeoutMs }),
  };
}

function registerCoordinators(container: DependencyContainer): void {
  once(container, tokens.access, (get) => {
    const { API_KEYS, authenticated } = get.resolve(tokens.config);
    return new AccessCoordinator({ keys: createKeyRing(API_KEYS), tickets: createTickets({ now: Date.now, age: ticketAge }), authenticated });
  });
  once(container, tokens.process, ownProcess);
  registerFiles(container);
  once(container, tokens.instances, (get) => new InstanceCoordinator({ pool: get.resolve(tokens.pool), info: get.resolve(tokens.comfyui).info, now: Date.now }));
  once(container, tokens.queue, (get) => new QueueCoordinator({ ...shared(get), queue: get.resolve(tokens.comfyui).queue, records: get.resolve(tokens.prompts) }));
  once(container, tokens.workflows, (get) => {
    const records = { prompts: get.resolve(tokens.prompts), inputs: get.resolve(tokens.inputs), open: (record: InputRecord) => get.resolve(tokens.stores).inputs.open(record.path) };
    return new WorkflowCoordinator({ ...shared(get), comfyui: get.resolve(tokens.comfyui), records, log: get.resolve(tokens.logging).logger('task_manager'), newId, sleep });
  });
  once(container, tokens.live, (get) => {
    const logging = get.resolve(tokens.logging);
    return new LiveCoordinator({
      ...shared(get),
      comfyui: get.resolve(tokens.comfyui),
      records: get.resolve(tokens.prompts),
      tasks: get.resolve(tokens.tasks).store,
      log: { client: logging.logger('comfyui_client'), tasks: logging.logger('task_manager') },
      promptLimit: get.resolve(tokens.config).COMFYUI_TIMEOUT * 1_000,
      mirror: (...copy) => get.resolve(tokens.mirror).enqueue(...copy),
      random: Math.random,
      sleep,
    });
  });
}

function tasksOf(get: DependencyContainer, { config, logging, records, written, role = 'all' }: Foundations): TaskAssembly {
  const { pool, tracker, feed, process: name } = shared(get);
  return assembleTasks({
    config, logging, records, role, name, written, pool, tracker,
    http: get.resolve(tokens.http),
    stream: get.resolve(tokens.stream),
    eventFeed: feed,
    prompts: get.resolve(tokens.prompts),
    inputs: get.resolve(tokens.inputs),
    stores: get.resolve(tokens.stores),
    comfyui: get.resolve(tokens.comfyui),
    workflows: get.resolve(tokens.workflows),
    images: get.resolve(tokens.images),
    process: get.resolve(tokens.process),
  });
}

/** Its name among processes is the one that ComfyUI knows it by. */
function ownProcess(get: DependencyContainer): ProcessCoordinator {
  return new ProcessCoordinator({
    records: new SqlProcessRecords(get.resolve(tokens.records)),
    self: { id: get.resolve(tokens.clientId), role: get.resolve(tokens.role), host: hostName(), pid: process.pid },
    alive: isAlive,
    log: get.resolve(tokens.logging).logger('main'),
    now: Date.now,
    sleep,
  });
}

function registerFiles(container: DependencyContainer): void {
  const records = (get: DependencyContainer) => ({ prompts: get.resolve(tokens.prompts), inputs: get.resolve(tokens.inputs) });
  once(container, tokens.mirror, (get) => {
    const { MIRROR_OUTPUTS, OUTPUT_MAX_GB, OUTPUT_MAX_DAYS } = get.resolve(tokens.config);
    return new MirrorCoordinator({
      ...shared(get),
      files: get.resolve(tokens.comfyui).files,
      records: records(get),
      stores: get.resolve(tokens.stores),
      log: get.resolve(tokens.logging).logger('task_manager'),
      limits: { enabled: MIRROR_OUTPUTS, maxBytes: OUTPUT_MAX_GB * 1024 ** 3, maxAgeMs: OUTPUT_MAX_DAYS * 86_400_000 },
      random: Math.random,
      sleep,
    });
  });
  once(container, tokens.images, (get) => new ImageCoordinator({
    ...shared(get),
    files: get.resolve(tokens.comfyui).files,
    records: records(get),
    stores: get.resolve(tokens.stores),
    converter: new Converter(join(get.resolve(tokens.config).DATA_DIR, 'conversions')),
    log: get.resolve(tokens.logging).logger('router'),
    liveOutput: (promptId, ref) => get.resolve(tokens.tracker).madeBy(promptId, ref),
    following: (promptId, ref) => get.resolve(tokens.mirror).follow(promptId, ref),
    taskOwner: async (id) => (await get.resolve(tokens.tasks).store.find(id))?.owner,
  }));
}

/** What following, submitting and looking have in common. */
function shared(get: DependencyContainer) {
  return {
    pool: get.resolve(tokens.pool),
    tracker: get.resolve(tokens.tracker),
    feed: get.resolve(tokens.feed),
    clientId: get.resolve(tokens.clientId),
    process: get.resolve(tokens.clientId),
    publicUrl: get.resolve(tokens.config).PUBLIC_URL ?? '',
    now: Date.now,
  };
}

/** Throws ConfigError for a folder that cannot be used. */
export async function checkFolders(config: Config): Promise<void> {
  const names = ['DATA_DIR', 'INPUT_DIR', ...(config.MIRROR_OUTPUTS ? (['OUTPUT_DIR'] as const) : [])] as const;
  const refusals = await Promise.all(names.map((name) => usableFolder(config[name]).then(() => [], (error: unknown) => [`${name} is "${config[name]}", which is not usable: ${reasonOf(error)}`])));
  if (refusals.flat().length > 0) throw new ConfigError(refusals.flat());
}

/** Opens the embedded database. Throws INTERNAL_ERROR naming the file. */
export async function openDatabase(config: Config, signal: AbortSignal): Promise<Records> {
  return openRecords(join(config.DATA_DIR, 'gateway.db'), signal);
}

/** A database that is gone with its process, for those who only look. */
export async function openMemory(signal: AbortSignal): Promise<Records> {
  return openRecords(':memory:', signal);
}

/** Puts the configured instances into the pool; the sandbox is attached to, or started. Throws CONNECTION_ERROR. */
export async function findInstances(container: DependencyContainer, signal: AbortSignal): Promise<void> {
  const pool = container.resolve(tokens.pool);
  for (const url of container.resolve(tokens.config).comfyuiUrls) {
    if (url !== 'sandbox') pool.add(instanceOf(url));
    else pool.add({ name: 'sandbox', url: await container.resolve(tokens.sandbox).attach(signal), headers: {} });
  }
}
