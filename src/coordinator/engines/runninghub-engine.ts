import { fail, failedWith, type GatewayError, reasonOf } from '../../core/errors.ts';
import { limits } from '../../constants/limits.ts';
import type { Engine, EngineEvent, EngineFile, EngineFinding, EngineHealth, EngineJob, EngineJobRef, EngineOutput, HandedOver } from '../../models/engine.ts';
import { hubJobId, type HubNodeInfo, type HubOutput, type HubSubmitOutcome, type HubTarget, hubTaskId } from '../../models/runninghub.ts';
import { Bell } from './runninghub-bell.ts';
import { examine } from './runninghub-examination.ts';
import { follow } from './runninghub-following.ts';
import { Listening } from './runninghub-listening.ts';
import { outputOf } from './runninghub-outputs.ts';
import type { RunninghubEngineOptions, RunninghubEngineParts } from './runninghub-parts.ts';
import { RunninghubRoom } from './runninghub-room.ts';
import { RunninghubUploads } from './runninghub-uploads.ts';

/** Milliseconds that a cancel waits. */
const CANCEL_MS = 15_000;
/** Seconds before a job that found no room may be claimed again: from then on the room decides, so that it takes the first slot that is free. */
const SOON = 0.5;
/** How often the results of a job that succeeded are asked for at a time. */
const PATIENCE = { tries: 7, firstMs: 500, longestMs: 60_000 } as const;

/** A workflow or an app that lies at RunningHub, as an engine. A job is submitted once, and never again when nobody knows what became of it. */
export class RunninghubEngine implements Engine {
  readonly type = 'runninghub';
  readonly hosted = true;
  readonly name: string;
  readonly #parts: RunninghubEngineParts;
  readonly #options: RunninghubEngineOptions;
  readonly #room: RunninghubRoom;
  readonly #uploads: RunninghubUploads;
  /** Jobs that were to stop, the newest. */
  readonly #stopping = new Set<string>();
  /** Of these, the watched ones that RunningHub has no word to stop for. */
  readonly #unstoppable = new Set<string>();
  /** Of jobs that are watched. */
  readonly #bells = new Map<string, Bell>();
  /** By workflow: nodes of its graph. */
  readonly #nodes = new Map<string, number>();

  constructor(parts: RunninghubEngineParts, options: RunninghubEngineOptions) {
    this.#parts = parts;
    this.#options = options;
    this.name = options.name;
    this.#room = new RunninghubRoom(parts, options);
    this.#uploads = new RunninghubUploads(parts.api, parts.now);
  }

  capacity(): number {
    return this.#room.now();
  }

  async health(): Promise<Pick<EngineHealth, 'healthy' | 'reason' | 'instances'>> {
    const reason = await this.#room.fault();
    if (reason !== undefined) return { healthy: false, reason };
    const pause = this.#room.pause();
    return { healthy: true, ...(pause === undefined ? {} : { reason: pause }) };
  }

