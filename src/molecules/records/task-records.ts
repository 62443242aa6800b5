import { sql } from 'kysely';
import type { PromptProgress } from '../../models/prompt-state.ts';
import type { TaskAttempt, TaskEvent, TaskQuery, TaskStats } from '../../models/task.ts';
import type { Claim, ClaimedTask, Created, Idempotency, NewEvent, NewTask, TaskChange, TaskDetails, TaskEnding, TaskRecord, TaskStore } from '../../models/task-store.ts';
import { GroupCommit } from './group-commit.ts';
import { batchSize, eachBatch, inBatches, kept } from './kept.ts';
import type { Records } from './schema.ts';
import { anyToClaim, claimNext, delayed, giveBack, inWork, takeOverFrom } from './task-claims.ts';
import { insertTask, usedBefore } from './task-creation.ts';
import type { TaskProcess, Writing } from './task-events.ts';
import { listTasks, positionOf } from './task-lists.ts';
import { expireSome, type Mark, tailAfter } from './task-tail.ts';
import { attemptOf, detailsOf, eventOf, taskOf, written } from './task-rows.ts';
import { loadsOf, statsOf, usualRunOf } from './task-stats.ts';
import { advanceTo, applyChange, cancel, failLate, finish, held, makeAgain, requeueEnded } from './task-transitions.ts';

/** Tasks in the tables of `migrations`. */
export class SqlTaskStore implements TaskStore {
  readonly #db: Records;
  readonly #process: TaskProcess;
  readonly #commits: GroupCommit;

  constructor(db: Records, process: TaskProcess) {
    this.#db = db;
    this.#process = process;
    this.#commits = new GroupCommit(db);
  }

  create(task: NewTask, options: Parameters<TaskStore['create']>[1]): Promise<Created> {
    return this.#write('accept a task', (writing) => insertTask(writing, task, options));
  }

