/** The part of the assembly that an engine of type runninghub is made of. */
import type { HttpText } from '../../atoms/http/http.ts';
import type { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { parseAllowedHosts } from '../../atoms/public-http/allowed-hosts.ts';
import { PublicHttp } from '../../atoms/public-http/public-http.ts';
import { sleep } from '../../atoms/time/time.ts';
import { RunninghubEngine } from '../../coordinator/engines/runninghub-engine.ts';
import { ConfigError } from '../../core/config.ts';
import { failedWith } from '../../core/errors.ts';
import type { Logging } from '../../core/logger.ts';
import type { RunninghubEngineEntry } from '../../models/engine-config.ts';
import { RunningHub } from '../../molecules/runninghub/client.ts';
import { HubResults, usualResultHosts } from '../../molecules/runninghub/results.ts';

export interface HubFoundations {
  readonly http: HttpText;
  readonly stream: HttpStream;
  readonly logging: Logging;
  readonly publicUrl: string;
}

/** Milliseconds for one call to RunningHub, an upload included. */
const CALL_MS = 60_000;

/** The engine of that entry, and what closes its connections. Throws ConfigError, without the key. */
export function runninghubEngine(name: string, entry: RunninghubEngineEntry, from: HubFoundations): { readonly engine: RunninghubEngine; readonly close: () => void } {
  const { config } = entry;
  const log = from.logging.logger('runninghub_client');
  const api = hubApi(name, entry, from);
  for (const warning of api.facts.warnings) log.warn(warning, { engine: name });
  const { hostname, host } = new URL(api.facts.url);
  const { list, fault } = parseAllowedHosts(config.download_hosts ?? [...usualResultHosts, hostname], `download_hosts of engine "${name}"`);
  if (list === undefined) throw new ConfigError([`engines.${name}.config.download_hosts: ${fault}`]);
  const http = new PublicHttp({ allowed: list });
  const target = config.webapp_id === undefined ? { kind: 'workflow' as const, id: config.workflow_id ?? '' } : { kind: 'app' as const, id: config.webapp_id };
  const engine = new RunninghubEngine(
    { api, files: new HubResults(http), log, publicUrl: from.publicUrl, now: Date.now, random: Math.random, sleep },
    { name, host, target, timeoutMs: config.timeout * 1_000, pollMs: config.poll_interval * 1_000, concurrency: config.concurrency, instanceType: config.instance_type, places: Object.entries(config.inputs).map(([input, { node_id: node, field }]) => ({ name: `inputs.${input}`, node, input: field })), notes: api.facts.warnings },
  );
  return { engine, close: () => http.close() };
}

/** The account of that entry. Throws ConfigError, without the key. */
export function hubApi(name: string, { config }: RunninghubEngineEntry, { http, stream }: Pick<HubFoundations, 'http' | 'stream'>): RunningHub {
  try {
    return new RunningHub({ http, stream }, { baseUrl: config.api_base_url, apiKey: config.api_key, keyPlace: 'both', timeoutMs: CALL_MS });
  } catch (error) {
    if (failedWith(error, 'VALIDATION_ERROR')) throw new ConfigError([`engines.${name}.config: ${error.detail}`]);
    throw error;
  }
}
