/**
 * The orderly end of the process. Steps run one after the other in reverse order of registration: what was opened last
 * is closed first. SIGTERM and SIGINT begin it. Exit codes: 0 when every step succeeded in time, 1 when one failed or
 * hung, 128 + the number of the signal (130 for SIGINT, 143 for SIGTERM) when a second signal cuts it short.
 */
import { constants } from 'node:os';
import type { Logger } from './logger.ts';

/** Ends one thing. `signal` fires when the grace time is over: what still runs then must be cut. */
export type ShutdownStep = (signal: AbortSignal) => Promise<void>;

export type ExitSignal = 'SIGTERM' | 'SIGINT';

/** Where signals come from: `process`, or an event emitter in tests. */
export interface SignalSource {
  on(signal: ExitSignal, listener: () => void): unknown;
}

export interface ShutdownOptions {
  /** Milliseconds that all steps together may take. */
  readonly graceMs: number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly exit?: (code: number) => void;
  readonly signals?: SignalSource;
  /** Milliseconds since whenever. */
  readonly now?: () => number;
}

export interface Shutdown {
  add(name: string, step: ShutdownStep): void;
  /** Begins the shutdown; the same promise every time. Resolves after the exit code was handed to `exit`. */
  start(reason: string): Promise<void>;
  /** Fires when the shutdown begins. */
  readonly begun: AbortSignal;
}

/** Milliseconds in which a second signal is the same key press: a terminal signals npm and us, and npm passes it on. */
const echo = 300;
/** What a step may still take when the grace time is already over, in milliseconds: enough to close a database. */
const lastChance = 1_000;

export function createShutdown(options: ShutdownOptions): Shutdown {
  const { log } = options;
  const exit = options.exit ?? ((code: number) => process.exit(code));
  const steps: { readonly name: string; readonly step: ShutdownStep }[] = [];
  const begun = new AbortController();
  let running: Promise<void> | undefined;

  const run = async (reason: string): Promise<void> => {
    log.info(`Stopping: ${reason}`, { grace_ms: options.graceMs });
    begun.abort();
    const deadline = Date.now() + options.graceMs;
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), options.graceMs);
    let orderly = true;
    for (const entry of steps.toReversed()) orderly = (await attempt(entry, deadline, over.signal)) && orderly;
    clearTimeout(timer);
    log.info(orderly ? 'Stopped.' : 'Stopped; not every part ended in order.');
    exit(orderly ? 0 : 1);
  };

  const attempt = async ({ name, step }: { readonly name: string; readonly step: ShutdownStep }, deadline: number, signal: AbortSignal): Promise<boolean> => {
    const allowed = Math.max(0, deadline - Date.now()) + lastChance;
    const { promise: late, resolve } = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => resolve('late'), allowed);
    try {
      if ((await Promise.race([step(signal), late])) !== 'late') return true;
      log.error(`Shutdown step "${name}" did not end within the grace time; going on without it.`);
    } catch (error) {
      log.error(`Shutdown step "${name}" failed; going on without it.`, { error });
    } finally {
      clearTimeout(timer);
    }
    return false;
  };

  const start = (reason: string): Promise<void> => (running ??= run(reason));

  obey(options, {
    first: (signal) => void start(signal),
    second(signal) {
      log.warn(`${signal} again: leaving at once.`);
      exit(128 + constants.signals[signal]);
    },
  });

  return { add: (name, step) => void steps.push({ name, step }), start, begun: begun.signal };
}

/** Tells of the first signal, and of a later one that is no echo of it. */
function obey({ signals = process, now = Date.now }: ShutdownOptions, tell: Readonly<Record<'first' | 'second', (signal: ExitSignal) => void>>): void {
  let begun: number | undefined;
  const onSignal = (signal: ExitSignal) => (): void => {
    if (begun === undefined) {
      begun = now();
      tell.first(signal);
    } else if (now() - begun >= echo) tell.second(signal);
  };
  signals.on('SIGTERM', onSignal('SIGTERM'));
  signals.on('SIGINT', onSignal('SIGINT'));
}
