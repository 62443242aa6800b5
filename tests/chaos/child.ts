/** A program of ours as a process of its own, which can be killed at any time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export class Child {
  readonly exited: Promise<Exit>;
  /** What it says of itself when it has started. */
  readonly word: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, word: string) {
    this.#child = child;
    this.word = word;
    this.exited = endOf(child);
  }

  /** Resolves with the first group of `sign` as its word. Throws TypeError with what it said when it ends before. */
  static async start(args: readonly string[], env: Readonly<Record<string, string>>, sign: RegExp): Promise<Child> {
    const child = spawn(process.execPath, args, { cwd: root, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    // What is cut short leaves nothing behind.
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-20_000)));
    const word = await until(`${args.join(' ')} says that it has started`, () => sign.exec(said)?.[1] ?? (child.exitCode === null ? undefined : fallen(said)), 30_000);
    return new Child(child, word);
  }

  /** Resolves when it has ended. */
  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<Exit> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal);
    return this.exited;
  }
}

async function endOf(child: ChildProcess): Promise<Exit> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return { code: child.exitCode, signal: child.signalCode };
}

function fallen(said: string): never {
  throw new TypeError(`it ended: ${said}`);
}
