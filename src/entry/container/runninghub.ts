/** The part of the assembly that an engine of type runninghub is made of. */
import { createHmac } from 'node:crypto';
import type { HttpText } from '../../atoms/http/http.ts';
import type { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { parseAllowedHosts } from '../../atoms/public-http/allowed-hosts.ts';
import { PublicHttp } from '../../atoms/public-http/public-http.ts';
import { sleep } from '../../atoms/time/time.ts';
import { RunninghubEngine } from '../../coordinator/engines/runninghub-engine.ts';
import { service } from '../../constants/service.ts';
import { type Config, ConfigError } from '../../core/config.ts';
import { failedWith } from '../../core/errors.ts';
import type { Logging } from '../../core/logger.ts';
import { type EngineConfig, implicitHub, placeOf, type RunninghubEngineEntry } from '../../models/engine-config.ts';
import type { HubTarget, RunningHubApi } from '../../models/runninghub.ts';
import { RunningHub } from '../../molecules/runninghub/client.ts';
import { HubResults, usualResultHosts } from '../../molecules/runninghub/results.ts';

export interface HubFoundations {
  readonly http: HttpText;
  readonly stream: HttpStream;
  readonly logging: Logging;
  readonly publicUrl: string;
  /** Milliseconds for one call to RunningHub, an upload included. */
  readonly callMs: number;
  /** Address of this gateway that RunningHub reaches, where it shall tell of endings. */
  readonly hookBase?: string | undefined;
}

/** An engine, and what others need of its account. */
export interface AssembledHub {
  readonly engine: RunninghubEngine;
  readonly api: RunningHubApi;
  /** Where the account is. */
  readonly host: string;
  /** What the address that RunningHub is given for that task ends with. Nobody can guess it without the key. */
  readonly hookToken: (taskId: string) => string;
  /** Closes its connections. */
  readonly close: () => void;
}

/** The engine of RUNNINGHUB_API_KEY beside those of the file, which win. Its jobs name what they run; they may take longer than callers wait. */
export function withImplicitHub(file: EngineConfig, config: Config): EngineConfig {
  const { RUNNINGHUB_API_KEY: key, RUNNINGHUB_HOST: host, POLL_INTERVAL_SECONDS: pause, MAX_POLL_SECONDS: wait, RUNNINGHUB_PROGRESS_SOCKET: socket, RUNNINGHUB_KEY_PLACE: place } = config;
  if (key === undefined || file.engines.has(implicitHub)) return file;
  const entry: RunninghubEngineEntry = {
    type: 'runninghub',
    description: 'The account of RUNNINGHUB_API_KEY.',
    config: { api_key: key, api_base_url: host, timeout: Math.max(LONGEST_JOB, 2 * wait), poll_interval: pause, key_place: place, dialect: 'v1', progress_socket: socket, inputs: {} },
  };
  return { ...file, engines: new Map([...file.engines, [implicitHub, entry]]) };
}

/** Seconds that a job of that engine may take. */
const LONGEST_JOB = 3_600;

/** The engine of that entry. Throws ConfigError, without the key. */
export function runninghubEngine(name: string, entry: RunninghubEngineEntry, from: HubFoundations): AssembledHub {
  const { config } = entry;
  const log = from.logging.logger('runninghub_client');
  const api = hubApi(name, entry, from);
  const notes = [...api.facts.warnings, ...machineNotes(config.instance_type)];
  for (const note of notes) log.warn(note, { engine: name });
  const { hostname, host } = new URL(api.facts.url);
  const { list, fault } = parseAllowedHosts(config.download_hosts ?? [...usualResultHosts, hostname], `download_hosts of engine "${name}"`);
  if (list === undefined) throw new ConfigError([`engines.${name}.config.download_hosts: ${fault}`]);
  const http = new PublicHttp({ allowed: list });
  const hookToken = tokenOf(config.api_key);
  const engine = new RunninghubEngine(
    { api, files: new HubResults(http), log, publicUrl: from.publicUrl, now: Date.now, random: Math.random, sleep },
    {
      keyPlace: config.key_place ?? 'both',
      settings: isImplicit(config) ? { key: 'RUNNINGHUB_API_KEY', address: 'RUNNINGHUB_HOST', keyPlace: 'RUNNINGHUB_KEY_PLACE=header' } : { key: 'api_key', address: 'api_base_url', keyPlace: 'key_place: header' },
      ...{ name, host, target: targetOf(config), dialect: config.dialect, notes: [...notes, ...hookNotes(from.hookBase)], concurrency: config.concurrency },
      ...{ timeoutMs: config.timeout * 1_000, pollMs: config.poll_interval * 1_000, progressSocket: config.progress_socket },
      ...{ instanceType: config.instance_type, accessPassword: config.access_password },
      places: Object.entries(config.inputs).map(([input, given]) => ({ name: `inputs.${input}`, ...placeOf(input, given), kind: given.kind })),
      outputs: config.outputs,
      hookOf: from.hookBase === undefined ? undefined : (taskId) => `${from.hookBase}${service.hubHook}/${taskId}/${hookToken(taskId)}`,
    },
  );
  return { engine, api, host, hookToken, close: () => http.close() };
}

/** Kinds of machines that documents name. */
const machines = ['default', 'plus', 'ultra'];

function machineNotes(type: string | undefined): string[] {
  return type === undefined || machines.includes(type) ? [] : [`instance_type is "${type}"; documents name ${machines.join(', ')} alone.`];
}

function hookNotes(base: string | undefined): string[] {
  return base === undefined ? [] : [`RunningHub is told to say at ${base}${service.hubHook}/… when a run ends: it must reach that address, and nothing else breaks where it does not.`];
}

/** A token goes with one task, in every process that has the key. */
const tokenOf = (key: string) => (taskId: string): string => createHmac('sha256', key).update(`told of ${taskId}`).digest('base64url');

/** An entry of the file always names what it runs. */
const isImplicit = (config: RunninghubEngineEntry['config']): boolean => targetOf(config) === undefined;

function targetOf({ webapp_id: app, workflow_id: workflow }: RunninghubEngineEntry['config']): HubTarget | undefined {
  if (app !== undefined) return { kind: 'app', id: app };
  return workflow === undefined ? undefined : { kind: 'workflow', id: workflow };
}

/** The account of that entry. Throws ConfigError, without the key. */
function hubApi(name: string, { config }: RunninghubEngineEntry, { http, stream, callMs }: HubFoundations): RunningHub {
  try {
    return new RunningHub({ http, stream }, { baseUrl: config.api_base_url, apiKey: config.api_key, keyPlace: config.key_place ?? 'both', timeoutMs: callMs, dialect: config.dialect });
  } catch (error) {
    if (failedWith(error, 'VALIDATION_ERROR')) throw new ConfigError([`engines.${name}.config: ${error.detail}`]);
    throw error;
  }
}
