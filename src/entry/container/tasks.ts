/** The part of the assembly that durable tasks are made of. As container.ts it may see every floor; it knows nothing of the container. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { HttpText } from '../../atoms/http/http.ts';
import type { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { decodeDataUri } from '../../atoms/data-uri/data-uri.ts';
import { newId } from '../../atoms/ids/ids.ts';
import { stringifyJson } from '../../atoms/json/json.ts';
import { parseAllowedHosts } from '../../atoms/public-http/allowed-hosts.ts';
import { PublicHttp } from '../../atoms/public-http/public-http.ts';
import { sleep } from '../../atoms/time/time.ts';
import { type AssembledHub, runninghubEngine, withImplicitHub } from './runninghub.ts';
import { ComfyuiEngine } from '../../coordinator/engines/comfyui-engine.ts';
import type { Prompts } from '../../coordinator/engines/parts.ts';
import type { ImageCoordinator } from '../../coordinator/images/image-coordinator.ts';
import type { ProcessCoordinator } from '../../coordinator/process/process-coordinator.ts';
import { Catalog } from '../../coordinator/tasks/catalog.ts';
import { FetchLane } from '../../coordinator/tasks/fetch-lane.ts';
import { HubTasks } from '../../coordinator/tasks/hub-tasks.ts';
import { Outbox } from '../../coordinator/tasks/outbox.ts';
import { Planning } from '../../coordinator/tasks/planning.ts';
import { Retention } from '../../coordinator/tasks/retention.ts';
import { kindOf } from '../../coordinator/tasks/source-kind.ts';
import { type SourceParts, Sources } from '../../coordinator/tasks/sources.ts';
import { Tail } from '../../coordinator/tasks/tail.ts';
import { TaskCoordinator } from '../../coordinator/tasks/task-coordinator.ts';
import { Worker } from '../../coordinator/tasks/worker.ts';
import { type Config, ConfigError, environmentValue } from '../../core/config.ts';
import type { Logging } from '../../core/logger.ts';
import type { Caller } from '../../models/caller.ts';
import type { ComfyuiFiles } from '../../models/comfyui-files.ts';
import { type EngineConfig, implicitHub } from '../../models/engine-config.ts';
import type { Engine } from '../../models/engine.ts';
import type { FileQuery } from '../../models/file.ts';
import type { Role } from '../../models/process.ts';
import type { InputRecords, PromptRecords } from '../../models/records.ts';
import type { ComfyuiInfo } from '../../molecules/comfyui-info/info.ts';
import { loadEngineConfig, parseEngineConfig } from '../../molecules/engine-config/engine-config.ts';
import type { EventFeed } from '../../molecules/event-feed/feed.ts';
import type { InputStore } from '../../molecules/input-store/input-store.ts';
import { instanceOf } from '../../molecules/instance-pool/address.ts';
import type { InstancePool } from '../../molecules/instance-pool/pool.ts';
import { LocalStorage } from '../../molecules/output-store/local-storage.ts';
import type { OutputStore } from '../../molecules/output-store/output-store.ts';
import type { PromptTracker } from '../../molecules/prompt-tracker/tracker.ts';
import { SqlDeliveryStore } from '../../molecules/records/delivery-records.ts';
import type { Records } from '../../molecules/records/schema.ts';
import { SqlTaskStore } from '../../molecules/records/task-records.ts';
import { RemoteInput } from '../../molecules/remote-input/remote-input.ts';
import { TaskFeed } from '../../molecules/task-feed/task-feed.ts';
import { rulesOf } from '../../molecules/templates/check.ts';
import { TemplateFolder } from '../../molecules/templates/templates.ts';
import { parseSecret } from '../../molecules/webhooks/sign.ts';
import { Webhooks } from '../../molecules/webhooks/webhooks.ts';

/** What an operator wrote: templates, engines, pipelines. */
export interface Written {
  readonly templates: TemplateFolder;
  readonly engines: EngineConfig;
}

/** Reads CONFIG_DIR. Throws ConfigError with one line for each thing that is wrong, and logs what hinders nobody. */
export async function readWritten(config: Config, logging: Logging): Promise<Written> {
  const { written, faults } = await readSound(config, logging);
  if (faults.length > 0) throw new ConfigError(faults);
  return written;
}

/** As `readWritten`, but answers with what is sound, and the faults of the rest. */
export async function readSound(config: Config, logging: Logging): Promise<{ readonly written: Written; readonly faults: readonly string[] }> {
  const log = logging.logger('main');
  const { templates, broken, unread, faults } = await TemplateFolder.look(join(config.CONFIG_DIR, 'workflows'), log);
  const options = {
    environment: environmentValue,
    templates: new Map([...broken.map((name) => [name, undefined] as const), ...templates.all().map((template) => [template.name, rulesOf(template)] as const)]),
    rules: rulesOf,
    instances: config.comfyuiUrls.map((url) => (url === 'sandbox' ? url : instanceOf(url).name)),
  };
  const nothing = { templates, engines: parseEngineConfig('', '', options).config };
  // What the file names may be among the templates that were not read.
  if (unread) return { written: nothing, faults };
  try {
    const { config: engines, warnings } = await loadEngineConfig(join(config.CONFIG_DIR, 'engine_config.yml'), options);
    for (const warning of warnings) log.warn(warning);
    return { written: { templates, engines: withImplicitHub(engines, config) }, faults };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { written: nothing, faults: [...faults, ...error.lines] };
  }
}

