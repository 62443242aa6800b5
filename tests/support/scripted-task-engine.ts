/** An engine that does what it is told: what to say of each job, when to refuse, when not to listen. Notes what was asked of it. */
import { Readable } from 'node:stream';
import type { Engine, EngineEnding, EngineEvent, EngineHealth, EngineJob, EngineJobRef, EngineOutput, HandedOver } from '../../src/models/engine.ts';
import type { OutputFile } from '../../src/models/file.ts';

export interface Stage {
  readonly job: EngineJobRef;
  readonly signal: AbortSignal;
  /** Resolves when the engine has heard that the job shall stop. */
  readonly stopped: Promise<void>;
}

/** What becomes of one job. */
export interface Play {
  /** What `submit` throws: the job surely never was. */
  readonly refuse?: Error;
  /** Before `submit` answers. */
  readonly onSubmit?: (job: EngineJob, signal: AbortSignal) => Promise<void> | void;
  readonly instance?: string;
  readonly warnings?: readonly string[];
  readonly story?: (stage: Stage) => AsyncIterable<EngineEvent>;
  readonly outputs?: readonly EngineOutput[];
}

export const completed: EngineEnding = { kind: 'completed', instance: 'a:1', startedAt: undefined, endedAt: undefined };
export const failed = (code: 'PROMPT_LOST' | 'WORKFLOW_EXECUTION_ERROR', { again, instance = 'a:1' }: { again: boolean; instance?: string }): EngineEnding => ({ kind: 'failed', instance, again, error: { code, reason: `it ended as ${code}.` } });
export const progress = (overall: number): EngineEvent => ({ kind: 'progress', progress: { node: '3', overall } });

export function picture(filename: string, nodeId = '9'): OutputFile {
  return { filename, subfolder: '', type: 'output', url: `http://engine/${filename}`, node_id: nodeId, kind: 'image' };
}

export function output(file: OutputFile, open: EngineOutput['open'] = () => Promise.resolve({ body: Readable.from(['bytes']), size: 5 })): EngineOutput {
  return { file, folder: 'job', open };
}

/** Runs until it is stopped. */
export async function* untilStopped({ stopped, signal }: Stage): AsyncGenerator<EngineEvent, void> {
  yield { kind: 'running', instance: 'a:1' };
  await Promise.race([stopped, gone(signal)]);
  yield { kind: 'stopped', instance: 'a:1', byUs: true, reason: 'It was stopped.' };
}

/** Rejects with the reason of the signal when that fires. */
export async function gone(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  signal.throwIfAborted();
  throw new TypeError('the signal did not fire');
}

export async function* telling(...events: EngineEvent[]): AsyncGenerator<EngineEvent, void> {
  yield* events;
}

export class ScriptedTaskEngine implements Engine {
  readonly type = 'comfyui';
  readonly name: string;
  /** Of the jobs to come, in their order; after the last one, jobs complete at once. */
  readonly plays: Play[];
  readonly calls: string[] = [];
  readonly jobs: EngineJob[] = [];
  /** Jobs that it has, by id. */
  readonly has = new Map<string, Play>();
  room = 10;
  /** Orders to stop that it does not hear. */
  deaf = 0;
  /** What happens before an order to stop is answered. */
  onCancel: () => Promise<void> = () => Promise.resolve();
  /** What `knows` throws, once each. */
  readonly unsure: Error[] = [];
  readonly #stopping = new Map<string, PromiseWithResolvers<void>>();

  constructor(name: string, ...plays: Play[]) {
    this.name = name;
    this.plays = plays;
  }

  capacity(): number {
    return this.room;
  }

  health(): Promise<Pick<EngineHealth, 'healthy'>> {
    return Promise.resolve({ healthy: true });
  }

  async submit(job: EngineJob, signal: AbortSignal): Promise<HandedOver> {
    this.calls.push('submit');
    this.jobs.push(job);
    const play = this.plays.shift() ?? {};
    await play.onSubmit?.(job, signal);
    if (play.refuse !== undefined) throw play.refuse;
    this.has.set(job.id, play);
    return { job: { id: job.id, caller: job.caller }, instance: play.instance ?? 'a:1', warnings: play.warnings ?? [] };
  }

  knows({ id }: EngineJobRef): Promise<boolean | 'unknown'> {
    this.calls.push('knows');
    const error = this.unsure.shift();
    return error === undefined ? Promise.resolve(this.has.has(id)) : Promise.reject(error);
  }

  watch(job: EngineJobRef, signal: AbortSignal): AsyncIterable<EngineEvent> {
    this.calls.push('watch');
    const { story = () => telling(completed) } = this.has.get(job.id) ?? {};
    return story({ job, signal, stopped: this.#stop(job.id).promise });
  }

  async *outputs({ id }: EngineJobRef): AsyncGenerator<EngineOutput, void> {
    this.calls.push('outputs');
    yield* this.has.get(id)?.outputs ?? [];
  }

  async cancel({ id }: EngineJobRef): Promise<void> {
    this.calls.push('cancel');
    await this.onCancel();
    if (this.deaf > 0) {
      this.deaf -= 1;
      throw new TypeError('the engine does not listen');
    }
    this.#stop(id).resolve();
  }

  #stop(id: string): PromiseWithResolvers<void> {
    const stop = this.#stopping.get(id) ?? Promise.withResolvers<void>();
    this.#stopping.set(id, stop);
    return stop;
  }
}
