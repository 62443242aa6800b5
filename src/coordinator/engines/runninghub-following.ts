import { failedWith, reasonOf } from '../../core/errors.ts';
import type { EngineEnding, EngineEvent, EngineJobRef } from '../../models/engine.ts';
import type { HubCancelOutcome, HubCosts, HubTask } from '../../models/runninghub.ts';
import type { TaskUsage } from '../../models/task-usage.ts';
import type { Bell } from './runninghub-bell.ts';
import type { Listening } from './runninghub-listening.ts';
import type { RunninghubEngineOptions, RunninghubEngineParts } from './runninghub-parts.ts';

/** The longest pause between looks that failed, in milliseconds. */
const LONGEST = 30_000;
/** Milliseconds beyond its time in which it is found out what became of a task. */
const PATIENCE = 3_600_000;
/** Orders to stop a task that goes on, when RunningHub does not take them. */
const STOPS = 3;
/** Looks, a pause apart, after which a task that RunningHub says nothing of counts as lost. */
const UNSURE = 10;

export interface Following {
  readonly parts: RunninghubEngineParts;
  readonly options: RunninghubEngineOptions;
  /** Whether somebody asked through us to stop it. */
  readonly stopping: () => boolean;
  /** Whether RunningHub has no word for that. */
  readonly unstoppable: () => boolean;
  readonly bell: Bell;
  /** Hears of progress while it runs, where that is wanted. */
  readonly listening: Listening | undefined;
}

/** The story of a task of RunningHub, by its id there, by asking, to its one ending. A look that fails is no failure of the task. */
export async function* follow({ id, since }: Pick<EngineJobRef, 'id' | 'since'>, following: Following, signal: AbortSignal): AsyncGenerator<EngineEvent, void> {
  const { parts, options, bell, listening } = following;
  const until = (since ?? parts.now()) + options.timeoutMs;
  let [counts, running] = [{ failures: 0, unsure: 0 }, false];
  for (;;) {
    const task = await look(id, following, signal);
    counts = { failures: task ? 0 : counts.failures + 1, unsure: task?.state === 'unknown' ? counts.unsure + 1 : 0 };
    const ending = counts.unsure > UNSURE ? lost(id, options) : endingAfter(task, id, following);
    if (ending) return void (yield ending);
    if (task?.state === 'running') {
      if (!running) yield* begun(options);
      running = true;
      listening?.begin();
    }
    if (parts.now() >= until) return void (yield await late(id, following, signal));
    const pause = Math.min(pauseAfter(counts.failures, following), Math.max(1, until - parts.now()));
    for await (const progress of bell.pause(pause, parts, signal)) yield { kind: 'progress', progress };
  }
}

const endingAfter = (task: HubTask | undefined, id: string, following: Following): EngineEnding | undefined => (task && endingOf(task, id, following)) ?? left(id, following);

/** Nobody waits for a task that was to stop and cannot. */
function left(id: string, { options: { host: instance }, unstoppable }: Following): EngineEnding | undefined {
  const warning = `Task ${id} cannot be stopped at RunningHub in the alt-v1 dialect: it may go on there, and be billed.`;
  return unstoppable() ? { kind: 'stopped', instance, byUs: true, reason: 'It was left.', warning } : undefined;
}

function* begun({ host: instance }: RunninghubEngineOptions): Generator<EngineEvent, void> {
  yield { kind: 'running', instance };
  yield { kind: 'progress', progress: { node: null, overall: 0 } };
}

/** Longer after each look in a row that failed. */
function pauseAfter(failures: number, { parts: { random }, options: { pollMs } }: Following): number {
  return Math.min(pollMs * 2 ** Math.min(failures, 6), Math.max(LONGEST, pollMs)) * (0.8 + random() * 0.4);
}

/** Undefined where nothing could be learned. A task without a state is asked of the older way, which knows stopped ones as failed. */
async function look(id: string, { parts: { api, log } }: Following, signal: AbortSignal): Promise<HubTask | undefined> {
  try {
    const task = await api.query(id, signal);
    if (task.state !== 'unknown' || task.gone) return task;
    const older = await api.outputs(id, signal);
    return older.state === 'failed' && older.failure?.node_id === undefined ? { ...older, state: 'cancelled' } : older;
  } catch (error) {
    signal.throwIfAborted();
    if (!failedWith(error)) throw error;
    log.debug('a look at a task failed; it is looked at again', { hub_task_id: id, reason: reasonOf(error) });
    return undefined;
  }
}

