import { describe, expect, it } from 'vitest';
import { type Bench, changedAt, ending, error, newTask, open, output, pipeline } from './made.ts';

export function working({ db, store, accept, claim, events }: Bench): void {
  describe('a task in work', () => {
    it('is changed together with what is told of it', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      const change = { inputsFetchedAt: 1_200, executedAt: 1_300, storedAt: 1_400, jobId: 'job-1', instance: 'one:8188', outputs: [output('a.png')], warnings: ['mind'] };
      expect(await store().change(mine, change, { event: 'output', data: { outputs: [output('a.png')] } })).toBe(true);
      expect(await store().find(id)).toMatchObject({ inputsFetchedAt: 1_200, executedAt: 1_300, storedAt: 1_400, jobId: 'job-1', seq: 3 });
      expect(await store().details(id)).toMatchObject({ outputs: [output('a.png')], warnings: ['mind'] });
      expect(await store().attempts(id)).toMatchObject([{ job_id: 'job-1', instance: 'one:8188' }]);
      expect(await store().events(id, 2, 10)).toEqual([{ task_id: id, seq: 3, event: 'output', status: 'processing', at: changedAt, data: { outputs: [output('a.png')] } }]);
    });

    it('stays as it is where a change says nothing, and takes no number without an event', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      await store().change(mine, { jobId: 'job-1', executedAt: 1_300, outputs: [output('a.png')], warnings: ['mind'] });
      const [before, details] = [await store().find(id), await store().details(id)];
      expect(await store().change(mine, {})).toBe(true);
      expect(await store().find(id)).toEqual(before);
      expect(await store().details(id)).toEqual(details);
      expect(before?.seq).toBe(2);
    });

    it('forgets a job that is none any more, while the attempt still knows it', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      await store().change(mine, { jobId: 'job-1' });
      await store().change(mine, { jobId: null });
      expect((await store().find(id))?.jobId).toBeUndefined();
      expect(await store().attempts(id)).toMatchObject([{ job_id: 'job-1' }]);
    });

    it('goes forward and never back, without a number or an event', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      for (const progress of [0.2, 0.5, 0.3, 0.5]) expect(await store().progress(mine, progress, { node: String(progress), overall: progress })).toBe(true);
      expect(await store().find(id)).toMatchObject({ progress: 0.5, current: { node: '0.5' }, seq: 2 });
      await store().progress(mine, 7, undefined);
      expect(await store().find(id)).toMatchObject({ progress: 1, current: undefined });
      expect(await events(id)).toEqual(['queued', 'started']);
    });

    it('numbers its events without a gap, whoever writes at once', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      await Promise.all(Array.from({ length: 40 }, (_, n) => store().change(mine, {}, { event: 'output', data: { n } })));
      const told = await store().events(id, 0, 100);
      expect(told.map(({ seq }) => seq)).toEqual(Array.from({ length: 42 }, (_, n) => n + 1));
      expect((await store().events(id, 10, 5)).map(({ seq }) => seq)).toEqual([11, 12, 13, 14, 15]);
      expect((await store().find(id))?.seq).toBe(42);
    });

    it('is made again: waits, without its job, and its attempt has failed', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      await store().change(mine, { jobId: 'job-1' });
      await store().progress(mine, 0.4, { node: '1' });
      expect(await store().again(mine, { availableAt: 3_000, now: 2_000, error })).toBe(true);
      expect(await store().find(id)).toMatchObject({ status: 'pending', availableAt: 3_000, jobId: undefined, worker: undefined, current: undefined, progress: 0.4, attempt: 1, error: undefined });
      expect(await store().attempts(id)).toEqual([{ attempt: 1, engine: 'comfyui', job_id: 'job-1', started_at: 1_100, ended_at: 2_000, outcome: 'failed', error }]);
      expect((await store().events(id, 2, 10))[0]).toMatchObject({ seq: 3, event: 'retrying', status: 'pending', at: 2_000, data: { error, attempt: 1, next_attempt_at: 3_000 } });
      expect((await claim(3_000)).task).toMatchObject({ attempt: 2, progress: 0.4 });
    });

    it('is made again without blame when we lost it', async () => {
      const { id } = await accept();
      await store().again((await claim()).claim, { availableAt: 2_000, now: 2_000, error, abandoned: true });
      expect(await store().attempts(id)).toMatchObject([{ outcome: 'abandoned', error }]);
      expect(await events(id)).toEqual(['queued', 'started', 'retrying']);
    });

    it('is not made again when it was to be cancelled meanwhile', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      await store().requestCancel(id, 1_500);
      expect(await store().again(mine, { availableAt: 3_000, now: 2_000, error })).toBe(true);
      expect(await store().find(id)).toMatchObject({ status: 'cancelled', endedAt: 2_000, cancelRequestedAt: 1_500 });
      expect(await events(id)).toEqual(['queued', 'started', 'cancelling', 'cancelled']);
      expect(await store().attempts(id)).toMatchObject([{ outcome: 'failed' }]);
    });

    it('begins its timings anew with each attempt', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim(1_100);
      await store().change(mine, { inputsFetchedAt: 1_200, executedAt: 1_300 });
      await store().again(mine, { availableAt: 2_000, now: 2_000, error });
      await claim(2_500);
      expect(await store().find(id)).toMatchObject({ startedAt: 2_500, inputsFetchedAt: undefined, executedAt: undefined });
    });
  });

  describe('a pipeline', () => {
    const next = (over = {}) => ({ step: 1, name: 'swap', engine: 'facefusion', results: [{ name: 'draw', outputs: [output('a.png')] }], outputs: [output('a.png')], now: 2_000, ...over });

    it('goes on to its next step in the same hands, with an attempt and a claim of its own', async () => {
      const task = pipeline();
      await store().create(task, open);
      const { claim: first } = await claim(1_100);
      await store().change(first, { jobId: 'job-1', instance: 'one:8188' });
      const second = await store().advance(first, next());
      expect(second).toEqual({ taskId: task.id, worker: 'w1', attempt: 2 });
      expect(await store().find(task.id)).toMatchObject({ status: 'processing', step: 1, engine: 'facefusion', attempt: 2, jobId: undefined, startedAt: 1_100, seq: 3 });
      expect(await store().details(task.id)).toMatchObject({ results: next().results, outputs: next().outputs });
      expect(await store().attempts(task.id)).toEqual([
        { attempt: 1, step: 'draw', engine: 'comfyui', instance: 'one:8188', job_id: 'job-1', started_at: 1_100, ended_at: 2_000, outcome: 'completed' },
        { attempt: 2, step: 'swap', engine: 'facefusion', started_at: 2_000, outcome: 'running' },
      ]);
      expect(await store().events(task.id, 2, 10)).toEqual([{ task_id: task.id, seq: 3, event: 'step', status: 'processing', at: 2_000, data: { step: 'draw', outputs: [output('a.png')] } }]);
      expect(await store().loads()).toEqual(new Map([['facefusion', { pending: 0, processing: 1 }]]));
      expect(await store().change(first, { jobId: 'late' })).toBe(false);
      expect(await store().advance(first, next())).toBeUndefined();
      expect(second && (await store().end(second, ending()))).toBe(true);
    });

    it('is made again from the step that it is in', async () => {
      const task = pipeline();
      await store().create(task, open);
      const second = await store().advance((await claim()).claim, next());
      expect(second && (await store().again(second, { availableAt: 3_000, now: 2_500, error }))).toBe(true);
      const again = await store().claim('facefusion', { worker: 'w2', now: 3_000 });
      expect(again?.task).toMatchObject({ step: 1, attempt: 3 });
      expect(again?.details.results).toEqual(next().results);
      expect((await store().events(task.id, 4, 10))[0]).toMatchObject({ event: 'started', data: { attempt: 3, step: 'swap', engine: 'facefusion' } });
    });

    it('hands a step back without losing what the step before has left', async () => {
      const task = pipeline();
      await store().create(task, open);
      const { claim: first } = await claim();
      await store().change(first, { jobId: 'job-1' });
      const second = await store().advance(first, next());
      expect(second && (await store().handBack(second, 2_500))).toBe(true);
      expect(await store().attempts(task.id)).toMatchObject([{ attempt: 1, job_id: 'job-1', outcome: 'completed' }]);
      expect((await store().claim('facefusion', { worker: 'w1', now: 2_600 }))?.claim.attempt).toBe(2);
    });
  });

  describe('a claim that passed', () => {
    it('changes nothing any more: the task was given to another, or has ended', async () => {
      const { id } = await accept({ webhook: { url: 'https://hook', events: ['output', 'completed', 'retrying', 'queued'] } });
      const { claim: old } = await claim(1_100, 'dead');
      await store().takeOver(['dead'], { worker: 'w2', now: 1_200 });
      const { claim: present } = await claim(1_300, 'w2');
      const outdated = [old, { ...present, worker: 'w3' }, { ...present, attempt: 1 }, { ...present, attempt: 3 }, { ...present, taskId: 'x' }];
      const everything = async () => ({ task: await store().find(id), details: await store().details(id), attempts: await store().attempts(id), events: await events(id), sent: await db().selectFrom('deliveries').selectAll().execute() });
      const untouched = async (claims: readonly typeof old[]) => {
        const before = await everything();
        for (const claim of claims) {
          expect(await store().change(claim, { jobId: 'x', outputs: [], instance: 'x' }, { event: 'output', data: {} })).toBe(false);
          expect(await store().progress(claim, 0.9, { node: 'x' })).toBe(false);
          expect(await store().again(claim, { availableAt: 1, now: 1, error })).toBe(false);
          expect(await store().handBack(claim, 1)).toBe(false);
          expect(await store().advance(claim, { step: 1, name: 'x', engine: 'x', results: [], outputs: [], now: 1 })).toBeUndefined();
          expect(await store().end(claim, ending())).toBe(false);
        }
        expect(await everything()).toEqual(before);
      };
      await untouched(outdated);
      expect(await store().end(present, ending())).toBe(true);
      await untouched([present, ...outdated]);
    });

    it('ends its task once, however many end it', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      const ends = await Promise.all([ending(), ending({ status: 'failed', error }), ending(), ending({ status: 'cancelled' })].map((one) => store().end(mine, one)));
      expect(ends).toEqual([true, false, false, false]);
      expect(await events(id)).toEqual(['queued', 'started', 'completed']);
    });
  });

  it('is the same task in a row and among many', async () => {
    const tasks = [newTask(), newTask(), newTask()];
    for (const task of tasks) await store().create(task, open);
    const ids = tasks.map(({ id }) => id);
    const many = await store().findMany([...Array.from({ length: 1_200 }, (_, n) => `none${n}`), ...ids]);
    expect(many.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(many.find(({ id }) => id === ids[0])).toEqual(await store().find(ids[0] ?? ''));
    expect(await store().findMany([])).toEqual([]);
  });
}
