import { type CompiledQuery, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TaskQuery } from '../../models/task.ts';
import type { ClaimedTask, NewTask } from '../../models/task-store.ts';
import { SqlDeliveryStore } from './delivery-records.ts';
import { openRecords } from './open.ts';
import type { Records } from './schema.ts';
import { SqlTaskStore } from './task-records.ts';

/** The statements of the task store, seen on their way to the database while everything happens to tasks, each with SQLite's plan for it. */
describe('questions to the tasks', () => {
  let db: Records;
  const asked: CompiledQuery[] = [];
  let ids = 0;
  beforeAll(async () => {
    const plain = await openRecords(':memory:', AbortSignal.timeout(10_000));
    db = plain.withPlugin({
      transformQuery: ({ node }) => {
        asked.push(plain.getExecutor().compileQuery(node, { queryId: 'plan' }));
        return node;
      },
      transformResult: async ({ result }) => result,
    });
  });
  afterAll(() => db.destroy());

  const store = () => new SqlTaskStore(db, { id: 'p', newId: () => String(ids++) });
  const deliveries = () => new SqlDeliveryStore(db);
  const step = { name: 's', engine: 'e', template: undefined, workflow: {}, inputs: {}, deferred: false, extraData: undefined };
  const newTask = (over: Partial<NewTask> = {}): NewTask => ({
    ...{ id: `t${ids++}`, owner: 'ann', admin: false, clientId: 'c', kind: 'template', type: 'TEMPLATE', name: 'n', engine: 'e', priority: 0, createdAt: 1, deadlineAt: 2, metadata: undefined },
    ...{ plan: { inputs: {}, steps: [step] }, webhook: { url: 'https://hook', events: ['queued', 'started', 'completed'] }, ...over },
  });
  const create = () => store().create(newTask(), { maxPending: 1e6, idempotency: { key: `k${ids++}`, hash: 'h', since: 0 } });
  const claimed = async (worker = 'w'): Promise<ClaimedTask> => {
    await create();
    const next = await store().claim('e', { worker, now: 2 });
    if (!next) throw new TypeError('nothing to claim');
    return next;
  };
  const query = (over: Partial<TaskQuery>) => TaskQuery.parse(over);
  const error = { code: 'UPSTREAM_ERROR', reason: 'x' } as const;
  const ending = { status: 'failed', endedAt: 3, error, outputs: [], warnings: [] } as const;

  const plansOf = async (ask: () => Promise<unknown>): Promise<string> => {
    asked.length = 0;
    await ask();
    const plans: string[] = [];
    for (const query of [...asked]) {
      const explained = await sql<{ detail: string }>`explain query plan ${sql.raw(inline(query.sql, query.parameters))}`.execute(db);
      plans.push(...explained.rows.map((row) => `${row.detail}   [${query.sql.replaceAll(/\s+/g, ' ').slice(0, 300)}]`));
    }
    return plans.join('\n');
  };
  const inline = (text: string, parameters: readonly unknown[]): string => {
    let index = 0;
    return text.replaceAll('?', () => {
      const value = parameters[index++];
      if (value === null || value === undefined) return 'null';
      return typeof value === 'string' ? `'${value}'` : Number(value).toString();
    });
  };

  const questions: Record<string, () => Promise<unknown>> = {
    'a new task': create,
    'a key that came before': async () => {
      const again = { maxPending: 1e6, idempotency: { key: 'again', hash: 'h', since: 0 } };
      await store().create(newTask(), again);
      await store().create(newTask(), again);
    },
    'a task by its id': () => store().find('t'),
    'a task by its job': () => store().byJob('j'),
    'many tasks by their ids': () => store().findMany(['t', 'u']),
    'the details, attempts and events of a task': async () => [await store().details('t'), await store().attempts('t'), await store().events('t', 1, 10)],
    'a claim': () => claimed(),
    'a claim where nothing waits': () => store().claim('none', { worker: 'w', now: 9 }),
    'what is in work': () => store().working('e'),
    'who has something in work': () => store().workers(),
    'the next that comes due': () => store().nextDue('e'),
    'what a dead process had': async () => {
      await store().change((await claimed('dead')).claim, { jobId: 'j', outputs: [], instance: 'i' }, { event: 'output', data: {} });
      await claimed('dead');
      await store().takeOver(['dead'], { worker: 'w', now: 3 });
    },
    'a task that is handed back': async () => store().handBack((await claimed()).claim, 3),
    'progress': async () => store().progress((await claimed()).claim, 0.5, undefined),
    'the next step': async () => store().advance((await claimed()).claim, { step: 1, name: 's', engine: 'e', results: [], outputs: [], now: 3 }),
    'another attempt': async () => store().again((await claimed()).claim, { availableAt: 9, now: 3, error }),
    'an end, another go and a removal': async () => {
      const { claim } = await claimed();
      await store().end(claim, ending);
      await store().requeue(claim.taskId, 4);
      await store().requestCancel(claim.taskId, 5);
      await store().remove(claim.taskId);
    },
    'a cancel of what is in work': async () => store().requestCancel((await claimed()).claim.taskId, 3),
    'what shall stop': () => store().cancelRequested('w'),
    'what shall be looked at': () => store().lookRequested('w'),
    'a look': async () => store().requestLook((await claimed()).claim.taskId),
    'overdue tasks': () => store().failOverdue(1),
    'old tasks': () => store().expire(0),
    'the place of a task': async () => store().position((await claimed()).task),
    'a list of a key': () => store().list('ann', query({ cursor: 't' })),
    'a list of everybody': () => store().list(undefined, query({ cursor: 't' })),
    'a list by state': () => store().list(undefined, query({ status: 'pending', cursor: 't' })),
    'a list of a key by state': () => store().list('ann', query({ status: 'pending', cursor: 't' })),
    'a list of a client': () => store().list('ann', query({ client_id: 'c', status: 'pending' })),
    'a list of a time': () => store().list('ann', query({ created_after: 1, created_before: 9 })),
    'the tail': () => store().tail(0, 10),
    'the end of the tail': () => store().tail(undefined, 10),
    'the figures of a key': () => store().stats('ann'),
    'a usual run': () => store().usualRun({ kind: 'template', name: 'n', engine: 'e' }),
    'loads': () => store().loads(),
    'due deliveries': () => deliveries().due('ann', { now: 9, heldUntil: 10 }, 5),
    'who has due deliveries': () => deliveries().owners(9),
    'the next delivery': () => deliveries().nextDue(),
    'the fate of a delivery': async () => {
      await deliveries().delivered({ taskId: 't', n: 1 }, 9, 200);
      await deliveries().failed({ taskId: 't', n: 1 }, { status: 500, error: 'x', nextAt: 10 });
      await deliveries().redeliver('t', 1, 11);
      await deliveries().putBack([{ taskId: 't', n: 1 }, { taskId: 'u', n: 1 }], 12);
      await deliveries().list('t');
    },
  };

  /** Keys whose turn it may be, the newest events that were asked for, and the end of a table without a sort of its own. */
  const small = /^SCAN (o|top|newer|CONSTANT ROW|\d+-ROW VALUES)/;
  const ends = /^SCAN (task_events|tasks) .*(order by "id" desc limit)/;

  it.each(Object.entries(questions))('look up %s through an index, never through a whole table', async (_, ask) => {
    const plan = (await plansOf(ask)).split('\n');
    expect(plan.filter((line) => line.startsWith('SCAN') && !small.test(line) && !ends.test(line))).toEqual([]);
    expect(asked.length).toBeGreaterThan(0);
  });

  const inOrder = ['a claim where nothing waits', 'the next that comes due', 'a list of a key', 'a list of everybody', 'a list by state', 'a list of a key by state', 'a list of a client', 'a list of a time', 'overdue tasks', 'old tasks', 'a usual run', 'the next delivery', 'the tail'];
  it.each(inOrder)('find %s in order, without sorting', async (name) => {
    const ask = questions[name];
    expect(ask && (await plansOf(ask))).not.toMatch(/TEMP B-TREE/);
  });

  /** An index of all that wait would be a scan, too. */
  it.each([
    ['a claim', /tasks_ready \(engine=\? AND priority=\? AND owner>\?\)/],
    ['a claim', /tasks_in_work \(engine=\? AND owner=\?\)/],
    ['a claim', /tasks_delayed \(engine=\? AND available_at<\?\)/],
    ['what is in work', /COVERING INDEX tasks_in_work \(engine=\?\)/],
    ['who has something in work', /COVERING INDEX tasks_by_worker \(status=\?/],
    ['what a dead process had', /tasks_by_worker \(status=\? AND worker=\?\)/],
    ['what shall stop', /tasks_by_worker \(status=\? AND worker=\?\)/],
    ['the next that comes due', /tasks_delayed \(engine=\?\)/],
    ['a task by its job', /COVERING INDEX task_attempts_by_job \(job_id=\?\)/],
    ['overdue tasks', /tasks_by_deadline \(status=\? AND deadline_at>\? AND deadline_at<\?\)/],
    ['old tasks', /tasks_by_end \(ended_at<\?\)/],
    ['the place of a task', /COVERING INDEX tasks_ready \(engine=\? AND priority>\?\)/],
    ['the place of a task', /COVERING INDEX tasks_ready \(engine=\? AND priority=\?\)/],
    ['a list of a key', /tasks_by_owner \(owner=\? AND id<\?\)/],
    ['a list by state', /tasks_by_status \(status=\? AND id<\?\)/],
    ['a list of a key by state', /tasks_by_owner_and_status \(owner=\? AND status=\? AND id<\?\)/],
    ['a list of a time', /tasks_by_owner \(owner=\? AND id>\? AND id<\?\)/],
    ['the figures of a key', /tasks_by_owner_and_end \(owner=\?/],
    ['a usual run', /tasks_completed \(kind=\? AND name=\? AND engine=\?\)/],
    ['due deliveries', /deliveries_by_owner \(owner=\? AND next_at<\?\)/],
    ['who has due deliveries', /deliveries_by_owner \(owner=\? AND next_at<\?\)/],
  ])('find %s where it is kept: %s', async (name, index) => {
    const ask = questions[name];
    expect(ask && (await plansOf(ask))).toMatch(index);
  });

  it('list by what is rarest', async () => {
    for (let n = 0; n < 20; n += 1) await store().create(newTask({ engine: 'crowded', name: n === 0 ? 'rare' : 'common' }), { maxPending: 1e6, idempotency: undefined });
    expect(await plansOf(() => store().list('ann', query({ engine: 'crowded', template: 'rare' })))).toMatch(/SEARCH tasks USING INDEX tasks_by_name \(name=\?\)/);
    expect(await plansOf(() => store().list('ann', query({ engine: 'crowded', template: 'rare', client_id: 'c' })))).toMatch(/SEARCH tasks USING INDEX tasks_by_client \(client_id=\?\)/);
    expect(await plansOf(() => store().list('ann', query({ engine: 'crowded' })))).toMatch(/SEARCH tasks USING INDEX tasks_by_engine \(engine=\?\)/);
  });

  it('do not walk through one crowd to find that nobody is in another as well', async () => {
    expect(await plansOf(() => store().list('nobody', query({ engine: 'e', task_type: 'TEMPLATE' })))).not.toMatch(/ tasks /);
  });
});