  async submit(job: EngineJob, signal: AbortSignal): Promise<HandedOver> {
    const begun = this.#parts.now();
    const target = job.target ?? this.#options.target;
    if (!target) throw fail('VALIDATION_ERROR', `engine "${this.name}" has no workflow and no app of its own.`);
    const nodeInfoList = await this.#placed(job, signal).catch((error: unknown) => {
      // Who gave up says nothing of the account.
      signal.throwIfAborted();
      return this.#unsent(error);
    });
    signal.throwIfAborted();
    await job.leaving?.();
    const outcome = await this.#run(job, target, nodeInfoList);
    this.#parts.log.info(`a job was ${outcome.kind}`, { task_id: job.taskId, engine: this.name, ...('taskId' in outcome && outcome.taskId !== undefined ? { hub_task_id: outcome.taskId } : {}), elapsed_s: seconds(this.#parts.now() - begun), ...('error' in outcome ? { reason: reasonOf(outcome.error) } : {}) });
    return this.#handedOver(job, outcome);
  }

  /** What has an id of RunningHub was taken. An id of ours says that it was about to be submitted. */
  async knows({ id }: EngineJobRef): Promise<boolean | 'unknown'> {
    return hubTaskId(id) !== undefined || 'unknown';
  }

  async *watch(job: EngineJobRef, signal: AbortSignal): AsyncGenerator<EngineEvent, void> {
    const begun = job.since ?? this.#parts.now();
    const bell = new Bell();
    const id = hubTaskId(job.id) ?? job.id;
    const listening = this.#options.progressSocket ? new Listening(id, { parts: this.#parts, bell, nodes: () => this.#nodesOf(job.target ?? this.#options.target) }) : undefined;
    this.#bells.set(job.id, bell);
    // Only a look tells where its socket is: short runs would have ended before the second one.
    if (listening) bell.hint();
    try {
      yield* this.#told(job, begun, follow({ ...job, id }, { parts: this.#parts, options: this.#options, stopping: () => this.#stopping.has(job.id), unstoppable: () => this.#unstoppable.has(job.id), bell, listening }, signal));
    } finally {
      listening?.end();
      this.#bells.delete(job.id);
      this.#unstoppable.delete(job.id);
    }
  }

  look({ id }: EngineJobRef): void {
    this.#bells.get(id)?.hint();
  }

  async *#told(job: EngineJobRef, begun: number, events: AsyncIterable<EngineEvent>): AsyncGenerator<EngineEvent, void> {
    for await (const event of events) {
      if (event.kind === 'completed' || event.kind === 'failed' || event.kind === 'stopped') {
        this.#room.freed();
        this.#parts.log.info(`a job ${event.kind === 'stopped' ? 'was stopped' : event.kind}`, { task_id: job.taskId, engine: this.name, hub_task_id: hubTaskId(job.id), elapsed_s: seconds(this.#parts.now() - begun), ...('usage' in event && event.usage ? { usage: event.usage } : {}), ...('error' in event ? { reason: event.error.reason } : {}) });
      }
      yield event;
    }
  }

  async *outputs(job: EngineJobRef, signal: AbortSignal): AsyncGenerator<EngineOutput, void> {
    const outputs = await this.#results(hubTaskId(job.id) ?? job.id, signal);
    for (const [n, output] of outputs.entries()) {
      const found = outputOf(output, n, { job, parts: this.#parts });
      if (found) yield found;
    }
  }

  async cancel({ id }: EngineJobRef): Promise<void> {
    const taskId = hubTaskId(id);
    if (taskId === undefined) return;
    this.#stopping.add(id);
    const [oldest] = this.#stopping;
    if (this.#stopping.size > limits.runninghubStopping && oldest !== undefined) this.#stopping.delete(oldest);
    const told = await this.#parts.api.cancel(taskId, AbortSignal.timeout(CANCEL_MS));
    const bell = this.#bells.get(id);
    if (told !== 'not_supported' || !bell) return;
    this.#unstoppable.add(id);
    bell.hint();
  }

  examine(signal: AbortSignal): Promise<readonly EngineFinding[]> {
    return examine(this.#parts.api, this.#options, signal);
  }

  /** They are there for a day: who cannot be asked now is asked again. */
  async #results(id: string, signal: AbortSignal): Promise<readonly HubOutput[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        const { outputs, state } = await this.#parts.api.query(id, signal);
        if (state === 'succeeded' || tries >= PATIENCE.tries) return outputs;
      } catch (error) {
        signal.throwIfAborted();
        if (!failedWith(error) || tries >= PATIENCE.tries) throw error;
        this.#parts.log.warn('results cannot be asked for; they are asked for again', { engine: this.name, hub_task_id: id, reason: reasonOf(error) });
      }
      await this.#parts.sleep(Math.min(PATIENCE.firstMs * 2 ** (tries - 1), PATIENCE.longestMs), signal);
    }
  }

  /** Undefined where that is not told: of apps, and of workflows that cannot be asked for now. */
  async #nodesOf(target: HubTarget | undefined): Promise<number | undefined> {
    if (target?.kind !== 'workflow') return undefined;
    const known = this.#nodes.get(target.id);
    if (known !== undefined) return known;
    const graph = await this.#parts.api.workflowFormat(target.id, AbortSignal.timeout(CANCEL_MS)).catch(() => undefined);
    if (graph && this.#nodes.size < limits.runninghubGraphs) this.#nodes.set(target.id, Object.keys(graph).length);
    return graph && Object.keys(graph).length;
  }

  /** Where each value goes, files uploaded. */
  async #placed({ values = [] }: EngineJob, signal: AbortSignal): Promise<HubNodeInfo[]> {
    const placed = await Promise.all(values.map(async ({ targets, value }) => {
      const fieldValue = 'file' in value ? await this.#uploads.name(value.file, signal) : value.plain;
      return targets.map(({ node: nodeId, input: fieldName }): HubNodeInfo => ({ nodeId, fieldName, fieldValue }));
    }));
    return placed.flat();
  }

  /** Once it is on its way, nobody who gives up may break it off: only its own time limit does. */
  #run({ taskId, target: named }: EngineJob, target: HubTarget, nodeInfoList: readonly HubNodeInfo[]): Promise<HubSubmitOutcome> {
    const { api } = this.#parts;
    const { instanceType, accessPassword } = named ?? this.#options;
    const run = { nodeInfoList, instanceType, accessPassword, webhookUrl: this.#options.hookOf?.(taskId) };
    const { signal } = new AbortController();
    return target.kind === 'app' ? api.runApp(target.id, run, signal) : api.runWorkflow(target.id, run, signal);
  }

  #handedOver(job: EngineJob, outcome: HubSubmitOutcome): HandedOver {
    const { host } = this.#options;
    switch (outcome.kind) {
      case 'accepted':
        this.#room.taken();
        // What it does not find there any more goes there anew next time.
        if (outcome.faults.length > 0) for (const file of filesOf(job)) this.#uploads.forget(file);
        return { job: this.#ref(job, outcome.taskId), instance: host, warnings: outcome.faults.map(({ reason }) => `RunningHub: ${reason}`) };
      case 'refused':
        if (outcome.again) throw this.#waiting(outcome.error, outcome.again.afterMs);
        for (const file of filesOf(job)) this.#uploads.forget(file);
        return this.#unsent(outcome.error);
      case 'unknown':
        if (outcome.taskId !== undefined) return { job: this.#ref(job, outcome.taskId), instance: host, warnings: [] };
        throw fail('ENGINE_OUTCOME_UNKNOWN', `RunningHub may have started it and may bill it; it is not submitted again by itself. Look into your account at ${host}, then have the task tried again if it is not there. (${reasonOf(outcome.error)})`, { retryable: false, cause: outcome.error });
      default: {
        const never: never = outcome;
        return never;
      }
    }
  }

  #ref({ caller, taskId, target }: EngineJob, id: string): EngineJobRef {
    return { id: hubJobId(id), caller, taskId, since: this.#parts.now(), target };
  }

  /** Nothing was begun. */
  #unsent(error: unknown): never {
    this.#room.heard(error);
    if (failedWith(error, 'CONNECTION_ERROR', 'RATE_LIMITED', 'QUEUE_FULL')) throw this.#waiting(error, (error.retryAfter ?? 1) * 1_000);
    throw error;
  }

  #waiting(error: unknown, afterMs: number): GatewayError {
    this.#room.heard(error);
    this.#room.refused(afterMs, error);
    const [code, detail] = failedWith(error) ? [error.code, error.detail] : (['UPSTREAM_ERROR', reasonOf(error)] as const);
    return fail(code, detail, { cause: error, retryable: true, waits: true, retryAfter: SOON });
  }
}

const filesOf = ({ values = [] }: EngineJob): EngineFile[] => values.flatMap(({ value }) => ('file' in value ? [value.file] : []));
const seconds = (ms: number): number => Math.round(ms / 100) / 10;
