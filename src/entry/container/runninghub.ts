/** The part of the assembly that an engine of type runninghub is made of. */
import type { HttpText } from '../../atoms/http/http.ts';
import type { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { parseAllowedHosts } from '../../atoms/public-http/allowed-hosts.ts';
import { PublicHttp } from '../../atoms/public-http/public-http.ts';
import { sleep } from '../../atoms/time/time.ts';
import { RunninghubEngine } from '../../coordinator/engines/runninghub-engine.ts';
import { type Config, ConfigError } from '../../core/config.ts';
import { failedWith } from '../../core/errors.ts';
import type { Logging } from '../../core/logger.ts';
import { type EngineConfig, implicitHub, type RunninghubEngineEntry } from '../../models/engine-config.ts';
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
}

/** The engine of RUNNINGHUB_API_KEY beside those of the file, which win. Its jobs name what they run; they may take longer than callers wait. */
export function withImplicitHub(file: EngineConfig, config: Config): EngineConfig {
  const { RUNNINGHUB_API_KEY: key, RUNNINGHUB_HOST: host, POLL_INTERVAL_SECONDS: pause, MAX_POLL_SECONDS: wait } = config;
  if (key === undefined || file.engines.has(implicitHub)) return file;
  const entry: RunninghubEngineEntry = {
    type: 'runninghub',
    description: 'The account of RUNNINGHUB_API_KEY.',
    config: { api_key: key, api_base_url: host, timeout: Math.max(LONGEST_JOB, 2 * wait), poll_interval: pause, inputs: {} },
  };
  return { ...file, engines: new Map([...file.engines, [implicitHub, entry]]) };
}

/** Seconds that a job of that engine may take. */
const LONGEST_JOB = 3_600;


/** The engine of that entry, and what closes its connections. Throws ConfigError, without the key. */
export function runninghubEngine(name: string, entry: RunninghubEngineEntry, from: HubFoundations): { readonly engine: RunninghubEngine; readonly api: RunningHubApi; readonly close: () => void } {
  const { config } = entry;
  const log = from.logging.logger('runninghub_client');
  const api = hubApi(name, entry, from);
  for (const warning of api.facts.warnings) log.warn(warning, { engine: name });
  const { hostname, host } = new URL(api.facts.url);
  const { list, fault } = parseAllowedHosts(config.download_hosts ?? [...usualResultHosts, hostname], `download_hosts of engine "${name}"`);
  if (list === undefined) throw new ConfigError([`engines.${name}.config.download_hosts: ${fault}`]);
  const http = new PublicHttp({ allowed: list });
  const engine = new RunninghubEngine(
    { api, files: new HubResults(http), log, publicUrl: from.publicUrl, now: Date.now, random: Math.random, sleep },
    { name, host, target: targetOf(config), timeoutMs: config.timeout * 1_000, pollMs: config.poll_interval * 1_000, concurrency: config.concurrency, instanceType: config.instance_type, places: Object.entries(config.inputs).map(([input, { node_id: node, field }]) => ({ name: `inputs.${input}`, node, input: field })), notes: api.facts.warnings },
  );
  return { engine, api, close: () => http.close() };
}

function targetOf({ webapp_id: app, workflow_id: workflow }: RunninghubEngineEntry['config']): HubTarget | undefined {
  if (app !== undefined) return { kind: 'app', id: app };
  return workflow === undefined ? undefined : { kind: 'workflow', id: workflow };
}

/** The account of that entry. Throws ConfigError, without the key. */
function hubApi(name: string, { config }: RunninghubEngineEntry, { http, stream, callMs }: HubFoundations): RunningHub {
  try {
    return new RunningHub({ http, stream }, { baseUrl: config.api_base_url, apiKey: config.api_key, keyPlace: 'both', timeoutMs: callMs });
  } catch (error) {
    if (failedWith(error, 'VALIDATION_ERROR')) throw new ConfigError([`engines.${name}.config: ${error.detail}`]);
    throw error;
  }
}
