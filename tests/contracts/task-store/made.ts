import { afterEach, beforeEach } from 'vitest';
import { newId } from '../../../src/atoms/ids/ids.ts';
import type { TaskEventName, TaskOutput } from '../../../src/models/task.ts';
import type { ClaimedTask, NewTask, TaskEnding, TaskRecord } from '../../../src/models/task-store.ts';
import type { Records } from '../../../src/molecules/records/schema.ts';
import { SqlTaskStore } from '../../../src/molecules/records/task-records.ts';

/** Makes an empty database with its tables. */
export type MakeDb = () => Promise<Records>;

/** What the tests of the contract work with: one database, and the store as the process `here` sees it. */
export interface Bench {
  readonly db: () => Records;
  readonly store: () => SqlTaskStore;
  /** Accepts a task; the clock of the story is at 1,000. */
  readonly accept: (over?: Partial<NewTask>) => Promise<TaskRecord>;
  /** Claims the next task of `comfyui`, which must be there. */
  readonly claim: (now?: number, worker?: string) => Promise<ClaimedTask>;
  readonly events: (id: string) => Promise<readonly TaskEventName[]>;
}

/** Time that changes of tasks happen at where nobody says when. */
export const changedAt = 1_500;

export function bench(makeDb: MakeDb): Bench {
  let db: Records;
  let store: SqlTaskStore;
  beforeEach(async () => {
    db = await makeDb();
    store = new SqlTaskStore(db, { id: 'here', newId, now: () => changedAt });
  });
  afterEach(() => db.destroy());
  return {
    db: () => db,
    store: () => store,
    accept: (over) => accepted(store, over),
    claim: (now = 1_100, worker = 'w1') => claimed(store, now, worker),
    events: async (id) => (await store.events(id, 0, 100)).map(({ event }) => event),
  };
}

export function newTask(over: Partial<NewTask> = {}): NewTask {
  const step = { name: '', engine: 'comfyui', template: undefined, workflow: { '1': { class_type: 'KSampler', inputs: {} } }, inputs: {}, deferred: false, extraData: undefined };
  return {
    ...{ id: newId(), owner: 'ann', admin: false, clientId: 'client', kind: 'workflow', type: 'WORKFLOW', name: '', engine: 'comfyui', priority: 0, createdAt: 1_000 },
    ...{ deadlineAt: undefined, metadata: undefined, webhook: undefined, plan: { inputs: {}, steps: [step] }, ...over },
  };
}

export const open = { maxPending: 100_000, idempotency: undefined };

export async function accepted(store: SqlTaskStore, over: Partial<NewTask> = {}): Promise<TaskRecord> {
  const made = await store.create(newTask(over), open);
  if (made.kind !== 'created') throw new TypeError(`not accepted: ${made.kind}`);
  return made.task;
}

export async function claimed(store: SqlTaskStore, now: number, worker: string): Promise<ClaimedTask> {
  const next = await store.claim('comfyui', { worker, now });
  if (!next) throw new TypeError('nothing to claim');
  return next;
}

export const output = (filename: string): TaskOutput => ({ filename, subfolder: '', type: 'output', url: `http://here/${filename}`, node_id: '9', kind: 'image' });
export const error = { code: 'UPSTREAM_ERROR', reason: 'it broke' } as const;

export const ending = (over: Partial<TaskEnding> = {}): TaskEnding => ({ status: 'completed', endedAt: 2_000, error: undefined, outputs: [output('a.png')], warnings: [], ...over });

/** A pipeline of two steps on two engines. */
export function pipeline(over: Partial<NewTask> = {}): NewTask {
  const step = { template: undefined, workflow: {}, inputs: {}, deferred: false, extraData: undefined };
  return newTask({ kind: 'pipeline', type: 'PORTRAIT', name: 'portrait', plan: { inputs: {}, steps: [{ ...step, name: 'draw', engine: 'comfyui' }, { ...step, name: 'swap', engine: 'facefusion' }] }, ...over });
}