  earlier(owner: string, idempotency: Idempotency): Promise<Created | undefined> {
    return kept('look an earlier call up', () => usedBefore(this.#db, owner, idempotency));
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    const row = await kept('look a task up', () => this.#db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst());
    return row && taskOf(row);
  }

  async findMany(ids: readonly string[]): Promise<readonly TaskRecord[]> {
    const rows = await eachBatch(ids, (batch) => kept('look tasks up', () => this.#db.selectFrom('tasks').selectAll().where('id', 'in', batch).execute()));
    return rows.map(taskOf);
  }

  async details(id: string): Promise<TaskDetails | undefined> {
    const row = await kept('look the details of a task up', () => this.#db.selectFrom('task_details').selectAll().where('task_id', '=', id).executeTakeFirst());
    return row && detailsOf(row);
  }

  async attempts(id: string): Promise<readonly TaskAttempt[]> {
    const rows = await kept('look the attempts of a task up', () => this.#db.selectFrom('task_attempts').selectAll().where('task_id', '=', id).orderBy('attempt').execute());
    return rows.map(attemptOf);
  }

  async byJob(jobId: string): Promise<TaskRecord | undefined> {
    const attempt = await kept('look a job up', () => this.#db.selectFrom('task_attempts').select('task_id').where('job_id', '=', jobId).orderBy('task_id', 'desc').limit(1).executeTakeFirst());
    return attempt && this.find(attempt.task_id);
  }

  async list(owner: string | undefined, query: TaskQuery): Promise<readonly TaskRecord[]> {
    const rows = await kept('list tasks', () => listTasks(this.#db, owner, query));
    return rows.map(taskOf);
  }

  position(task: TaskRecord): Promise<number> {
    return kept('tell the place of a task', () => positionOf(this.#db, task));
  }

  async claim(engine: string, by: Parameters<TaskStore['claim']>[1]): Promise<ClaimedTask | undefined> {
    if (!(await kept('look for a task', () => anyToClaim(this.#db, engine, by.now)))) return undefined;
    return this.#write('claim a task', (writing) => claimNext(writing, engine, by));
  }

  async working(engine: string): Promise<number> {
    const row = await kept('count the tasks in work', () => this.#db.selectFrom('tasks').select(({ fn }) => fn.countAll<number>().as('n')).where(inWork).where('engine', '=', engine).executeTakeFirstOrThrow());
    return Number(row.n);
  }

  async nextDue(engine: string): Promise<number | undefined> {
    const row = await kept('look for the next task', () => this.#db.selectFrom('tasks').select('available_at').where(delayed).where('engine', '=', engine).orderBy('available_at').limit(1).executeTakeFirst());
    return row?.available_at;
  }

  takeOver(gone: readonly string[], by: Parameters<TaskStore['takeOver']>[1]): Promise<readonly ClaimedTask[]> {
    return this.#write('take tasks over', async (writing) => {
      const passed: ClaimedTask[] = [];
      for (const worker of new Set(gone)) passed.push(...(await takeOverFrom(writing, worker, by)));
      return passed;
    });
  }

  handBack(claim: Claim, now: number, waits?: { readonly until: number }): Promise<boolean> {
    return this.#write('hand a task back', (writing) => giveBack(writing, claim, { now, until: waits?.until }));
  }

  async workers(): Promise<readonly string[]> {
    const rows = await kept('list the processes with tasks', () => this.#db.selectFrom('tasks').select('worker').distinct().where(inWork).where('worker', 'is not', null).execute());
    return rows.flatMap(({ worker }) => worker ?? []);
  }

  change(claim: Claim, change: TaskChange, told?: NewEvent): Promise<boolean> {
    return this.#write('record a change of a task', (writing) => applyChange(writing, claim, { change, told }));
  }

  async progress({ taskId, worker, attempt }: Claim, progress: number, current: Partial<PromptProgress> | undefined): Promise<boolean> {
    const further = sql<number>`case when progress < ${progress} then ${Math.min(progress, 1)} else progress end`;
    const update = this.#db.updateTable('tasks').set({ progress: further, current: written(current) });
    const present = update.where('id', '=', taskId).where('status', '=', 'processing').where('worker', '=', worker).where('attempt', '=', attempt);
    const { numUpdatedRows } = await kept('record the progress of a task', () => present.executeTakeFirst());
    return Number(numUpdatedRows) > 0;
  }

  advance(claim: Claim, next: Parameters<TaskStore['advance']>[1]): Promise<Claim | undefined> {
    return this.#write('record a step of a task', (writing) => advanceTo(writing, claim, next));
  }

  again(claim: Claim, next: Parameters<TaskStore['again']>[1]): Promise<boolean> {
    return this.#write('let a task wait for another attempt', (writing) => makeAgain(writing, claim, next));
  }

  end(claim: Claim, ending: TaskEnding): Promise<boolean> {
    return this.#write('record the end of a task', async (writing) => {
      const task = await held(writing.step, claim);
      if (task) await finish(writing, task, ending);
      return task !== undefined;
    });
  }

  async requestCancel(id: string, now: number): Promise<TaskRecord | undefined> {
    const row = await this.#write('cancel a task', (writing) => cancel(writing, id, now));
    return row && taskOf(row);
  }

  async cancelRequested(worker: string): Promise<readonly string[]> {
    const rows = await kept('look for tasks to be cancelled', () => this.#db.selectFrom('tasks').select('id').where(inWork).where('worker', '=', worker).where('cancel_requested_at', 'is not', null).execute());
    return rows.map(({ id }) => id);
  }

  async requestLook(id: string): Promise<void> {
    await kept('ask for a look at a task', () => this.#db.updateTable('tasks').set({ look: 1 }).where('id', '=', id).where(inWork).execute());
  }

  async lookRequested(worker: string): Promise<readonly string[]> {
    const rows = await kept('look for tasks to be looked at', () => this.#db.selectFrom('tasks').select('id').where(inWork).where('worker', '=', worker).where('look', '=', 1).execute());
    const ids = rows.map(({ id }) => id);
    await eachBatch(ids, (batch) => kept('note that tasks are looked at', () => this.#db.updateTable('tasks').set({ look: 0 }).where('id', 'in', batch).execute()));
    return ids;
  }

  failOverdue(now: number): Promise<number> {
    return inBatches(() => this.#write('end overdue tasks', (writing) => failLate(writing, now, batchSize)));
  }

  requeue(id: string, now: number): Promise<boolean> {
    return this.#write('let a task wait again', (writing) => requeueEnded(writing, id, now));
  }

  async remove(id: string): Promise<boolean> {
    const { numDeletedRows } = await kept('remove a task', () => this.#db.deleteFrom('tasks').where('id', '=', id).where('ended_at', 'is not', null).executeTakeFirst());
    return Number(numDeletedRows) > 0;
  }

  async events(id: string, since: number, limit: number): Promise<readonly TaskEvent[]> {
    const rows = await kept('look the events of a task up', () => this.#db.selectFrom('task_events').selectAll().where('task_id', '=', id).where('seq', '>', since).orderBy('seq').limit(limit).execute());
    return rows.map(eventOf);
  }

  tail(mark: number | undefined, limit: number): Promise<Mark> {
    return kept('look new events up', () => tailAfter(this.#db, mark, limit));
  }

  stats(owner: string | undefined): Promise<TaskStats> {
    return kept('count tasks', () => statsOf(this.#db, owner));
  }

  usualRun(task: Pick<TaskRecord, 'kind' | 'name' | 'engine'>): Promise<number | undefined> {
    return kept('tell how long a task takes', () => usualRunOf(this.#db, task));
  }

  loads(): ReturnType<TaskStore['loads']> {
    return kept('count tasks', () => loadsOf(this.#db));
  }

  expire(before: number): ReturnType<TaskStore['expire']> {
    return this.#write('forget old tasks', ({ step }) => expireSome(step, before));
  }

  #write<T>(deed: string, work: (writing: Writing) => Promise<T>): Promise<T> {
    return kept(deed, () => this.#commits.write((step) => work({ step, process: this.#process })));
  }
}
