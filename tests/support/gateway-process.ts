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

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A gateway process. `kill` ends it as its signal does; the scope ends it with SIGKILL. */
export class GatewayProcess extends GatewayClient implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;

  private constructor(child: ChildProcess, started: { url: string; pid: number }) {
    super(started.url);
    this.child = child;
    this.pid = started.pid;
    this.exited = endOf(child);
  }

  static async start({ instances, folder, env = {}, command = [process.execPath, 'src/entry/main.ts'] }: ProcessOptions): Promise<GatewayProcess> {
    const [program, ...args] = command;
    const environment = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...settingsBelow(folder), COMFYUI_URLS: instances.join(','), ...env };
    const child = spawn(program, args, { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    // A test that was cut short leaves nothing behind.
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const url = await until('the gateway says where it listens', () => /comfyui-gateway \S+ at (http:\S+)/.exec(said)?.[1] ?? (child.exitCode === null ? undefined : fallen(said)), 20_000);
    const gateway = new GatewayProcess(child, { url, pid: child.pid ?? 0 });
    await until('the instances are connected', async () => (await gateway.healthy()) >= instances.length);
    return gateway;
  }

  /** Sends the signal and resolves when the process has ended. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT'): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGKILL');
  }
}

async function endOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
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
