/** Durable tasks without the service around them: the real store in memory, engines that follow a script, a clock that the test moves. */
import { Readable } from 'node:stream';
import { newId } from '../../src/atoms/ids/ids.ts';
import { FetchLane } from '../../src/coordinator/tasks/fetch-lane.ts';
import type { WorkerParts } from '../../src/coordinator/tasks/parts.ts';
import { TaskRun } from '../../src/coordinator/tasks/run.ts';
import { Sources, type SourceParts } from '../../src/coordinator/tasks/sources.ts';
import type { EngineOutput } from '../../src/models/engine.ts';
import type { KeptOutput, OutputStorage } from '../../src/models/output-storage.ts';
import type { ClaimedTask, NewTask, TaskRecord } from '../../src/models/task-store.ts';
import type { TaskEventName } from '../../src/models/task.ts';
import { InputStore } from '../../src/molecules/input-store/input-store.ts';
import { SqlInputRecords } from '../../src/molecules/records/input-records.ts';
import { openRecords } from '../../src/molecules/records/open.ts';
import type { Records } from '../../src/molecules/records/schema.ts';
import { SqlTaskStore } from '../../src/molecules/records/task-records.ts';
import { TaskFeed, type TaskNews } from '../../src/molecules/task-feed/task-feed.ts';
import { newTask } from '../contracts/task-store/made.ts';
import { type Line, memoryLog } from './http-app.ts';
import { ScriptedTaskEngine } from './scripted-task-engine.ts';

/** A clock that stands still but for sleeps: each moves it on, and is noted. */
export class SleepingClock {
  at = 1_000;
  readonly sleeps: number[] = [];
  /** Called before each sleep. */
  onSleep: (ms: number) => Promise<void> | void = () => undefined;

  readonly now = (): number => this.at;

  readonly sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    this.sleeps.push(ms);
    await this.onSleep(ms);
    await new Promise(setImmediate);
    signal.throwIfAborted();
    this.at += ms;
  };
}

/** Keeps nothing but names. */
export class NamesOnly implements OutputStorage {
  readonly kept: string[] = [];
  readonly removed: string[] = [];
  onKeep: (output: EngineOutput) => Promise<void> | void = () => undefined;

  async keep(output: EngineOutput): Promise<KeptOutput> {
    await this.onKeep(output);
    this.kept.push(output.file.filename);
    return { url: `http://here/${output.file.filename}`, size: 5 };
  }

  remove(folder: string): Promise<void> {
    return Promise.resolve(void this.removed.push(folder));
  }
}

export class TaskWorld implements AsyncDisposable {
  readonly db: Records;
  readonly clock = new SleepingClock();
  readonly storage = new NamesOnly();
  readonly engine: ScriptedTaskEngine;
  readonly news: TaskNews[] = [];
  readonly lines: Line[];
  readonly store: SqlTaskStore;
  readonly parts: WorkerParts;

  static async open(...engines: ScriptedTaskEngine[]): Promise<TaskWorld> {
    return new TaskWorld(await openRecords(':memory:', AbortSignal.timeout(10_000)), engines.length > 0 ? engines : [new ScriptedTaskEngine('comfyui')]);
  }

  private constructor(db: Records, engines: readonly ScriptedTaskEngine[]) {
    const { log, lines } = memoryLog();
    const feed = new TaskFeed();
    feed.listenToAll((news) => void this.news.push(news));
    this.db = db;
    this.lines = lines;
    this.engine = engines[0] ?? new ScriptedTaskEngine('comfyui');
    this.store = new SqlTaskStore(db, { id: 'w1', newId, now: this.clock.now });
    this.parts = {
      ...{ store: this.store, feed, log, newId, name: 'w1', random: () => 1, now: this.clock.now, sleep: this.clock.sleep },
      ...{ engines: new Map(engines.map((engine) => [engine.name, engine])), storage: this.storage, sources: this.sources() },
      lane: new FetchLane({ store: this.store, engines: new Map(engines.map((engine) => [engine.name, engine])), sleep: this.clock.sleep }),
      ...{ limits: { concurrency: 10, maxAttempts: 3, retryDelay: 1_000 }, told: () => undefined, gone: () => Promise.resolve([]) },
    };
  }

  /** Files of tasks, of which there are none unless the test says otherwise. */
  sources(over: Partial<SourceParts> = {}): Sources {
    const none = (): never => {
      throw new TypeError('there is no such file here');
    };
    return new Sources({
      ...{ inputs: new InputStore('/nowhere', { maxBytes: 1_000 }), records: new SqlInputRecords(this.db), remote: { fetch: none }, decode: () => Readable.from([]), openOwn: none },
      ...{ declarations: () => Promise.resolve({ known: [], complete: true }), publicUrl: '', now: this.clock.now, ...over },
    });
  }

  /** A graph, or what is said. Its only step is on the engine of the task. */
  async accept(over: Partial<NewTask> = {}): Promise<TaskRecord> {
    const { plan, ...task } = newTask(over);
    const steps = plan.steps.map((step) => (step.name === '' ? { ...step, engine: task.engine } : step));
    const made = await this.store.create({ ...task, plan: { ...plan, steps } }, { maxPending: 1_000, idempotency: undefined });
    if (made.kind !== 'created') throw new TypeError(`not accepted: ${made.kind}`);
    return made.task;
  }

  async claim(engine = 'comfyui', worker = 'w1'): Promise<ClaimedTask> {
    const claimed = await this.store.claim(engine, { worker, now: this.clock.at });
    if (!claimed) throw new TypeError('nothing to claim');
    return claimed;
  }

  /** Claims the next task and works on it until nothing is left to do here. Answers it as it is then. */
  async work({ engine = 'comfyui', parts = {}, halt = new AbortController().signal }: { engine?: string; parts?: Partial<WorkerParts>; halt?: AbortSignal } = {}): Promise<TaskRecord> {
    const claimed = await this.claim(engine);
    await this.run(claimed, { parts }).work(halt);
    return this.find(claimed.task.id);
  }

  run(claimed: ClaimedTask, { takenOver = false, parts = {} }: { takenOver?: boolean; parts?: Partial<WorkerParts> } = {}): TaskRun {
    return new TaskRun({ ...this.parts, ...parts }, claimed, takenOver);
  }

  async find(id: string): Promise<TaskRecord> {
    const task = await this.store.find(id);
    if (!task) throw new TypeError(`there is no task ${id}`);
    return task;
  }

  async events(id: string): Promise<readonly TaskEventName[]> {
    return (await this.store.events(id, 0, 1_000)).map(({ event }) => event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.db.destroy();
  }
}
