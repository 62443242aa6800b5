import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/atoms/ids/ids.ts';
import { TaskQuery } from '../../../src/models/task.ts';
import type { NewTask } from '../../../src/models/task-store.ts';
import { SqlTaskStore } from '../../../src/molecules/records/task-records.ts';
import { accepted, type Bench, claimed, ending, error } from './made.ts';

export function reading({ db, store, accept, claim }: Bench): void {
  describe('a job of an engine', () => {
    it('leads to its task, also when that has ended; one that nobody knows leads nowhere', async () => {
      const task = await accept();
      const { claim: held } = await claim();
      await store().change(held, { jobId: '1996080571212349442' });
      expect((await store().byJob('1996080571212349442'))?.id).toBe(task.id);
      await store().end(held, ending({ status: 'failed', error }));
      expect((await store().byJob('1996080571212349442'))?.id).toBe(task.id);
      expect(await store().byJob('1')).toBeUndefined();
    });
  });

  describe('a list', () => {
    const ids = async (owner: string | undefined, query: Partial<TaskQuery> = {}) => (await store().list(owner, TaskQuery.parse({ limit: 10, ...query }))).map(({ id }) => id);

    it('has the newest first, of one key or of everybody', async () => {
      const [one, two, three] = [await accept(), await accept({ owner: 'bob' }), await accept()];
      expect(await ids('ann')).toEqual([three.id, one.id]);
      expect(await ids(undefined)).toEqual([three.id, two.id, one.id]);
      expect(await ids('eve')).toEqual([]);
      expect((await store().list('bob', TaskQuery.parse({})))[0]).toEqual(await store().find(two.id));
    });

    it('has one more than the limit where there are more, and goes on after a cursor', async () => {
      const made: string[] = [];
      for (let n = 0; n < 5; n += 1) made.unshift((await accept()).id);
      expect(await ids('ann', { limit: 2 })).toEqual(made.slice(0, 3));
      expect(await ids('ann', { limit: 2, cursor: made[1] ?? '' })).toEqual(made.slice(2, 5));
      expect(await ids(undefined, { limit: 2, cursor: made[3] ?? '' })).toEqual(made.slice(4));
      await accept();
      expect(await ids('ann', { limit: 2, cursor: made[1] ?? '' })).toEqual(made.slice(2, 5));
    });

    it('takes every filter, alone and together with every other', async () => {
      const kinds: Partial<NewTask>[] = [
        { kind: 'template', type: 'TEMPLATE', name: 'portrait', clientId: 'c1', createdAt: 1_000 },
        { kind: 'template', type: 'TEMPLATE', name: 'landscape', clientId: 'c2', createdAt: 200_000, engine: 'runninghub' },
        { kind: 'pipeline', type: 'SWAP', name: 'swap', clientId: 'c1', createdAt: 400_000 },
        { clientId: 'c2', createdAt: 600_000 },
      ];
      for (const kind of kinds) for (const owner of ['ann', 'bob']) await accept({ ...kind, owner });
      await store().requestCancel((await ids('ann', { client_id: 'c1' }))[0] ?? '', 700_000);
      const all = await store().list(undefined, TaskQuery.parse({}));
      const filters: readonly (readonly [Partial<TaskQuery>, (task: (typeof all)[number]) => boolean])[] = [
        [{ status: 'pending' }, (task) => task.status === 'pending'],
        [{ status: 'cancelled' }, (task) => task.status === 'cancelled'],
        [{ task_type: 'TEMPLATE' }, (task) => task.type === 'TEMPLATE'],
        [{ template: 'landscape' }, (task) => task.name === 'landscape'],
        [{ engine: 'comfyui' }, (task) => task.engine === 'comfyui'],
        [{ client_id: 'c2' }, (task) => task.clientId === 'c2'],
        [{ created_after: 200_000 }, (task) => task.createdAt > 200_000],
        [{ created_before: 400_000 }, (task) => task.createdAt < 400_000],
        [{}, () => true],
      ];
      for (const owner of ['ann', undefined]) {
        for (const [one, fitsOne] of filters) {
          for (const [other, fitsOther] of filters) {
            const query = { ...other, ...one };
            const fits = 'status' in one && 'status' in other ? fitsOne : (task: (typeof all)[number]) => fitsOne(task) && fitsOther(task);
            const expected = all.filter((task) => (owner === undefined || task.owner === owner) && fits(task)).map(({ id }) => id);
            expect(await ids(owner, query), JSON.stringify({ owner, query })).toEqual(expected);
          }
        }
      }
      expect(all).toHaveLength(8);
    });

    it('finds a task by when it was made, and nothing before the first and after the last', async () => {
      const { id } = await accept({ createdAt: 1_000_000 });
      for (const query of [{ created_after: 999_999 }, { created_before: 1_000_001 }, { created_after: 999_999, created_before: 1_000_001 }]) expect(await ids(undefined, query)).toEqual([id]);
      expect(await ids(undefined, { created_after: 2_000_000 })).toEqual([]);
      expect(await ids(undefined, { created_before: 500_000 })).toEqual([]);
    });
  });

  describe('the place of a task', () => {
    it('counts the ready ones of its engine that go before it', async () => {
      const [first, second, high] = [await accept(), await accept(), await accept({ priority: 5 })];
      await accept({ engine: 'runninghub', priority: 9 });
      await accept({ priority: -1 });
      const places = async () => Promise.all([first, second, high].map((task) => store().position(task)));
      expect(await places()).toEqual([1, 2, 0]);
      await accept({ priority: 50 });
      await store().again((await claim()).claim, { availableAt: 9_000, now: 1_200, error });
      expect(await places()).toEqual([1, 2, 0]);
      await claim();
      expect(await places()).toEqual([0, 1, 0]);
    });
  });

  describe('the tail of all events', () => {
    it('begins at the end and gives what comes after, in the order of its writing and with whose it is', async () => {
      await accept();
      const { mark, events } = await store().tail(undefined, 100);
      expect(events).toEqual([]);
      const other = new SqlTaskStore(db(), { id: 'there', newId });
      const bobs = await accepted(other, { owner: 'bob', clientId: 'c9' });
      await claimed(store(), 1_100, 'w1');
      const first = await store().tail(mark, 1);
      expect(first.events).toEqual([{ task_id: bobs.id, seq: 1, event: 'queued', status: 'pending', at: 1_000, data: { priority: 0 }, owner: 'bob', clientId: 'c9', origin: 'there' }]);
      const rest = await store().tail(first.mark, 100);
      expect(rest.events.map(({ event, owner, origin }) => [event, owner, origin])).toEqual([['started', 'ann', 'here']]);
      expect(await store().tail(rest.mark, 100)).toEqual({ mark: rest.mark, events: [] });
    });

    it('misses nothing of many tasks that are written at once, and repeats nothing when old ones are removed', async () => {
      const { mark } = await store().tail(undefined, 1);
      expect(mark).toBe(0);
      const made = await Promise.all(Array.from({ length: 50 }, () => accept()));
      const seen: string[] = [];
      let at = mark;
      for (let page = await store().tail(at, 7); page.events.length > 0; page = await store().tail(at, 7)) {
        seen.push(...page.events.map(({ task_id }) => task_id));
        at = page.mark;
      }
      expect(seen.toSorted()).toEqual(made.map(({ id }) => id).toSorted());
      for (const { id } of made) {
        await store().requestCancel(id, 2_000);
        await store().remove(id);
      }
      const next = await accept();
      expect((await store().tail(at, 100)).events.map(({ task_id }) => task_id)).toEqual([next.id]);
    });
  });

  describe('figures', () => {
    it('are empty where there is nothing', async () => {
      const none = { p50: null, p95: null };
      const empty = { counts: { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 }, queue_length: 0, success_rate: null, wait_ms: none, run_ms: none };
      expect(await store().stats(undefined)).toEqual({ ...empty, engines: [], templates: [] });
      expect(await store().usualRun({ kind: 'workflow', name: '', engine: 'comfyui' })).toBeUndefined();
      await store().requestCancel((await accept()).id, 2_000);
      expect(await store().stats('ann')).toMatchObject({ counts: { cancelled: 1 }, success_rate: null, wait_ms: none, run_ms: none });
      expect(await store().stats('bob')).toEqual({ ...empty, engines: [], templates: [] });
    });

    it('tell how many there are, how long they waited and ran: in all, by engine and by template', async () => {
      const portrait = { kind: 'template', type: 'TEMPLATE', name: 'portrait' } as const;
      for (let n = 1; n <= 20; n += 1) {
        await accept(portrait);
        await store().end((await claim(1_000 + n)).claim, ending({ endedAt: 1_000 + n + n * 10 }));
      }
      await accept({ owner: 'bob' });
      await store().end((await claim(2_000)).claim, ending({ status: 'failed', error, endedAt: 5_000 }));
      await accept({ ...portrait, name: 'landscape', engine: 'runninghub' });
      await accept();
      await claim();
      const all = await store().stats(undefined);
      expect(all.counts).toEqual({ pending: 1, processing: 1, completed: 20, failed: 1, cancelled: 0 });
      expect(all).toMatchObject({ queue_length: 1, success_rate: 20 / 21, wait_ms: { p50: 11, p95: 20 }, run_ms: { p50: 110, p95: 200 } });
      expect(all.engines.map(({ engine, counts }) => [engine, counts.completed, counts.pending])).toEqual([['comfyui', 20, 0], ['runninghub', 0, 1]]);
      expect(all.templates.map(({ template, task_type, counts, run_ms }) => [template, task_type, counts.completed, run_ms.p50])).toEqual([['landscape', 'TEMPLATE', 0, null], ['portrait', 'TEMPLATE', 20, 100]]);
      expect(await store().stats('bob')).toMatchObject({ counts: { completed: 0, failed: 1 }, success_rate: 0, wait_ms: { p50: 1_000 }, run_ms: { p50: 3_000, p95: 3_000 }, templates: [] });
    });

    it('tell how long tasks of the same kind, name and engine usually run, the newest alone', async () => {
      const portrait = { kind: 'template', type: 'TEMPLATE', name: 'portrait' } as const;
      const run = async (over: Partial<NewTask>, took: number, at: number, status: 'completed' | 'failed' = 'completed') => {
        await accept(over);
        await store().end((await claim(at)).claim, ending({ status, endedAt: at + took }));
      };
      for (let n = 0; n < 60; n += 1) await run(portrait, 10, 1_000 + n);
      for (let n = 0; n < 50; n += 1) await run(portrait, 500 + n, 5_000 + n);
      await run(portrait, 9_999, 8_000, 'failed');
      await run({}, 3, 9_000);
      expect(await store().usualRun({ kind: 'template', name: 'portrait', engine: 'comfyui' })).toBe(524);
      expect(await store().usualRun({ kind: 'workflow', name: '', engine: 'comfyui' })).toBe(3);
      expect(await store().usualRun({ kind: 'pipeline', name: 'portrait', engine: 'comfyui' })).toBeUndefined();
      expect(await store().usualRun({ kind: 'template', name: 'portrait', engine: 'runninghub' })).toBeUndefined();
    });

    it('stay exact through everything that can become of tasks', async () => {
      for (let n = 0; n < 6; n += 1) await accept({ owner: n % 2 ? 'ann' : 'bob' });
      const claims = [await claim(), await claim(), await claim(), await claim()];
      const [done, failed, again, back] = claims.map((one) => one.claim);
      if (!done || !failed || !again || !back) throw new TypeError('four claims');
      await store().end(done, ending());
      await store().end(failed, ending({ status: 'failed', error }));
      await store().again(again, { availableAt: 9_000, now: 1_500, error });
      await store().handBack(back, 1_500);
      await store().requeue(failed.taskId, 3_000);
      await store().requestCancel(again.taskId, 3_000);
      await store().remove(again.taskId);
      const counted = await db().selectFrom('tasks').select(['owner', 'kind', 'name', 'type', 'engine', 'status']).select(({ fn }) => fn.countAll<number>().as('n')).groupBy(['owner', 'kind', 'name', 'type', 'engine', 'status']).orderBy('owner').orderBy('status').execute();
      expect(await db().selectFrom('task_counts').select(['owner', 'kind', 'name', 'type', 'engine', 'status', 'n']).orderBy('owner').orderBy('status').execute()).toEqual(counted);
      expect(counted.reduce((sum, { n }) => sum + n, 0)).toBe(5);
    });
  });
}