/** What tasks share with the rest of the house. */
export interface TaskFoundations {
  readonly http: HttpText;
  readonly stream: HttpStream;
  readonly config: Config;
  readonly logging: Logging;
  readonly records: Records;
  readonly role: Role;
  /** Name of this process. */
  readonly name: string;
  readonly written: Written;
  readonly pool: InstancePool;
  readonly tracker: PromptTracker;
  readonly eventFeed: EventFeed;
  readonly prompts: Pick<PromptRecords, 'find'>;
  readonly inputs: InputRecords;
  readonly stores: { readonly inputs: InputStore; readonly outputs: OutputStore };
  readonly comfyui: { readonly info: ComfyuiInfo; readonly files: ComfyuiFiles };
  readonly workflows: Prompts;
  readonly images: Pick<ImageCoordinator, 'download'>;
  readonly process: Pick<ProcessCoordinator, 'gone' | 'others'>;
}

export interface TaskAssembly {
  readonly store: SqlTaskStore;
  readonly engines: ReadonlyMap<string, Engine>;
  /** Engines of type runninghub, and where their accounts are. */
  readonly hubs: readonly { readonly name: string; readonly host: string }[];
  readonly tasks: TaskCoordinator;
  readonly hub: HubTasks;
  readonly catalog: Catalog;
  readonly worker: Worker | undefined;
  readonly outbox: Outbox | undefined;
  readonly retention: Retention | undefined;
  readonly tail: Tail | undefined;
  /** Closes kept connections. */
  close(): void;
}

const MEBIBYTE = 1024 * 1024;
const DAY = 86_400_000;
/** Milliseconds without a byte of a file that is fetched. */
const SILENCE = 30_000;
/** Milliseconds that writing down what became of a webhook may take. */
const WRITING = 5_000;
/** Files fetched at once. */
const FETCHES = 10;

const random64 = (): bigint => randomBytes(8).readBigUInt64BE();

export function assembleTasks(from: TaskFoundations): TaskAssembly {
  const { config, logging, role, written } = from;
  const log = logging.logger('task_manager');
  const times = { now: Date.now, random: Math.random, sleep };
  const store = new SqlTaskStore(from.records, { id: from.name, newId });
  const deliveries = new SqlDeliveryStore(from.records);
  const feed = new TaskFeed();
  feed.listenToAll((news) => from.eventFeed.task(news));
  const closing: (() => void)[] = [];
  const accounts = new Map<string, AssembledHub>();
  const engines = enginesOf(from, { closing, accounts });
  const storage = new LocalStorage(from.stores.outputs, { enabled: config.MIRROR_OUTPUTS, now: Date.now });
  const out = outbound(config);
  const hookMs = config.WEBHOOK_TIMEOUT_SECONDS * 1_000;
  const webhooks = new Webhooks({ http: out.hooks, secret: config.WEBHOOK_SECRET, timeoutMs: hookMs, ...times });
  const works = role !== 'api';
  const tail = role === 'worker' ? undefined : new Tail({ ...times, store, feed, log, name: from.name, heard: () => feed.count > 0 || from.eventFeed.watcherCount > 0 });
  const outbox = works ? new Outbox({ deliveries, webhooks, log, held: hookMs + WRITING, ...times }) : undefined;
  const told = (): void => {
    tail?.wake();
    outbox?.wake();
  };
  const limits = { concurrency: config.WORKER_CONCURRENCY, maxAttempts: config.MAX_ATTEMPTS, retryDelay: config.RETRY_DELAY_SECONDS * 1_000 };
  const lane = new FetchLane({ store, engines, sleep });
  const worker = works ? new Worker({ ...times, store, feed, engines, lane, sources: sourcesOf(from, out.inputs), storage, log, newId, name: from.name, limits, told, gone: (names) => from.process.gone(names) }) : undefined;
  const planning = new Planning({ templates: written.templates, config: written.engines, engines, checkUrl: (url) => void (kindOf(url, config.PUBLIC_URL ?? '').kind === 'own' || out.inputs.check(url)), random: random64 });
  const tasks = new TaskCoordinator({
    ...times, store, deliveries, feed, planning, engines, webhooks, storage, log, newId, told,
    publicUrl: config.PUBLIC_URL ?? '',
    stringify: stringifyJson,
    limits: { maxPending: config.MAX_QUEUE_DEPTH, retentionDays: config.TASK_RETENTION_DAYS },
    working: async () => works || (await from.process.others()).some((one) => one.role !== 'api'),
    gone: (names) => from.process.gone(names),
    worker: { wake: () => worker?.wake(), cancel: (id) => worker?.cancel(id), look: (id) => worker?.look(id) ?? false },
  });
  const hub = new HubTasks({ tasks, store, uploads: from.inputs, accounts, own: implicitHub, sleep, now: Date.now, waitMs: config.MAX_POLL_SECONDS * 1_000 });
  return {
    store, engines, tasks, hub, worker, outbox, tail,
    hubs: [...accounts].map(([name, { host }]) => ({ name, host })),
    catalog: new Catalog({ templates: written.templates, config: written.engines, engines, store, random: random64 }),
    retention: works ? new Retention({ store, storage, log, age: config.TASK_RETENTION_DAYS * DAY, ...times }) : undefined,
    close: () => {
      out.inputs.close();
      out.hooks.close();
      for (const close of closing) close();
    },
  };
}

