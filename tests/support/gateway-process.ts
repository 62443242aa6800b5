/** The gateway as a process of its own, which can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { settingsBelow } from './gateway.ts';
import { GatewayClient } from './gateway-client.ts';
import { until } from './until.ts';

export interface ProcessOptions {
  /** Addresses of instances; `sandbox` for one of its own. */
  readonly instances: readonly string[];
  /** Everything it keeps. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: node src/entry/main.ts. */
  readonly command?: readonly [string, ...string[]];
}

type Signal = 'SIGKILL' | 'SIGTERM' | 'SIGINT';

interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A gateway process. `kill` ends it as its signal does; the scope ends it with SIGKILL. */
export class GatewayProcess extends GatewayClient implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<Exit>;

  private constructor(child: ChildProcess, started: { url: string; pid: number }) {
    super(started.url);
    this.child = child;
    this.pid = started.pid;
    this.exited = endOf(child);
  }

  static async start(options: ProcessOptions): Promise<GatewayProcess> {
    const { child, said } = spawned(options);
    return orKilled(child, async () => {
      const url = await until('the gateway says where it listens', () => /comfyui-gateway \S+ at (http:\S+)/.exec(said())?.[1] ?? (child.exitCode === null ? undefined : fallen(said())), 20_000);
      const gateway = new GatewayProcess(child, { url, pid: child.pid ?? 0 });
      await until('the instances are connected', async () => (await gateway.healthy()) >= options.instances.length);
      return gateway;
    });
  }

  /** Sends the signal and resolves when the process has ended. */
  async kill(signal: Signal): Promise<Exit> {
    return end(this.child, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGKILL');
  }
}

/** `start worker`: a process without doors. The scope ends it with SIGKILL. */
export class WorkerProcess implements AsyncDisposable {
  readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  /** Resolves when it works. */
  static async start(options: ProcessOptions): Promise<WorkerProcess> {
    const { child, said } = spawned({ command: [process.execPath, 'src/entry/main.ts', 'worker'], ...options });
    return orKilled(child, async () => {
      await until('the worker says that it works', () => said().includes('a worker without doors') || (child.exitCode === null ? false : fallen(said())), 20_000);
      return new WorkerProcess(child);
    });
  }

  async kill(signal: Signal): Promise<Exit> {
    return end(this.child, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGKILL');
  }
}

/** Starts the process. `said`: what it has printed so far. */
function spawned({ instances, folder, env = {}, command = [process.execPath, 'src/entry/main.ts'] }: ProcessOptions): { readonly child: ChildProcess; readonly said: () => string } {
  const [program, ...args] = command;
  const environment = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...settingsBelow(folder), COMFYUI_URLS: instances.join(','), ...env };
  const child = spawn(program, args, { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  // A test that was cut short leaves nothing behind.
  const stop = (): void => void child.kill('SIGKILL');
  process.once('exit', stop);
  child.once('exit', () => process.off('exit', stop));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
  return { child, said: () => text };
}

/** What comes of the deed; a child of one that fails is killed. */
async function orKilled<T>(child: ChildProcess, deed: () => Promise<T>): Promise<T> {
  try {
    return await deed();
  } catch (error) {
    await end(child, 'SIGKILL');
    throw error;
  }
}

async function end(child: ChildProcess, signal: Signal): Promise<Exit> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  return endOf(child);
}

async function endOf(child: ChildProcess): Promise<Exit> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return { code: child.exitCode, signal: child.signalCode };
}

function fallen(said: string): never {
  throw new TypeError(`the gateway ended: ${said}`);
}

/** Whether a process of that id lives. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
