import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { parseJson, stringifyJson } from '../../../src/atoms/json/json.ts';
import type { Bench } from './made.ts';
import { newTask, open, pipeline } from './made.ts';

export function accepting({ db, store, accept, claim, events }: Bench): void {
  describe('accepting a task', () => {
    it('keeps what was given, with the event queued', async () => {
      const task = newTask({ owner: 'bob', admin: true, kind: 'template', type: 'TEMPLATE', name: 'portrait', priority: 7, deadlineAt: 9_000, metadata: { order: 5, nested: { a: [null] } }, webhook: { url: 'https://hook', events: ['completed'] } });
      const made = await store().create(task, open);
      const { plan, webhook, ...rest } = task;
      const record = {
        ...{ ...rest, status: 'pending', attempt: 0, triesFrom: 0, step: 0, availableAt: 1_000, startedAt: undefined, inputsFetchedAt: undefined, executedAt: undefined, storedAt: undefined, endedAt: undefined },
        ...{ cancelRequestedAt: undefined, worker: undefined, jobId: undefined, progress: 0, current: undefined, error: undefined, seq: 1 },
      };
      expect(made).toEqual({ kind: 'created', task: record });
      expect(await store().find(task.id)).toEqual(record);
      expect(await store().details(task.id)).toEqual({ plan: JSON.parse(JSON.stringify(plan)), results: [], outputs: [], warnings: [], webhook });
      expect(await store().events(task.id, 0, 10)).toEqual([{ task_id: task.id, seq: 1, event: 'queued', status: 'pending', at: 1_000, data: { priority: 7 } }]);
      expect(await store().attempts(task.id)).toEqual([]);
    });

    it('knows nothing of an id nobody used', async () => {
      expect([await store().find('x'), await store().details('x'), await store().requestCancel('x', 1)]).toEqual([undefined, undefined, undefined]);
      expect([await store().attempts('x'), await store().events('x', 0, 10)]).toEqual([[], []]);
      expect([await store().remove('x'), await store().requeue('x', 1)]).toEqual([false, false]);
    });

    it('keeps integers beyond 2^53 in plans, metadata and what is told of the task', async () => {
      const seed = '18446744073709551615';
      const big = parseJson(`{"seed":${seed}}`) as Record<string, unknown>;
      const workflow = { '3': { class_type: 'KSampler', inputs: big } };
      const plan = { inputs: big, steps: [{ name: '', engine: 'comfyui', template: undefined, workflow, inputs: big, deferred: false, extraData: undefined }] };
      const { id } = await accept({ plan, metadata: big, webhook: { url: 'https://hook', events: ['queued', 'started'] } });
      const { details, task, claim: mine } = await claim();
      expect(stringifyJson(details.plan)).toBe(stringifyJson(plan));
      expect(stringifyJson(task.metadata)).toBe(`{"seed":${seed}}`);
      await store().change(mine, {}, { event: 'output', data: big });
      expect(stringifyJson((await store().events(id, 2, 1))[0]?.data)).toBe(`{"seed":${seed}}`);
      const bodies = await db().selectFrom('deliveries').select('body').execute();
      expect(bodies).toHaveLength(2);
      for (const { body } of bodies) expect(body).toContain(`"metadata":{"seed":${seed}}`);
    });

    it('refuses when as many wait as may, of whomever and in back-off too, and says how many', async () => {
      const tight = { maxPending: 2, idempotency: undefined };
      await accept({ owner: 'bob' });
      const { claim: mine } = await claim();
      await store().again(mine, { availableAt: 99_000, now: 1_200, error: { code: 'UPSTREAM_ERROR', reason: 'x' } });
      expect((await store().create(newTask(), tight)).kind).toBe('created');
      expect(await store().create(newTask({ engine: 'other' }), tight)).toEqual({ kind: 'full', pending: 2 });
      await claim();
      expect((await store().create(newTask(), tight)).kind).toBe('created');
    });

    it('takes as many at once as come, each with a number of its own', async () => {
      const made = await Promise.all(Array.from({ length: 100 }, () => accept()));
      expect(new Set(made.map(({ id }) => id)).size).toBe(100);
      expect((await store().findMany(made.map(({ id }) => id))).every(({ seq }) => seq === 1)).toBe(true);
    });

    it('refuses an id that is in use, and only that', async () => {
      const twice = newTask();
      const told = await Promise.allSettled([newTask(), twice, newTask(), twice, newTask()].map((task) => store().create(task, open)));
      expect(told.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
      expect(await store().list(undefined, { limit: 10 })).toHaveLength(4);
    });

    it('leaves nothing behind when the database refuses a part of it', async () => {
      await sql`create trigger full_disk before insert on deliveries begin select raise(abort, 'database or disk is full'); end`.execute(db());
      const refused = store().create(newTask({ webhook: { url: 'https://hook', events: ['queued'] } }), { maxPending: 9, idempotency: { key: 'k', hash: 'h', since: 0 } });
      await expect(refused).rejects.toMatchObject({ code: 'INTERNAL_ERROR', message: 'The gateway failed: the database could not accept a task (database or disk is full).' });
      for (const table of ['tasks', 'task_details', 'task_events', 'task_counts', 'idempotency', 'deliveries'] as const) expect(await db().selectFrom(table).selectAll().execute(), table).toEqual([]);
      await accept();
    });

    it('changes nothing when the database refuses a claim, a change or an end', async () => {
      const { id } = await accept();
      const before = await store().find(id);
      await sql`create trigger full_disk before insert on task_events begin select raise(abort, 'database or disk is full'); end`.execute(db());
      await expect(claim()).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
      expect(await store().find(id)).toEqual(before);
      expect(await store().attempts(id)).toEqual([]);
      await sql`drop trigger full_disk`.execute(db());
      const { claim: mine, task } = await claim();
      await sql`create trigger full_disk before insert on task_events begin select raise(abort, 'database or disk is full'); end`.execute(db());
      await expect(store().end(mine, { status: 'completed', endedAt: 2_000, error: undefined, outputs: [], warnings: [] })).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
      await expect(store().change(mine, { jobId: 'j' }, { event: 'output', data: {} })).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
      expect(await store().find(id)).toEqual(task);
      expect(await store().loads()).toEqual(new Map([['comfyui', { pending: 0, processing: 1 }]]));
      await sql`drop trigger full_disk`.execute(db());
      expect(await events(id)).toEqual(['queued', 'started']);
    });
  });

  describe('an idempotency key', () => {
    const once = (hash = 'h', key = 'k', since = 0) => ({ maxPending: 100, idempotency: { key, hash, since } });

    it('gives the same task for the same body, and none for another', async () => {
      const first = newTask();
      expect((await store().create(first, once())).kind).toBe('created');
      expect(await store().create(newTask(), once())).toMatchObject({ kind: 'same', task: { id: first.id } });
      expect(await store().create(newTask(), once('other'))).toEqual({ kind: 'different' });
      expect(await store().list(undefined, { limit: 10 })).toHaveLength(1);
    });

    it('counts within its owner', async () => {
      await store().create(newTask(), once());
      expect((await store().create(newTask({ owner: 'bob' }), once('other'))).kind).toBe('created');
    });

    it('gives the task that there is even when the queue is full, and as it is by now', async () => {
      const { id } = (await store().create(newTask(), once()).then((made) => (made.kind === 'created' ? made.task : undefined))) ?? { id: '' };
      await claim();
      expect(await store().create(newTask(), { ...once(), maxPending: 0 })).toMatchObject({ kind: 'same', task: { id, status: 'processing' } });
    });

    it('is free again when it is older than the time given', async () => {
      await store().create(newTask({ createdAt: 1_000 }), once());
      expect((await store().create(newTask({ createdAt: 5_000 }), once('other', 'k', 1_000))).kind).toBe('different');
      const second = newTask({ createdAt: 5_000 });
      expect((await store().create(second, once('other', 'k', 1_001))).kind).toBe('created');
      expect(await store().create(newTask({ createdAt: 5_001 }), once('other', 'k', 1_001))).toMatchObject({ kind: 'same', task: { id: second.id } });
    });

    it('is not spent by a task that was refused, and goes with its task', async () => {
      expect((await store().create(newTask(), { ...once(), maxPending: 0 })).kind).toBe('full');
      const task = newTask();
      expect((await store().create(task, once())).kind).toBe('created');
      await store().requestCancel(task.id, 2_000);
      expect(await store().remove(task.id)).toBe(true);
      expect((await store().create(newTask(), once('other'))).kind).toBe('created');
    });

    it('makes one task of many calls at once', async () => {
      const made = await Promise.all(Array.from({ length: 50 }, () => store().create(pipeline(), once())));
      expect(made.filter(({ kind }) => kind === 'created')).toHaveLength(1);
      expect(made.filter(({ kind }) => kind === 'same')).toHaveLength(49);
      expect(new Set(made.map((one) => ('task' in one ? one.task.id : ''))).size).toBe(1);
    });
  });
}