function enginesOf(from: TaskFoundations, { closing, accounts }: { readonly closing: (() => void)[]; readonly accounts: Map<string, AssembledHub> }): ReadonlyMap<string, Engine> {
  const { config, written, workflows, prompts, tracker, pool, comfyui } = from;
  const parts = { prompts: workflows, records: prompts, tracker, pool, files: comfyui.files, publicUrl: config.PUBLIC_URL ?? '', sleep };
  return new Map([...written.engines.engines].map(([name, entry]): [string, Engine] => {
    if (entry.type === 'comfyui') return [name, new ComfyuiEngine(parts, { name, instances: entry.config.instances, concurrency: entry.config.concurrency, perInstance: config.TASKS_PER_INSTANCE })];
    const hub = runninghubEngine(name, entry, { ...from, publicUrl: config.PUBLIC_URL ?? '', callMs: config.REQUEST_TIMEOUT_SECONDS * 1_000, hookBase: config.RUNNINGHUB_WEBHOOK_BASE });
    closing.push(hub.close);
    accounts.set(name, hub);
    return [name, hub.engine];
  }));
}

/** Ways out to addresses that callers name, each with its own list. Throws ConfigError for a list that cannot be read, and for a secret that is none. */
function outbound(config: Config): { readonly inputs: PublicHttp; readonly hooks: PublicHttp } {
  const clientOf = (name: 'FETCH_ALLOWED_HOSTS' | 'WEBHOOK_ALLOWED_HOSTS'): PublicHttp => {
    const { list, fault } = parseAllowedHosts(config[name], name);
    if (list === undefined) throw new ConfigError([`${name} is "${config[name].join(',')}": ${fault}.`]);
    return new PublicHttp({ allowed: list });
  };
  const { fault } = config.WEBHOOK_SECRET === undefined ? {} : parseSecret(config.WEBHOOK_SECRET);
  if (fault !== undefined) throw new ConfigError([`WEBHOOK_SECRET is a value that is not shown: ${fault}; make one: echo whsec_$(openssl rand -base64 32)`]);
  return { inputs: clientOf('FETCH_ALLOWED_HOSTS'), hooks: clientOf('WEBHOOK_ALLOWED_HOSTS') };
}

/** What the instances say that can be asked now, and whether those are all. */
async function declared(pool: InstancePool, info: ComfyuiInfo): ReturnType<SourceParts['declarations']> {
  const asked = await Promise.allSettled(pool.healthy().map((instance) => info.declarations(instance)));
  const known = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  return { known, complete: known.length === pool.all().length };
}

function sourcesOf(from: TaskFoundations, http: PublicHttp): Sources {
  const { config, stores, inputs, pool, comfyui, images } = from;
  const maxBytes = Math.floor(config.MAX_UPLOAD_MB * MEBIBYTE);
  const totalMs = config.DOWNLOAD_TIMEOUT_SECONDS * 1_000;
  return new Sources({
    inputs: stores.inputs,
    records: inputs,
    remote: new RemoteInput({ http, sleep, random: Math.random, attempts: config.DOWNLOAD_ATTEMPTS, maxBytes, timeouts: { headersMs: Math.min(SILENCE, totalMs), idleMs: SILENCE, totalMs: totalMs * config.DOWNLOAD_ATTEMPTS }, atOnce: FETCHES }),
    decode: (uri) => Readable.from([decodeDataUri(uri, maxBytes).bytes], { objectMode: false }),
    openOwn: (caller, query, signal) => openOwn(images, { caller, query }, signal),
    declarations: () => declared(pool, comfyui.info),
    publicUrl: config.PUBLIC_URL ?? '',
    now: Date.now,
  });
}

const unconditional = { range: undefined, ifNoneMatch: undefined, ifRange: undefined, ifModifiedSince: undefined, head: false };
const unconverted = { format: undefined, quality: undefined, width: undefined, height: undefined };

/** A file that we hand out, for a task of its owner. */
async function openOwn(images: Pick<ImageCoordinator, 'download'>, { caller, query }: { readonly caller: Caller; readonly query: FileQuery }, signal: AbortSignal): Promise<Readable> {
  const { body } = await images.download(caller, { query, conditions: unconditional, conversion: unconverted }, signal);
  if (body instanceof Readable) return body;
  const through = new PassThrough();
  if (body !== undefined && 'pour' in body) body.pour(through, signal).catch((error: unknown) => through.destroy(error instanceof Error ? error : undefined));
  else through.end();
  return through;
}
