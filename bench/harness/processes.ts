/** The stub and the gateway, each a process of its own, ended by their own handles. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from './http.ts';

const root = join(import.meta.dirname, '..', '..');

export interface Running {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface Gateway extends Running {
  /** Milliseconds from its spawning to the first 200 of /readyz. */
  readonly readyMs: number;
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

export interface GatewayOptions {
  readonly comfyui: string;
  /** More variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder for a CPU profile, written when the gateway ends. */
  readonly profile?: string | undefined;
}

/** A gateway as a user starts it, in a folder of its own. */
export async function startGateway({ comfyui, env = {}, profile }: GatewayOptions): Promise<Gateway> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
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
  const child = start('src/entry/main.ts', { env: settings, cwd: folder, nodeArgs });
  const { url, pid } = await addressOf(child, 'the gateway');
  await ready(url);
  const readyMs = performance.now() - began;
  return {
    url,
    pid,
    readyMs,
    async stop() {
      await stop(child, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ready(url: string): Promise<void> {
  for (const end = Date.now() + patience; Date.now() < end; await sleep(2)) {
    if ((await call(`${url}/readyz`)).status === 200) return;
  }
  throw new Error('the gateway did not become ready');
}

/** Starts what a bench needs and ends it in reverse, whatever happens between. */
export async function withProcesses<T>(work: (keep: <R extends Running>(one: Promise<R>) => Promise<R>) => Promise<T>): Promise<T> {
  const kept: Running[] = [];
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