/** Undefined while it goes on. */
function endingOf(task: HubTask, id: string, { options: { host: instance }, stopping }: Following): EngineEnding | undefined {
  const usage = usageOf(task.costs);
  switch (task.state) {
    case 'queued':
    case 'running':
    case 'unknown':
      return undefined;
    case 'succeeded':
      return { kind: 'completed', instance, startedAt: undefined, endedAt: undefined, usage };
    case 'failed':
      if (stopping() && task.failure?.node_id === undefined) return { kind: 'stopped', instance, byUs: true, reason: 'It was stopped.' };
      return { kind: 'failed', instance, again: false, usage, error: task.failure ?? { code: 'WORKFLOW_EXECUTION_ERROR', reason: `Task ${id} failed at RunningHub, which does not say why.` } };
    case 'cancelled':
      return { kind: 'stopped', instance, byUs: stopping(), reason: `Task ${id} was stopped at RunningHub.` };
    default: {
      const never: never = task.state;
      return never;
    }
  }
}

/** It may have run, and may be billed: it is not made again by itself. */
function lost(id: string, { host: instance }: RunninghubEngineOptions): EngineEnding {
  return { kind: 'failed', instance, again: false, error: { code: 'PROMPT_LOST', reason: `RunningHub at ${instance} does not know task ${id} (any more, or not with the key that is configured now); it may have run and may be billed, so it is not submitted again by itself.` } };
}

/**
 * Its time is over: it is stopped, unless it turns out to have ended. While RunningHub cannot be asked which, nobody says
 * that it failed: what came out is there for a day.
 */
async function late(id: string, following: Following, signal: AbortSignal): Promise<EngineEnding> {
  const { parts, options } = following;
  const until = parts.now() + PATIENCE;
  for (let tries = 1; ; tries += 1) {
    const told = await stopped(id, following, signal);
    const task = told.outcome === 'requested' ? undefined : await look(id, following, signal);
    const ending = task && endingOf(task, id, following);
    if (ending) return ending;
    const goesOn = task !== undefined && told.outcome !== 'already_ended' && (told.outcome !== undefined || tries >= STOPS);
    if (told.outcome === 'requested' || goesOn || parts.now() >= until) {
      const reason = `task ${id} had not ended after ${options.timeoutMs / 1_000} s (timeout of engine "${options.name}"). RunningHub ${told.words}; it may still run there and be billed.`;
      return { kind: 'failed', instance: options.host, again: false, error: { code: 'TASK_TIMEOUT', reason } };
    }
    await parts.sleep(pauseAfter(tries, following), signal);
  }
}

/** Tells it to stop. No outcome where that could not be told. */
async function stopped(id: string, { parts: { api } }: Following, signal: AbortSignal): Promise<{ readonly outcome: HubCancelOutcome | undefined; readonly words: string }> {
  try {
    const outcome = await api.cancel(id, signal);
    return { outcome, words: outcome === 'requested' ? 'was told to stop it' : 'did not stop it' };
  } catch (error) {
    signal.throwIfAborted();
    return { outcome: undefined, words: `could not be told to stop it (${reasonOf(error)})` };
  }
}

/** Undefined where nothing was told. */
export function usageOf({ seconds, coins, money, thirdPartyMoney }: HubCosts): TaskUsage | undefined {
  const number = (text: string | undefined): number | undefined => (text === undefined || text.trim() === '' || !Number.isFinite(Number(text)) ? undefined : Number(text));
  const [time, paid, third] = [number(seconds), number(money), number(thirdPartyMoney)];
  const bill = paid === undefined && third === undefined ? undefined : Number(((paid ?? 0) + (third ?? 0)).toFixed(6));
  const spent = number(coins);
  if (time === undefined && spent === undefined && bill === undefined) return undefined;
  return { ...(time === undefined ? {} : { seconds: time }), ...(spent === undefined ? {} : { coins: spent }), ...(bill === undefined ? {} : { money: bill }) };
}
