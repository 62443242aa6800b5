import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { SqlDeliveryStore } from '../../../src/molecules/records/delivery-records.ts';
import { type Bench, changedAt, ending, error, newTask, open, output } from './made.ts';

const webhook = { url: 'https://user:secret@hook.example/path?token=secret#part', events: ['queued', 'output', 'completed'] as const };

export function outbox({ db, store, accept, claim, events }: Bench): void {
  const deliveries = () => new SqlDeliveryStore(db());
  const due = (now = 1_000, limit = 10) => deliveries().due('ann', { now, heldUntil: now + 60_000 }, limit);

  describe('an event that a webhook wants', () => {
    it('puts a delivery into the outbox: what happened, to what task', async () => {
      const { id } = await accept({ kind: 'template', type: 'TEMPLATE', name: 'portrait', webhook, metadata: { order: 5 } });
      const { claim: mine } = await claim();
      await store().change(mine, {}, { event: 'output', data: { outputs: [output('a.png')] } });
      const [first, second, ...more] = await due(changedAt);
      expect(more).toEqual([]);
      expect(first).toMatchObject({ taskId: id, n: 1, url: webhook.url, event: 'queued', attempts: 0, createdAt: 1_000 });
      expect(JSON.parse(first?.body ?? '')).toEqual({ type: 'task.queued', timestamp: '1970-01-01T00:00:01.000Z', data: { task_id: id, event: 'queued', at: 1_000, task_type: 'TEMPLATE', template: 'portrait', status: 'pending', seq: 1, attempt: 0, metadata: { order: 5 }, priority: 0 } });
      expect(second).toMatchObject({ n: 2, event: 'output', createdAt: changedAt });
      expect(JSON.parse(second?.body ?? '')).toEqual({ type: 'task.output', timestamp: '1970-01-01T00:00:01.500Z', data: { task_id: id, event: 'output', at: changedAt, task_type: 'TEMPLATE', template: 'portrait', status: 'processing', seq: 3, attempt: 1, metadata: { order: 5 }, outputs: [output('a.png')] } });
      expect(first?.messageId).toMatch(/^msg_.{8,}/);
      expect(first?.messageId).not.toBe(second?.messageId);
    });

    it('leaves out what there is not, and says why a task failed', async () => {
      const { id } = await accept({ webhook: { url: 'https://hook', events: ['failed'] } });
      await store().end((await claim()).claim, ending({ status: 'failed', error, outputs: [], warnings: ['mind'] }));
      const [only, ...more] = await due(9_000);
      expect(more).toEqual([]);
      expect(JSON.parse(only?.body ?? '')).toEqual({ type: 'task.failed', timestamp: '1970-01-01T00:00:02.000Z', data: { task_id: id, event: 'failed', at: 2_000, task_type: 'WORKFLOW', status: 'failed', seq: 3, attempt: 1, error, outputs: [], warnings: ['mind'] } });
    });

    it('is not written without its delivery, nor a delivery without its event', async () => {
      const { id } = await accept({ webhook });
      const { claim: mine } = await claim();
      await sql`create trigger full_disk before insert on deliveries begin select raise(abort, 'database or disk is full'); end`.execute(db());
      await expect(store().end(mine, ending())).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
      expect(await events(id)).toEqual(['queued', 'started']);
      expect(await store().find(id)).toMatchObject({ status: 'processing', seq: 2 });
      await sql`drop trigger full_disk`.execute(db());
      await store().end(mine, ending());
      expect((await deliveries().list(id)).map(({ n, event, seq }) => [n, event, seq])).toEqual([[1, 'queued', 1], [2, 'completed', 3]]);
    });

    it('of a cancel, a deadline, a retry and another go is told as well', async () => {
      const hook = { url: 'https://hook', events: ['queued', 'retrying', 'cancelling', 'cancelled', 'failed'] as const };
      const [cancelled, late] = [await accept({ webhook: hook }), await accept({ webhook: hook, deadlineAt: 1_500 })];
      await store().again((await claim()).claim, { availableAt: 1_200, now: 1_200, error });
      await claim(1_200);
      await store().requestCancel(cancelled.id, 1_300);
      await store().end({ taskId: cancelled.id, worker: 'w1', attempt: 2 }, ending({ status: 'cancelled' }));
      await store().failOverdue(2_000);
      await store().requeue(late.id, 3_000);
      expect((await deliveries().list(cancelled.id)).map(({ event }) => event)).toEqual(['queued', 'retrying', 'cancelling', 'cancelled']);
      expect((await deliveries().list(late.id)).map(({ event }) => event)).toEqual(['queued', 'failed', 'queued']);
    });
  });

  describe('deliveries', () => {
    it('that were taken and not tried are due again from the time on that is said, as they were', async () => {
      const { id } = await accept({ webhook });
      const taken = await due();
      await deliveries().putBack(taken, 2_000);
      expect(await due(1_999)).toEqual([]);
      expect(await due(2_000)).toEqual(taken);
      await deliveries().delivered({ taskId: id, n: 1 }, 2_100, 200);
      await deliveries().putBack(taken, 2_200);
      expect(await due(9_000)).toEqual([]);
    });

    it('are given when their time has come, the oldest first and no more than asked for', async () => {
      for (const createdAt of [3_000, 1_000, 2_000]) await accept({ webhook, createdAt });
      expect(await deliveries().nextDue()).toBe(1_000);
      expect(await due(999)).toEqual([]);
      expect((await due(2_500, 1)).map(({ createdAt }) => createdAt)).toEqual([1_000]);
      expect((await due(2_500)).map(({ createdAt }) => createdAt)).toEqual([2_000]);
      expect(await deliveries().nextDue()).toBe(3_000);
    });

    it('are those of one owner, and it is known who has any', async () => {
      const [first, second] = [await accept({ webhook }), await accept({ webhook, owner: 'bob', createdAt: 2_000 })];
      for (let n = 0; n < 3; n += 1) await accept({ webhook, owner: 'cleo' });
      expect(await deliveries().owners(999)).toEqual([]);
      expect(await deliveries().owners(1_000)).toEqual(['ann', 'cleo']);
      expect(await deliveries().owners(2_000)).toEqual(['ann', 'bob', 'cleo']);
      expect(await due(2_000)).toMatchObject([{ taskId: first.id, owner: 'ann' }]);
      expect(await deliveries().due('bob', { now: 2_000, heldUntil: 9_000 }, 10)).toMatchObject([{ taskId: second.id, owner: 'bob' }]);
      expect(await deliveries().owners(2_000)).toEqual(['cleo']);
    });

    it('that are put back are written at once, and those alone', async () => {
      for (let n = 0; n < 3; n += 1) await accept({ webhook });
      const [one, two, three] = await due();
      if (!one || !two || !three) throw new TypeError('three are due');
      await sql`create table writes (task_id text)`.execute(db());
      await sql`create trigger written after update on deliveries begin insert into writes values (new.task_id); end`.execute(db());
      await deliveries().putBack([one, three], 2_000);
      await deliveries().putBack([], 2_000);
      expect((await due(2_000)).map(({ messageId }) => messageId).toSorted()).toEqual([one.messageId, three.messageId].toSorted());
      expect((await sql<{ n: number }>`select count(*) as n from writes`.execute(db())).rows).toEqual([{ n: 4 }]);
    });

    it('are held by whoever takes them, for a while', async () => {
      const { id } = await accept({ webhook });
      const [held] = await deliveries().due('ann', { now: 1_000, heldUntil: 5_000 }, 10);
      expect(held?.taskId).toBe(id);
      expect(await due(4_999)).toEqual([]);
      expect(await deliveries().nextDue()).toBe(5_000);
      expect(await due(5_000)).toEqual([held]);
    });

    it('go to exactly one of many who ask at once', async () => {
      for (let n = 0; n < 30; n += 1) await accept({ webhook });
      const taken = (await Promise.all(Array.from({ length: 10 }, () => due(1_000, 5)))).flat();
      expect(taken).toHaveLength(30);
      expect(new Set(taken.map(({ messageId }) => messageId)).size).toBe(30);
    });

    it('are done when they are delivered', async () => {
      const { id } = await accept({ webhook });
      await due();
      await deliveries().delivered({ taskId: id, n: 1 }, 1_700, 204);
      expect(await deliveries().list(id)).toEqual([{ n: 1, event: 'queued', seq: 1, url: 'https://hook.example/path', status: 'delivered', attempts: 1, created_at: 1_000, delivered_at: 1_700, last_status: 204 }]);
      expect([await deliveries().nextDue(), await due(1e9)]).toEqual([undefined, []]);
    });

    it('are tried again with the same message until they are given up', async () => {
      const { id } = await accept({ webhook });
      const [first] = await due();
      await deliveries().failed({ taskId: id, n: 1 }, { status: 503, error: 'it says 503', nextAt: 9_000 });
      expect(await deliveries().list(id)).toMatchObject([{ status: 'pending', attempts: 1, next_attempt_at: 9_000, last_status: 503, last_error: 'it says 503' }]);
      expect(await due(8_999)).toEqual([]);
      expect(await due(9_000)).toEqual([{ ...first, attempts: 1 }]);
      await deliveries().failed({ taskId: id, n: 1 }, { status: undefined, error: 'no answer', nextAt: undefined });
      expect(await deliveries().list(id)).toEqual([{ n: 1, event: 'queued', seq: 1, url: 'https://hook.example/path', status: 'failed', attempts: 2, created_at: 1_000, last_error: 'no answer' }]);
      expect(await due(1e9)).toEqual([]);
    });

    it('stay delivered when somebody who held them too long says that they failed', async () => {
      const { id } = await accept({ webhook });
      await deliveries().delivered({ taskId: id, n: 1 }, 1_700, 200);
      await deliveries().failed({ taskId: id, n: 1 }, { status: undefined, error: 'late', nextAt: 9_000 });
      expect(await deliveries().list(id)).toMatchObject([{ status: 'delivered', attempts: 1 }]);
    });

    it('are made again at once when somebody asks, whatever became of them', async () => {
      const { id } = await accept({ webhook });
      const [first] = await due();
      await deliveries().delivered({ taskId: id, n: 1 }, 1_700, 200);
      expect(await deliveries().redeliver(id, 1, 5_000)).toBe(true);
      expect(await deliveries().list(id)).toEqual([{ n: 1, event: 'queued', seq: 1, url: 'https://hook.example/path', status: 'pending', attempts: 1, created_at: 1_000, next_attempt_at: 5_000, last_status: 200 }]);
      expect(await due(5_000)).toEqual([{ ...first, attempts: 1 }]);
      await deliveries().failed({ taskId: id, n: 1 }, { status: 500, error: 'x', nextAt: undefined });
      expect(await deliveries().redeliver(id, 1, 6_000)).toBe(true);
      expect(await deliveries().nextDue()).toBe(6_000);
      expect([await deliveries().redeliver(id, 2, 6_000), await deliveries().redeliver('x', 1, 6_000)]).toEqual([false, false]);
    });

    it('are listed by task, in their order, and are none of a task without a webhook', async () => {
      const { id } = await accept({ webhook });
      await store().end((await claim()).claim, ending());
      await store().create(newTask(), open);
      expect((await deliveries().list(id)).map(({ n }) => n)).toEqual([1, 2]);
      expect(await deliveries().list('x')).toEqual([]);
      expect(await db().selectFrom('deliveries').selectAll().execute()).toHaveLength(2);
    });

    it('say INTERNAL_ERROR when the database refuses', async () => {
      const { id } = await accept({ webhook });
      await sql`create trigger full_disk before update on deliveries begin select raise(abort, 'database or disk is full'); end`.execute(db());
      await expect(deliveries().delivered({ taskId: id, n: 1 }, 1_700, 200)).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
      await expect(due()).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
      expect(await deliveries().list(id)).toMatchObject([{ status: 'pending', attempts: 0, next_attempt_at: 1_000 }]);
    });
  });
}
