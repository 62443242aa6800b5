import { type RawBuilder, sql, type SqlBool } from 'kysely';
import type { TaskQuery } from '../../models/task.ts';
import type { TaskRecord } from '../../models/task-store.ts';
import type { Records } from './schema.ts';
import { ready } from './task-claims.ts';
import type { TaskRow } from './task-schema.ts';

/** Milliseconds by which the order of ids and the times of creation may differ. */
const slack = 60_000;

/** What is asked for, by column: one group for each index. */
type Asked = readonly (readonly [column: 'client_id' | 'name' | 'type' | 'engine' | 'owner' | 'status', value: string])[];

/** Newest first, one more than asked for. Walks down one index: that of the rarest thing asked for. */
export async function listTasks(db: Records, owner: string | undefined, query: TaskQuery): Promise<readonly TaskRow[]> {
  const groups = groupsOf(owner, query);
  const walked = await rarest(db, groups);
  if (walked === 'none') return [];
  let rows = db.selectFrom('tasks').selectAll();
  for (const group of groups) for (const [column, value] of group) rows = rows.where(group === walked ? is(column, value) : isInPassing(column, value));
  const { cursor, created_after: after, created_before: before } = query;
  if (cursor !== undefined) rows = rows.where('id', '<', cursor);
  if (after !== undefined) rows = rows.where('created_at', '>', after).where('id', '>=', sql<string>`(select id from tasks where created_at > ${after - slack} order by created_at, id limit 1)`);
  if (before !== undefined) rows = rows.where('created_at', '<', before).where('id', '<=', sql<string>`(select id from tasks where created_at < ${before + slack} order by created_at desc, id desc limit 1)`);
  return rows.orderBy('id', 'desc').limit(query.limit + 1).execute();
}

function groupsOf(owner: string | undefined, query: TaskQuery): readonly Asked[] {
  const all = [
    [['client_id', query.client_id]],
    [['name', query.template]],
    [['type', query.task_type]],
    [['engine', query.engine]],
    [['owner', owner], ['status', query.status]],
  ] as const;
  return all.map((group) => group.flatMap(([column, value]) => (value === undefined ? [] : [[column, value] as const]))).filter((group) => group.length > 0);
}

const is = (column: string, value: string): RawBuilder<SqlBool> => sql`${sql.ref(column)} = ${value}`;
/** No index answers this: so it is asked of the rows that another one gives. */
const isInPassing = (column: string, value: string): RawBuilder<SqlBool> => sql`${sql.ref(column)} || '' = ${value}`;

/** The group with the fewest tasks; those of a client are few. `none` where the counts have nothing that is of all groups. */
async function rarest(db: Records, groups: readonly Asked[]): Promise<Asked | 'none' | undefined> {
  const [first, second] = groups;
  if (!second || first?.[0]?.[0] === 'client_id') return first;
  const tallies = [groups.flat(), ...groups].map((group) => sql`coalesce(sum(case when ${sql.join(group.map(([column, value]) => is(column, value)), sql` and `)} then n end), 0)`);
  const { rows } = await sql<Record<string, number>>`select ${sql.join(tallies.map((tally, n) => sql`${tally} as ${sql.ref(`n${n}`)}`))} from task_counts`.execute(db);
  const [all = 0, ...each] = tallies.map((_, n) => Number(rows[0]?.[`n${n}`]));
  return all === 0 ? 'none' : groups[each.indexOf(Math.min(...each))];
}

/** How many ready tasks of its engine go before it. */
export async function positionOf(db: Records, { engine, priority, id }: TaskRecord): Promise<number> {
  const { rows } = await sql<{ before: number }>`
    select (select count(*) from tasks where engine = ${engine} and priority > ${priority} and ${ready})
      + (select count(*) from tasks where engine = ${engine} and priority = ${priority} and id || '' < ${id} and ${ready}) as "before"`.execute(db);
  return Number(rows[0]?.before ?? 0);
}
