import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';

export interface Child {
  readonly pid: number | undefined;
  /** Resolves with how it ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly error: string | undefined }>;
  /** The last lines it wrote to its standard error. */
  lastWords(): string;
}

const LAST_WORDS = 4_096;

/** Starts a program on our own Node that outlives us if need be. Its output is dropped but for its last words. */
export function startNode(script: string, args: readonly string[]): Child {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-LAST_WORDS)));
  child.unref();
  if (child.stderr instanceof Socket) child.stderr.unref();
  const ended = once(child, 'exit').then(
    ([code, signal]: (number | string | null)[]) => ({ code: typeof code === 'number' ? code : null, signal: typeof signal === 'string' ? signal : null, error: undefined }),
    (error: unknown) => ({ code: null, signal: null, error: String(error) }),
  );
  return { pid: child.pid, ended, lastWords: () => words.trim() };
}
