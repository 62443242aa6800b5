/** Durable tasks from outside: handed over at the doors, counted in the database. */
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Graph } from './graph.ts';
import { call, fields } from './http.ts';
import { drive, type Load } from './load.ts';

/** The body of POST /api/v1/tasks. */
export const orderOf = (workflow: Graph, more: Readonly<Record<string, unknown>> = {}): string => JSON.stringify({ workflow, ...more });

/** Hands a task over: its id, once it is on disk. */
export async function accept(url: string, order: string): Promise<string> {
  const { status, body } = await call(`${url}/api/v1/tasks`, { method: 'POST', body: order });
  if (status !== 202) throw new Error(`POST /api/v1/tasks answered ${status}: ${body.toString().slice(0, 300)}`);
  return String(fields(JSON.parse(body.toString()))['task_id']);
}

/** Hands over so many equal tasks, and notes their ids in `into`. */
export function acceptMany(url: string, order: string, { callers, count, into }: { readonly callers: number; readonly count: number; readonly into: Set<string> }): Promise<Load> {
  return drive({ callers, count }, async () => void into.add(await accept(url, order)));
}

export interface Drained {
  /** Seconds from the first beginning to the last end. */
  readonly seconds: number;
  /** Milliseconds from beginning to end of each, ascending. */
  readonly runs: readonly number[];
}

/** What a gateway wrote, read beside it. */
export class Ledger {
  readonly #database: DatabaseSync;

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  }

  /** Ids that the table of tasks lacks, or whose plan is not there. */
  missing(ids: ReadonlySet<string>): string[] {
    const there = new Set(this.#database.prepare('select tasks.id from tasks join task_details on task_id = tasks.id').all().map(({ id }) => id));
    return [...ids].filter((id) => !there.has(id));
  }

  completed(): number {
    return Number(this.#database.prepare(`select coalesce(sum(n), 0) as n from task_counts where status = 'completed'`).get()?.['n']);
  }

  /** Those that have not ended. */
  open(): number {
    return Number(this.#database.prepare(`select coalesce(sum(n), 0) as n from task_counts where status in ('pending', 'processing')`).get()?.['n']);
  }

  drained(): Drained {
    const rows = this.#database.prepare(`select started_at, ended_at from tasks where status = 'completed' and started_at is not null`).all().map((row) => [Number(row['started_at']), Number(row['ended_at'])] as const);
    const [first, last] = rows.reduce(([from, to], [start, end]) => [Math.min(from, start), Math.max(to, end)], [Infinity, 0]);
    return { seconds: (last - first) / 1_000, runs: rows.map(([start, end]) => end - start).toSorted((a, b) => a - b) };
  }

  /** Seconds from the first webhook taken to the last, how many were, and how often they were tried. */
  deliveries(): { readonly seconds: number; readonly delivered: number; readonly open: number; readonly tries: number } {
    const row = this.#database.prepare(`select count(delivered_at) as delivered, count(*) - count(delivered_at) as open, coalesce(sum(attempts), 0) as tries, coalesce(max(delivered_at) - min(delivered_at), 0) as ms from deliveries`).get() ?? {};
    return { seconds: Number(row['ms']) / 1_000, delivered: Number(row['delivered']), open: Number(row['open']), tries: Number(row['tries']) };
  }

  close(): void {
    this.#database.close();
  }
}

/** Looks every 100 ms whether it is so; calls `meanwhile` each time. Rejects after `limit` milliseconds. */
export async function waitUntil(isSo: () => boolean, { limit, meanwhile = () => undefined }: { readonly limit: number; readonly meanwhile?: () => void }): Promise<void> {
  for (const end = Date.now() + limit; !isSo(); await sleep(100)) {
    meanwhile();
    if (Date.now() > end) throw new Error(`not so within ${limit} ms`);
  }
}
