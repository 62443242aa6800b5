import { sql } from 'kysely';
import type { TaskStats, TaskStatus } from '../../models/task.ts';
import type { TaskRecord } from '../../models/task-store.ts';
import type { Records } from './schema.ts';
import type { CountRow, TaskRow } from './task-schema.ts';

/** Ended tasks whose times are looked at, and completed ones for the usual time of a run. */
const sample = { stats: 1_000, run: 50 } as const;

type Count = Pick<CountRow, 'kind' | 'name' | 'type' | 'engine' | 'status' | 'n'>;
type Ended = Pick<TaskRow, 'kind' | 'name' | 'type' | 'engine' | 'created_at' | 'begun_at' | 'started_at' | 'ended_at'>;
type Figures = Pick<TaskStats, 'counts' | 'queue_length' | 'success_rate' | 'wait_ms' | 'run_ms'>;

export async function statsOf(db: Records, owner: string | undefined): Promise<TaskStats> {
  const counted = db.selectFrom('task_counts').select(['kind', 'name', 'type', 'engine', 'status', 'n']);
  const newest = db.selectFrom('tasks').select(['kind', 'name', 'type', 'engine', 'created_at', 'begun_at', 'started_at', 'ended_at']).where('ended_at', 'is not', null).orderBy('ended_at', 'desc').limit(sample.stats);
  const [counts, ended] = [await (owner === undefined ? counted : counted.where('owner', '=', owner)).execute(), await (owner === undefined ? newest : newest.where('owner', '=', owner)).execute()];
  const named = (row: Count | Ended): string | undefined => (row.name === '' ? undefined : JSON.stringify([row.name, row.type]));
  return {
    ...figuresOf(counts, ended),
    engines: grouped(counts, ended, (row) => row.engine).map(({ first, figures }) => ({ engine: first.engine, ...figures })),
    templates: grouped(counts, ended, named).map(({ first, figures }) => ({ template: first.name, task_type: first.type, ...figures })),
  };
}

/** Figures of each group that `keyOf` makes, in the order of the keys. */
function grouped(counts: readonly Count[], ended: readonly Ended[], keyOf: (row: Count | Ended) => string | undefined): readonly { readonly first: Count; readonly figures: Figures }[] {
  const countsBy = Map.groupBy(counts, keyOf);
  const endedBy = Map.groupBy(ended, keyOf);
  const keys = [...countsBy.keys()].filter((key) => key !== undefined).toSorted();
  return keys.flatMap((key) => {
    const own = countsBy.get(key) ?? [];
    return own.slice(0, 1).map((first) => ({ first, figures: figuresOf(own, endedBy.get(key) ?? []) }));
  });
}

function figuresOf(rows: readonly Count[], ended: readonly Ended[]): Figures {
  const counts: Record<TaskStatus, number> = { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const { status, n } of rows) counts[status] += n;
  const tried = counts.completed + counts.failed;
  const begun = ended.flatMap(({ created_at, begun_at, started_at, ended_at }) => (begun_at === null || started_at === null || ended_at === null ? [] : [{ wait: begun_at - created_at, run: ended_at - started_at }]));
  return {
    counts,
    queue_length: counts.pending,
    success_rate: tried === 0 ? null : counts.completed / tried,
    wait_ms: timesOf(begun.map(({ wait }) => wait)),
    run_ms: timesOf(begun.map(({ run }) => run)),
  };
}

function timesOf(values: readonly number[]): { p50: number | null; p95: number | null } {
  const sorted = values.toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 0.5) ?? null, p95: percentile(sorted, 0.95) ?? null };
}

/** The smallest of the sorted values that `share` of them do not exceed. */
const percentile = (sorted: readonly number[], share: number): number | undefined => sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)];

export async function usualRunOf(db: Records, { kind, name, engine }: Pick<TaskRecord, 'kind' | 'name' | 'engine'>): Promise<number | undefined> {
  const completed = db.selectFrom('tasks').select(['started_at', 'ended_at']).where(sql<boolean>`status = 'completed'`).where('kind', '=', kind).where('name', '=', name).where('engine', '=', engine);
  const rows = await completed.orderBy('ended_at', 'desc').limit(sample.run).execute();
  const runs = rows.flatMap(({ started_at, ended_at }) => (started_at === null || ended_at === null ? [] : [ended_at - started_at]));
  return percentile(runs.toSorted((a, b) => a - b), 0.5);
}

export async function loadsOf(db: Records): Promise<ReadonlyMap<string, { readonly pending: number; readonly processing: number }>> {
  const rows = await db.selectFrom('task_counts').select(['engine', 'status']).select(({ fn }) => fn.sum<number>('n').as('n')).where('status', 'in', ['pending', 'processing']).groupBy(['status', 'engine']).execute();
  const loads = new Map<string, { pending: number; processing: number }>();
  for (const { engine, status, n } of rows) loads.set(engine, { ...(loads.get(engine) ?? { pending: 0, processing: 0 }), [status]: Number(n) });
  return loads;
}

/** Tasks of everybody that wait, back-off included. */
export async function pendingCount(db: Records): Promise<number> {
  const row = await db.selectFrom('task_counts').select(({ fn }) => fn.sum<number | null>('n').as('n')).where('status', '=', 'pending').executeTakeFirst();
  return Number(row?.n ?? 0);
}
