/** `npm start` as a newcomer says it: a process of its own, its own folders, a free port. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { settingsBelow } from './gateway.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

export interface StartedGateway extends AsyncDisposable {
  readonly url: string;
  /** Everything that it has printed to stdout. */
  readonly printed: () => string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Resolves when it listens and its engine is connected. Ends it with SIGTERM. */
export async function startedGateway(environment: Readonly<Record<string, string>> = {}): Promise<StartedGateway> {
  const folder = await temporaryFolder();
  const child = spawn('npm', ['start'], { cwd: root, env: { ...process.env, ...settingsBelow(folder.path), LOG_LEVEL: 'info', ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let printed = '';
  let complained = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complained += chunk.toString()));
  const end = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    await folder[Symbol.asyncDispose]();
  };
  try {
    const url = await until('npm start prints its address', () => {
      if (child.exitCode !== null) throw new TypeError(`npm start ended with ${child.exitCode}: ${complained}`);
      return / at (http:\/\/\S+)/.exec(printed)?.[1];
    }, 60_000);
    await until('the engine is connected', async () => (await fetch(`${url}/readyz`)).ok);
    return { url, printed: () => printed, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
