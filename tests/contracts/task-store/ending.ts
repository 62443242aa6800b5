import { describe, expect, it } from 'vitest';
import { type Bench, ending, error, newTask, open, output, pipeline } from './made.ts';

export function endings({ db, store, accept, claim, events }: Bench): void {
  describe('the end of a task', () => {
    it('is written with its attempt, its outputs and its event', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      await store().change(mine, { jobId: 'job-1' });
      await store().progress(mine, 0.7, { node: '3' });
      expect(await store().end(mine, ending({ warnings: ['mind'], executedAt: 1_800, storedAt: 1_900 }))).toBe(true);
      expect(await store().find(id)).toMatchObject({ status: 'completed', endedAt: 2_000, executedAt: 1_800, storedAt: 1_900, progress: 1, current: undefined, worker: undefined, jobId: 'job-1', error: undefined, seq: 3 });
      expect(await store().details(id)).toMatchObject({ outputs: [output('a.png')], warnings: ['mind'] });
      expect(await store().attempts(id)).toMatchObject([{ outcome: 'completed', ended_at: 2_000, job_id: 'job-1' }]);
      expect(await store().events(id, 2, 10)).toEqual([{ task_id: id, seq: 3, event: 'completed', status: 'completed', at: 2_000, data: { outputs: [output('a.png')], warnings: ['mind'] } }]);
    });

    it('says why it failed', async () => {
      const { id } = await accept();
      await store().end((await claim()).claim, ending({ status: 'failed', error, outputs: [] }));
      expect(await store().find(id)).toMatchObject({ status: 'failed', error, progress: 0 });
      expect(await store().attempts(id)).toMatchObject([{ outcome: 'failed', error }]);
      expect((await store().events(id, 2, 10))[0]).toMatchObject({ event: 'failed', data: { error, outputs: [] } });
    });
  });

  describe('a wish to cancel', () => {
    it('ends a task that waits, with what came so far', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      await store().change(mine, { outputs: [output('a.png')], warnings: ['mind'] });
      await store().again(mine, { availableAt: 9_000, now: 1_500, error });
      expect(await store().requestCancel(id, 2_000)).toMatchObject({ id, status: 'cancelled', endedAt: 2_000, cancelRequestedAt: 2_000, seq: 4 });
      expect((await store().events(id, 3, 10))[0]).toMatchObject({ event: 'cancelled', status: 'cancelled', at: 2_000, data: { outputs: [output('a.png')], warnings: ['mind'] } });
      expect(await store().details(id)).toMatchObject({ outputs: [output('a.png')], warnings: ['mind'] });
      expect(await store().claim('comfyui', { worker: 'w', now: 10_000 })).toBeUndefined();
      expect(await store().nextDue('comfyui')).toBeUndefined();
    });

    it('is noted of a task in work, with one event, and told to the process that has it', async () => {
      const { id } = await accept();
      await accept();
      const { claim: mine } = await claim(1_100, 'w1');
      await claim(1_100, 'w1');
      expect(await store().requestCancel(id, 1_500)).toMatchObject({ status: 'processing', cancelRequestedAt: 1_500, seq: 3 });
      expect(await store().requestCancel(id, 1_600)).toMatchObject({ status: 'processing', cancelRequestedAt: 1_500, seq: 3 });
      expect((await store().events(id, 2, 10))).toEqual([{ task_id: id, seq: 3, event: 'cancelling', status: 'processing', at: 1_500, data: {} }]);
      expect(await store().cancelRequested('w1')).toEqual([id]);
      expect(await store().cancelRequested('w2')).toEqual([]);
      expect(await store().end(mine, ending({ status: 'cancelled', outputs: [] }))).toBe(true);
      expect(await store().cancelRequested('w1')).toEqual([]);
      expect(await store().attempts(id)).toMatchObject([{ outcome: 'cancelled' }]);
    });

    it('is none where somebody only wants a look at a task in work: its process is told so once', async () => {
      const [idle, { id }] = [await accept({ engine: 'other' }), await accept()];
      await claim(1_100, 'w1');
      for (const one of [id, idle.id, 'nothing']) await store().requestLook(one);
      expect(await store().lookRequested('w2')).toEqual([]);
      expect(await store().lookRequested('w1')).toEqual([id]);
      expect(await store().lookRequested('w1')).toEqual([]);
      expect(await store().find(id)).toMatchObject({ status: 'processing', cancelRequestedAt: undefined, seq: 2 });
    });

    it('changes nothing of a task that has ended', async () => {
      const { id } = await accept();
      await store().end((await claim()).claim, ending());
      const before = await store().find(id);
      expect(await store().requestCancel(id, 3_000)).toEqual(before);
      expect(await events(id)).toEqual(['queued', 'started', 'completed']);
    });
  });

  describe('a deadline that passes', () => {
    it('fails the tasks that wait, and those alone', async () => {
      const [late, delayed, due, none] = [await accept({ deadlineAt: 1_500 }), await accept({ deadlineAt: 1_900, priority: 9 }), await accept({ deadlineAt: 2_001 }), await accept()];
      await store().again((await claim()).claim, { availableAt: 9_000, now: 1_200, error });
      const inWork = await accept({ deadlineAt: 1_500, priority: 50 });
      await claim();
      expect(await store().failOverdue(2_000)).toBe(2);
      expect((await store().findMany([late.id, delayed.id])).map(({ status, endedAt, error: why }) => [status, endedAt, why?.code])).toEqual([['failed', 2_000, 'TASK_TIMEOUT'], ['failed', 2_000, 'TASK_TIMEOUT']]);
      expect((await store().events(late.id, 1, 10))[0]).toMatchObject({ event: 'failed', status: 'failed', data: { error: { code: 'TASK_TIMEOUT', reason: 'its deadline 1970-01-01T00:00:01.500Z passed before it ended.' }, outputs: [] } });
      expect((await store().findMany([due.id, none.id, inWork.id])).map(({ status }) => status).toSorted()).toEqual(['pending', 'pending', 'processing']);
      expect(await store().failOverdue(2_000)).toBe(0);
    });

    it('fails more than one batch', async () => {
      await Promise.all(Array.from({ length: 1_100 }, () => accept({ deadlineAt: 1_500 })));
      expect(await store().failOverdue(2_000)).toBe(1_100);
      expect(await store().loads()).toEqual(new Map());
    });
  });

  describe('another go', () => {
    it('lets a task that failed or was cancelled wait again, and attempts count on', async () => {
      const { id } = await accept();
      await store().end((await claim()).claim, ending({ status: 'failed', error, storedAt: 1_900 }));
      expect(await store().requeue(id, 3_000)).toBe(true);
      expect(await store().find(id)).toMatchObject({ status: 'pending', availableAt: 3_000, attempt: 1, error: undefined, endedAt: undefined, jobId: undefined, storedAt: undefined, seq: 4 });
      expect(await events(id)).toEqual(['queued', 'started', 'failed', 'queued']);
      expect((await claim(3_100)).claim.attempt).toBe(2);
      await store().requestCancel(id, 3_200);
      await store().end({ taskId: id, worker: 'w1', attempt: 2 }, ending({ status: 'cancelled' }));
      expect(await store().requeue(id, 4_000)).toBe(true);
      expect(await store().find(id)).toMatchObject({ status: 'pending', cancelRequestedAt: undefined });
    });

    it('begins at the step that it ended at', async () => {
      const task = pipeline();
      await store().create(task, open);
      const results = [{ name: 'draw', outputs: [output('a.png')] }];
      const second = await store().advance((await claim()).claim, { step: 1, name: 'swap', engine: 'facefusion', results, outputs: [output('a.png')], now: 1_500 });
      expect(second && (await store().end(second, ending({ status: 'failed', error })))).toBe(true);
      await store().requeue(task.id, 3_000);
      const again = await store().claim('facefusion', { worker: 'w1', now: 3_000 });
      expect(again?.task).toMatchObject({ id: task.id, step: 1, attempt: 3 });
      expect(again?.details.results).toEqual(results);
    });

    it('is not ended by the deadline that has passed', async () => {
      const { id } = await accept({ deadlineAt: 1_500 });
      await store().failOverdue(2_000);
      await store().requeue(id, 3_000);
      expect(await store().failOverdue(4_000)).toBe(0);
      expect((await store().find(id))?.deadlineAt).toBeUndefined();
      const { id: other } = await accept({ deadlineAt: 8_000 });
      await store().requestCancel(other, 2_000);
      await store().requeue(other, 3_000);
      expect((await store().find(other))?.deadlineAt).toBe(8_000);
    });

    it('is refused to a task that waits, is in work or is completed', async () => {
      const { id } = await accept();
      expect(await store().requeue(id, 3_000)).toBe(false);
      const { claim: mine } = await claim();
      expect(await store().requeue(id, 3_000)).toBe(false);
      await store().end(mine, ending());
      expect(await store().requeue(id, 3_000)).toBe(false);
      expect(await events(id)).toEqual(['queued', 'started', 'completed']);
    });
  });

  describe('forgetting', () => {
    const rows = async () => {
      const tables = ['tasks', 'task_details', 'task_attempts', 'task_events', 'task_counts', 'idempotency', 'deliveries'] as const;
      return Promise.all(tables.map(async (table) => (await db().selectFrom(table).selectAll().execute()).length));
    };
    const keyed = { maxPending: 10, idempotency: { key: 'k', hash: 'h', since: 0 } };

    it('removes a task that has ended with all that belongs to it, and no other', async () => {
      const task = newTask({ webhook: { url: 'https://hook', events: ['completed'] } });
      await store().create(task, keyed);
      expect(await store().remove(task.id)).toBe(false);
      const { claim: mine } = await claim();
      expect(await store().remove(task.id)).toBe(false);
      await store().end(mine, ending());
      expect(await rows()).toEqual([1, 1, 1, 3, 1, 1, 1]);
      expect(await store().remove(task.id)).toBe(true);
      expect(await rows()).toEqual([0, 0, 0, 0, 0, 0, 0]);
      expect(await store().remove(task.id)).toBe(false);
    });

    it('forgets what ended before a time, and names the jobs whose files can go', async () => {
      const task = newTask({ webhook: { url: 'https://hook', events: ['completed'] } });
      await store().create(task, keyed);
      const first = await claim();
      await store().change(first.claim, { jobId: 'job-1' });
      await store().again(first.claim, { availableAt: 1_200, now: 1_200, error });
      const second = await claim(1_300);
      await store().change(second.claim, { jobId: 'job-2' });
      await store().end(second.claim, ending({ endedAt: 2_000 }));
      const [cancelled, young, waiting] = [await accept(), await accept(), await accept()];
      await store().requestCancel(cancelled.id, 2_500);
      await store().requestCancel(young.id, 3_000);
      expect(await store().expire(2_000)).toEqual([]);
      expect(await store().expire(3_000)).toEqual([{ id: task.id, jobIds: ['job-1', 'job-2'] }, { id: cancelled.id, jobIds: [] }]);
      expect((await store().list(undefined, { limit: 10 })).map(({ id }) => id)).toEqual([waiting.id, young.id]);
      expect((await store().create(newTask(), { ...keyed, idempotency: { key: 'k', hash: 'other', since: 0 } })).kind).toBe('created');
    });

    it('forgets some hundred at a time until none is left', async () => {
      await Promise.all(Array.from({ length: 450 }, () => accept({ deadlineAt: 1_500 })));
      await store().failOverdue(2_000);
      const counts: number[] = [];
      for (let gone = await store().expire(3_000); gone.length > 0; gone = await store().expire(3_000)) counts.push(gone.length);
      expect(counts.length).toBeGreaterThan(1);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(450);
      expect(await rows()).toEqual([0, 0, 0, 0, 0, 0, 0]);
    });
  });
}
