/** The stub and the gateway, each a process of its own, ended by their own handles. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from './http.ts';

const root = join(import.meta.dirname, '..', '..');

export interface Stoppable {
  stop(): Promise<void>;
}

export interface Running extends Stoppable {
  readonly url: string;
  readonly pid: number;
}

export interface Gateway extends Running {
  /** Milliseconds from its spawning to the first 200 of /readyz. */
  readonly readyMs: number;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
}

/** Folder that several gateways work in, one after the other; goes with `stop`. */
export interface Home extends Stoppable {
  readonly folder: string;
  /** File of the gateways' database. */
  readonly database: string;
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

function start(script: string, { args = [], nodeArgs = [], env, cwd }: { args?: readonly string[]; nodeArgs?: readonly string[]; env?: NodeJS.ProcessEnv; cwd?: string }): Child {
  return spawn(process.execPath, [...nodeArgs, join(root, script), ...args], { env: env ?? process.env, cwd: cwd ?? root, stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Milliseconds for a process to say where it listens. */
const patience = 30_000;

async function addressOf(child: Child, name: string): Promise<{ url: string; pid: number }> {
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  for (const end = Date.now() + patience; Date.now() < end && child.exitCode === null; await sleep(1)) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
    if (url !== undefined && child.pid !== undefined) {
      child.stdout.removeAllListeners('data').resume();
      return { url, pid: child.pid };
    }
  }
  child.kill('SIGKILL');
  throw new Error(`${name} did not start: ${text}`);
}

async function stop(child: Child, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

/** `parallel`: all jobs run at once instead of one after the other. */
export async function startStub({ parallel = false } = {}): Promise<Running> {
  const child = start('bench/stub/main.ts', { args: parallel ? ['--parallel'] : [] });
  return { ...(await addressOf(child, 'the stub')), stop: () => stop(child, 'SIGKILL') };
}

/** A small program of a bench that says where it listens and runs until it is stopped. */
export async function startScript(script: string, args: readonly string[] = []): Promise<Running> {
  const child = start(script, { args });
  return { ...(await addressOf(child, script)), stop: () => stop(child, 'SIGKILL') };
}

/** Runs a small program of a bench to its end. */
export async function runScript(script: string, args: readonly string[]): Promise<void> {
  const child = start(script, { args });
  child.stdout.resume();
  await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`${script} ended with ${child.exitCode ?? 'a signal'}`);
}

export async function makeHome(): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  return { folder, database: join(folder, 'data', 'gateway.db'), stop: () => rm(folder, { recursive: true, force: true }) };
}

export interface GatewayOptions {
  readonly comfyui: string;
  /** `api` works on no task. */
  readonly role?: 'all' | 'api';
  /** Where to work; without it, in a folder of its own. */
  readonly home?: Home;
  /** More variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder for a CPU profile, written when the gateway ends. */
  readonly profile?: string | undefined;
}

/** A gateway as a user starts it. */
export async function startGateway({ comfyui, role = 'all', home, env = {}, profile }: GatewayOptions): Promise<Gateway> {
  const place = home ?? (await makeHome());
  const { folder } = place;
  const settings = {
    PATH: process.env['PATH'],
    COMFYUI_URLS: comfyui,
    PORT: '0',
    DATA_DIR: join(folder, 'data'),
    LOG_DIR: join(folder, 'logs'),
    INPUT_DIR: join(folder, 'input'),
    OUTPUT_DIR: join(folder, 'output'),
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: 'warn',
    // As the start script of package.json has it.
    NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node'),
    ...env,
  };
  const nodeArgs = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const began = performance.now();
  const child = start('src/entry/main.ts', { args: [role], env: settings, cwd: folder, nodeArgs });
  const { url, pid } = await addressOf(child, 'the gateway');
  await ready(url);
  const readyMs = performance.now() - began;
  return {
    url,
    pid,
    readyMs,
    kill: () => stop(child, 'SIGKILL'),
    async stop() {
      await stop(child, 'SIGTERM');
      if (!home) await place.stop();
    },
  };
}

async function ready(url: string): Promise<void> {
  for (const end = Date.now() + patience; Date.now() < end; await sleep(2)) {
    if ((await call(`${url}/readyz`)).status === 200) return;
  }
  throw new Error('the gateway did not become ready');
}

export type Keep = <R extends Stoppable>(one: Promise<R>) => Promise<R>;

/** Starts what a bench needs and ends it in reverse, whatever happens between. */
export async function withProcesses<T>(work: (keep: Keep) => Promise<T>): Promise<T> {
  const kept: Stoppable[] = [];
  try {
    return await work(async (one) => {
      const running = await one;
      kept.push(running);
      return running;
    });
  } finally {
    for (const running of kept.reverse()) await running.stop();
  }
}
