import { sql } from 'kysely';
import type { DeliveryStore, DueDelivery } from '../../models/delivery-store.ts';
import type { Delivery } from '../../models/task.ts';
import { kept } from './kept.ts';
import type { Records } from './schema.ts';
import type { DeliveryRow } from './task-schema.ts';

type Which = Pick<DueDelivery, 'taskId' | 'n'>;

/** As the index has it. */
const waiting = sql<boolean>`status = 'pending'`;
const oneMore = sql<number>`attempts + 1`;

/** The outbox, in the tables of `migrations`. */
export class SqlDeliveryStore implements DeliveryStore {
  readonly #db: Records;

  constructor(db: Records) {
    this.#db = db;
  }

  /** Steps from owner to owner, however many deliveries each has. */
  async owners(now: number): Promise<readonly string[]> {
    const first = await this.nextDue();
    if (first === undefined || first > now) return [];
    const next = sql<{ owner: string }>`
      with recursive owners(owner) as (
        select min(owner) from deliveries where ${waiting}
        union all
        select (select min(d.owner) from deliveries d where ${waiting} and d.owner > o.owner) from owners o where o.owner is not null
      )
      select o.owner from owners o where exists (select 1 from deliveries d where ${waiting} and d.owner = o.owner and d.next_at <= ${now})`;
    const { rows } = await kept('look for who has deliveries', () => next.execute(this.#db));
    return rows.map(({ owner }) => owner);
  }

  async due(owner: string, { now, heldUntil }: { readonly now: number; readonly heldUntil: number }, limit: number): Promise<readonly DueDelivery[]> {
    const held = await kept('take deliveries', () => {
      const which = this.#db.selectFrom('deliveries').select(['task_id', 'n']).where(waiting).where('owner', '=', owner).where('next_at', '<=', now).orderBy('next_at').limit(limit);
      return this.#db.updateTable('deliveries').set({ next_at: heldUntil }).where((is) => is(is.refTuple('task_id', 'n'), 'in', which.$asTuple('task_id', 'n'))).returningAll().execute();
    });
    return held.map(dueOf).toSorted((one, other) => one.createdAt - other.createdAt || one.n - other.n);
  }

  async nextDue(): Promise<number | undefined> {
    const row = await kept('look for the next delivery', () => this.#db.selectFrom('deliveries').select('next_at').where(waiting).where('next_at', 'is not', null).orderBy('next_at').limit(1).executeTakeFirst());
    return row?.next_at ?? undefined;
  }

  async delivered(delivery: Which, at: number, status: number): Promise<void> {
    const done = { status: 'delivered' as const, attempts: oneMore, next_at: null, delivered_at: at, last_status: status, last_error: null };
    await kept('record a delivery', () => this.#of(delivery).set(done).execute());
  }

  /** A delivery that another process made meanwhile stays made. */
  async failed(delivery: Which, { status, error, nextAt }: { readonly status: number | undefined; readonly error: string; readonly nextAt: number | undefined }): Promise<void> {
    const tried = { status: nextAt === undefined ? ('failed' as const) : ('pending' as const), attempts: oneMore, next_at: nextAt ?? null, last_status: status ?? null, last_error: error };
    await kept('record a delivery that failed', () => this.#of(delivery).set(tried).where(waiting).execute());
  }

  async putBack(deliveries: readonly Which[], at: number): Promise<void> {
    if (deliveries.length === 0) return;
    const these = this.#db.updateTable('deliveries').where((is) => is.or(deliveries.map(({ taskId, n }) => is.and({ task_id: taskId, n }))));
    await kept('put deliveries back', () => these.set({ next_at: at }).where(waiting).execute());
  }

  async list(taskId: string): Promise<readonly Delivery[]> {
    const rows = await kept('list deliveries', () => this.#db.selectFrom('deliveries').selectAll().where('task_id', '=', taskId).orderBy('n').execute());
    return rows.map(deliveryOf);
  }

  async redeliver(taskId: string, n: number, now: number): Promise<boolean> {
    const { numUpdatedRows } = await kept('deliver again', () => this.#of({ taskId, n }).set({ status: 'pending', next_at: now, delivered_at: null }).executeTakeFirst());
    return Number(numUpdatedRows) > 0;
  }

  #of({ taskId, n }: Which) {
    return this.#db.updateTable('deliveries').where('task_id', '=', taskId).where('n', '=', n);
  }
}

function dueOf(row: DeliveryRow): DueDelivery {
  return { taskId: row.task_id, n: row.n, owner: row.owner, messageId: row.message_id, url: row.url, event: row.event, body: row.body, attempts: row.attempts, createdAt: row.created_at };
}

function deliveryOf(row: DeliveryRow): Delivery {
  return {
    ...{ n: row.n, event: row.event, seq: row.seq, url: withoutQuery(row.url), status: row.status, attempts: row.attempts, created_at: row.created_at },
    ...(row.next_at === null ? {} : { next_attempt_at: row.next_at }),
    ...(row.delivered_at === null ? {} : { delivered_at: row.delivered_at }),
    ...(row.last_status === null ? {} : { last_status: row.last_status }),
    ...(row.last_error === null ? {} : { last_error: row.last_error }),
  };
}

/** Queries and user names of URLs may be secrets. */
function withoutQuery(url: string): string {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.origin}${parsed.pathname}` : url.replace(/[?#].*$/s, '');
}
