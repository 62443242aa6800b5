/** The real HTTP surface on a free port of 127.0.0.1, with hand-made coordinators behind it. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { parseJson, stringifyJson } from '../../src/atoms/json/json.ts';
import { readMultipart } from '../../src/atoms/multipart/read-multipart.ts';
import { AccessCoordinator } from '../../src/coordinator/access-coordinator.ts';
import { loadConfig } from '../../src/core/config.ts';
import { fail } from '../../src/core/errors.ts';
import type { LogFields, Logger, LogLevel } from '../../src/core/logger.ts';
import { createApp, type AppDeps } from '../../src/entry/http/app.ts';
import { BodyRoom } from '../../src/entry/http/body-room.ts';
import { createRateLimit } from '../../src/entry/http/rate-limit.ts';
import { listen } from '../../src/entry/server.ts';
import { createKeyRing } from '../../src/molecules/access/keys.ts';
import { createTickets } from '../../src/molecules/access/tickets.ts';

export interface Line {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface TestApp extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly lines: Line[];
  readonly access: AccessCoordinator;
}

export function memoryLog(): { log: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const write = (level: LogLevel) => (message: string, fields: LogFields = {}) => void lines.push({ level, message, fields });
  return { lines, log: { error: write('error'), warn: write('warn'), info: write('info'), http: write('http'), debug: write('debug') } };
}

export const keys = { alice: 'alice-key-1', root: 'root-key-22' } as const;
export const withKeys = { API_KEYS: `alice:${keys.alice},root:${keys.root}:admin` };

export type Stand = Partial<Pick<AppDeps, 'startFolder'>> & { readonly [K in 'workflows' | 'queue' | 'images' | 'instances' | 'tasks' | 'hub' | 'catalog']?: Partial<AppDeps[K]> };

const missing = (): never => {
  throw fail('INTERNAL_ERROR', 'this stand-in has no such method');
};

/** Dependencies of `createApp` with real access, limits and bodies. */
export function standDeps(environment: Record<string, string> = {}, stand: Stand = {}): AppDeps & { readonly access: AccessCoordinator; readonly lines: Line[] } {
  const config = loadConfig(environment);
  const access = new AccessCoordinator({ keys: createKeyRing(config.API_KEYS), tickets: createTickets({ now: Date.now, age: 60_000 }), authenticated: config.authenticated });
  return {
    ...memoryLog(),
    config,
    access,
    readMultipart,
    json: { parse: parseJson, stringify: stringifyJson },
    room: new BodyRoom(),
    rateLimit: createRateLimit({ perMinute: config.RATE_LIMIT_PER_MINUTE, authenticated: config.authenticated }),
    version: '1.2.3',
    workflows: { submit: missing, diagnose: missing, state: missing, history: missing, images: missing, interrupt: missing, ...stand.workflows },
    queue: { status: missing, clear: missing, delete: missing, ...stand.queue },
    images: { upload: missing, download: missing, url: missing, ...stand.images },
    instances: { readiness: () => ({ ready: true, instances: [] }), look: missing, systemStats: missing, ...stand.instances },
    tasks: { create: missing, earlier: missing, find: missing, view: missing, settled: missing, outputs: missing, list: missing, watch: missing, cancel: missing, retry: missing, remove: missing, stats: missing, deliveries: missing, redeliver: missing, ...stand.tasks },
    hub: { create: missing, run: missing, find: missing, ask: missing, heard: () => Promise.resolve(), app: missing, ...stand.hub },
    catalog: { version: () => 0, templates: missing, template: missing, graph: missing, example: missing, complete: missing, engines: missing, newTask: () => z.unknown(), taskExamples: () => ({}), ...stand.catalog },
    stopping: new AbortController().signal,
    stringify: stringifyJson,
    ...(stand.startFolder === undefined ? {} : { startFolder: stand.startFolder }),
  };
}

export async function startApp(environment: Record<string, string> = {}, stand: Stand = {}): Promise<TestApp> {
  const deps = standDeps(environment, stand);
  const { server, url, close } = await listen(createApp(deps), { host: '127.0.0.1', port: 0 });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { url, port, lines: deps.lines, access: deps.access, [Symbol.asyncDispose]: () => close(AbortSignal.timeout(200)) };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** A call that may say what `fetch` forbids: Host, Origin, odd paths. */
export function raw(port: number, { method = 'GET', path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

export const submitPath = '/api/v1/workflows/submit';
export const jsonHeaders = { 'content-type': 'application/json' };

/** The body of an answer that must be a problem. */
export async function problemOf(response: Response): Promise<Record<string, unknown>> {
  const type = response.headers.get('content-type');
  if (type !== 'application/problem+json') throw new TypeError(`${response.status} came as ${String(type)}`);
  return (await response.json()) as Record<string, unknown>;
}
