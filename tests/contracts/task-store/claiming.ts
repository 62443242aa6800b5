import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/atoms/ids/ids.ts';
import { SqlTaskStore } from '../../../src/molecules/records/task-records.ts';
import { type Bench, ending, error, open, output, pipeline } from './made.ts';

export function claiming({ db, store, accept, claim, events }: Bench): void {
  const by = (now = 1_100, worker = 'w1') => ({ now, worker });
  const order = async (count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let n = 0; n < count; n += 1) ids.push((await claim()).task.id);
    return ids;
  };

  describe('claiming a task', () => {
    it('marks it as in work, with its attempt and the event started', async () => {
      const { id } = await accept();
      const mine = await claim(1_100);
      expect(mine.claim).toEqual({ taskId: id, worker: 'w1', attempt: 1 });
      expect(mine.task).toMatchObject({ id, status: 'processing', worker: 'w1', attempt: 1, startedAt: 1_100, seq: 2 });
      expect(mine.task).toEqual(await store().find(id));
      expect(mine.details).toEqual(await store().details(id));
      expect(await store().attempts(id)).toEqual([{ attempt: 1, engine: 'comfyui', started_at: 1_100, outcome: 'running' }]);
      expect(await store().events(id, 1, 10)).toEqual([{ task_id: id, seq: 2, event: 'started', status: 'processing', at: 1_100, data: { attempt: 1, engine: 'comfyui' } }]);
    });

    it('names the step of a pipeline', async () => {
      const task = pipeline();
      await store().create(task, open);
      await claim();
      expect((await store().events(task.id, 1, 1))[0]?.data).toEqual({ attempt: 1, step: 'draw', engine: 'comfyui' });
      expect(await store().attempts(task.id)).toMatchObject([{ attempt: 1, step: 'draw' }]);
    });

    it('answers nothing where nothing waits for that engine', async () => {
      expect(await store().claim('comfyui', by())).toBeUndefined();
      await accept({ engine: 'runninghub' });
      expect(await store().claim('comfyui', by())).toBeUndefined();
      expect((await store().claim('runninghub', by()))?.task.engine).toBe('runninghub');
      expect(await store().claim('runninghub', by())).toBeUndefined();
    });

    it('gives each task to exactly one of many who claim at once', async () => {
      const ids = await Promise.all(Array.from({ length: 30 }, async () => (await accept()).id));
      const other = new SqlTaskStore(db(), { id: 'there', newId });
      const claims = await Promise.all(Array.from({ length: 40 }, (_, n) => (n % 2 ? store() : other).claim('comfyui', by(1_100, `w${n % 2}`))));
      expect(claims.flatMap((one) => one?.task.id ?? []).toSorted()).toEqual(ids.toSorted());
    });

    it('takes the highest priority first, and of one key the oldest', async () => {
      const [low, usual, old, high, late] = [await accept({ priority: -5 }), await accept(), await accept({ priority: 9 }), await accept({ priority: 10 }), await accept({ priority: 9 })];
      expect(await order(5)).toEqual([high, old, late, usual, low].map(({ id }) => id));
    });

    it('lets the first task of a key pass a thousand of another', async () => {
      for (let n = 0; n < 1_000; n += 1) await accept({ owner: 'ann' });
      const first = await claim();
      const bob = await accept({ owner: 'bob' });
      expect(first.task.owner).toBe('ann');
      expect((await claim()).task.id).toBe(bob.id);
    });

    it('lets the first task of a key pass a thousand of another also when none is in work', async () => {
      for (let n = 0; n < 1_000; n += 1) await accept({ owner: 'ann' });
      await store().end((await claim()).claim, ending());
      const bob = await accept({ owner: 'bob' });
      expect((await claim()).task.id).toBe(bob.id);
    });

    it('leaves keys out that have enough, whatever their priority', async () => {
      const ann = await accept({ owner: 'ann', priority: 9 });
      await accept({ owner: 'eve', priority: 9 });
      const bob = await accept({ owner: 'bob' });
      expect((await store().claim('comfyui', { ...by(), notOf: ['ann', 'eve'] }))?.task.id).toBe(bob.id);
      expect(await store().claim('comfyui', { ...by(), notOf: ['ann', 'eve'] })).toBeUndefined();
      expect((await store().claim('comfyui', { ...by(), notOf: ['eve'] }))?.task.id).toBe(ann.id);
    });

    it('takes the key with the fewest tasks in work, and of those the one served longest ago', async () => {
      for (const owner of ['ann', 'bob', 'eve', 'ann', 'bob', 'eve', 'ann', 'bob', 'eve']) await accept({ owner });
      const [one, two, three] = [await claim(), await claim(), await claim()];
      expect([one, two, three].map(({ task }) => task.owner)).toEqual(['ann', 'bob', 'eve']);
      await store().end(two.claim, ending());
      expect((await claim()).task.owner).toBe('bob');
      await store().end(three.claim, ending());
      await store().end(one.claim, ending());
      expect((await claim()).task.owner).toBe('ann');
      expect((await claim()).task.owner).toBe('eve');
      expect(await order(3)).toHaveLength(3);
    });

    it('counts what a key has in work and was served on that engine alone', async () => {
      await accept({ owner: 'ann' });
      await accept({ owner: 'bob' });
      for (let n = 0; n < 3; n += 1) await accept({ owner: 'ann', engine: 'runninghub' });
      for (let n = 0; n < 3; n += 1) await store().claim('runninghub', by());
      expect((await claim()).task.owner).toBe('ann');
    });

    it('is fair across processes, whatever their clocks say', async () => {
      const other = new SqlTaskStore(db(), { id: 'there', newId });
      for (const owner of ['ann', 'ann', 'bob', 'bob']) await accept({ owner });
      const told: (string | undefined)[] = [];
      for (const [who, now] of [[store(), 9_000], [other, 1_100], [store(), 9_000], [other, 1_100]] as const) {
        const next = await who.claim('comfyui', by(now));
        told.push(next?.task.owner);
        if (next) await who.end(next.claim, ending());
      }
      expect(told).toEqual(['ann', 'bob', 'ann', 'bob']);
    });

    it('puts priority before fairness', async () => {
      await accept({ owner: 'ann', priority: 1 });
      await accept({ owner: 'ann', priority: 1 });
      await accept({ owner: 'bob' });
      expect((await store().findMany(await order(2))).map(({ owner }) => owner)).toEqual(['ann', 'ann']);
    });
  });

  describe('a task that waits for its time', () => {
    it('is not given before, whatever its priority, and then before the others', async () => {
      await accept({ priority: 50 });
      await store().again((await claim()).claim, { availableAt: 5_000, now: 1_200, error });
      const usual = await accept();
      expect(await store().nextDue('comfyui')).toBe(5_000);
      expect((await claim(4_999)).task.id).toBe(usual.id);
      expect(await store().claim('comfyui', by(4_999))).toBeUndefined();
      const again = await claim(5_000);
      expect(again.task).toMatchObject({ priority: 50, attempt: 2, startedAt: 5_000 });
      expect(await store().nextDue('comfyui')).toBeUndefined();
    });

    it('is told by engine, the earliest first', async () => {
      for (const availableAt of [7_000, 6_000]) {
        await accept();
        await store().again((await claim()).claim, { availableAt, now: 1_200, error });
      }
      expect([await store().nextDue('comfyui'), await store().nextDue('runninghub')]).toEqual([6_000, undefined]);
      await store().claim('comfyui', by(6_500));
      expect(await store().nextDue('comfyui')).toBe(7_000);
    });

    it('is looked at once it is due, and not at every claim before', async () => {
      await accept();
      await store().again((await claim()).claim, { availableAt: 5_000, now: 1_200, error });
      const flags = async () => (await db().selectFrom('tasks').select('delayed').execute()).map(({ delayed }) => delayed);
      expect(await flags()).toEqual([1]);
      await accept();
      await claim(4_000);
      expect(await flags()).toEqual([1, 0]);
      await claim(5_000);
      expect(await flags()).toEqual([0, 0]);
    });
  });

  describe('handing a task back', () => {
    it('lets it wait as if it had not been claimed', async () => {
      const before = await accept();
      const { claim: mine } = await claim();
      await store().change(mine, { inputsFetchedAt: 1_150 });
      expect(await store().handBack(mine, 1_200)).toBe(true);
      expect(await store().find(before.id)).toEqual({ ...before, availableAt: 1_200, seq: 3 });
      expect(await store().attempts(before.id)).toEqual([]);
      expect(await events(before.id)).toEqual(['queued', 'started', 'queued']);
      expect((await claim(1_300, 'w2')).claim).toEqual({ taskId: before.id, worker: 'w2', attempt: 1 });
      expect(await store().handBack(mine, 1_400)).toBe(false);
    });

    it('keeps earlier attempts, and one that had a job', async () => {
      const { id } = await accept();
      await store().again((await claim(1_100)).claim, { availableAt: 1_200, now: 1_200, error });
      await store().handBack((await claim(1_300)).claim, 1_400);
      expect(await store().find(id)).toMatchObject({ attempt: 1, startedAt: 1_100 });
      const third = await claim(1_500);
      expect(third.claim.attempt).toBe(2);
      await store().change(third.claim, { jobId: 'j' });
      await store().change(third.claim, { jobId: null });
      expect(await store().handBack(third.claim, 1_600)).toBe(true);
      expect((await store().attempts(id)).map(({ attempt, outcome }) => [attempt, outcome])).toEqual([[1, 'failed'], [2, 'abandoned']]);
      expect(await store().find(id)).toMatchObject({ attempt: 2, status: 'pending', jobId: undefined });
    });

    it('for want of room leaves no attempt, and is not claimed before its time', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      await store().change(mine, { jobId: 'mark' });
      await store().change(mine, { jobId: null });
      expect(await store().handBack(mine, 1_200, { until: 5_000 })).toBe(true);
      expect(await store().find(id)).toMatchObject({ status: 'pending', attempt: 0, availableAt: 5_000, jobId: undefined });
      expect(await store().attempts(id)).toEqual([]);
      expect(await store().claim('comfyui', { worker: 'w1', now: 4_999 })).toBeUndefined();
      expect((await claim(5_000)).claim.attempt).toBe(1);
    });

    it('does nothing where a job is stored, as that job may run', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      await store().change(mine, { jobId: 'job-1' });
      const before = [await store().find(id), await store().attempts(id), await events(id)];
      expect(await store().handBack(mine, 1_200)).toBe(false);
      expect([await store().find(id), await store().attempts(id), await events(id)]).toEqual(before);
      expect(await store().change(mine, {})).toBe(true);
    });

    it('cancels what was to be cancelled', async () => {
      const { id } = await accept();
      const { claim: mine } = await claim();
      await store().requestCancel(id, 1_150);
      expect(await store().handBack(mine, 1_200)).toBe(true);
      expect(await store().find(id)).toMatchObject({ status: 'cancelled', endedAt: 1_200 });
      expect(await events(id)).toEqual(['queued', 'started', 'cancelling', 'cancelled']);
    });
  });

  describe('processes that are gone', () => {
    it('pass on what has a job, and the attempt goes on', async () => {
      const { id } = await accept();
      const { claim: old } = await claim(1_100, 'dead');
      await store().change(old, { jobId: 'job-1', instance: 'one:8188', outputs: [output('a.png')] });
      const passed = await store().takeOver(['dead', 'unknown'], by(1_500, 'w2'));
      expect(passed).toHaveLength(1);
      expect(passed[0]?.claim).toEqual({ taskId: id, worker: 'w2', attempt: 1 });
      expect(passed[0]?.task).toMatchObject({ jobId: 'job-1', worker: 'w2', startedAt: 1_100, status: 'processing' });
      expect(passed[0]?.details.outputs).toEqual([output('a.png')]);
      expect(await store().attempts(id)).toEqual([{ attempt: 1, engine: 'comfyui', instance: 'one:8188', job_id: 'job-1', started_at: 1_100, outcome: 'running' }]);
      expect(await events(id)).toEqual(['queued', 'started']);
      expect(await store().end(old, ending())).toBe(false);
      expect(passed[0] && (await store().end(passed[0].claim, ending()))).toBe(true);
    });

    it('leave a job of an engine that nobody has here, unless its task shall end', async () => {
      const all = await Promise.all([accept({ engine: 'gone' }), accept({ engine: 'gone' }), accept({ engine: 'gone', deadlineAt: 1_400 }), accept()]);
      for (const { engine } of all) {
        const claimed = await store().claim(engine, { worker: 'dead', now: 1_100 });
        if (claimed) await store().change(claimed.claim, { jobId: `job of ${claimed.task.id}` });
      }
      const [left, cancelled, late, known] = all;
      await store().requestCancel(cancelled.id, 1_200);
      const passed = async (now: number): Promise<string[]> => (await store().takeOver(['dead'], { ...by(now, 'w2'), engines: ['comfyui'] })).map(({ task }) => task.id).toSorted();
      expect(await passed(1_500)).toEqual([known.id]);
      expect(await passed(6_400)).toEqual([cancelled.id, late.id].toSorted());
      expect(await store().find(left.id)).toMatchObject({ status: 'processing', worker: 'dead', jobId: `job of ${left.id}` });
      expect(await store().takeOver(['dead'], { ...by(6_500, 'w3'), engines: ['comfyui', 'gone'] })).toMatchObject([{ task: { id: left.id } }]);
    });

    it('leave what has no job to whoever claims it next', async () => {
      const { id } = await accept();
      const { claim: old } = await claim(1_100, 'dead');
      expect(await store().takeOver(['dead'], by(1_500, 'w2'))).toEqual([]);
      expect(await store().find(id)).toMatchObject({ status: 'pending', worker: undefined, availableAt: 1_500 });
      expect(await store().attempts(id)).toEqual([{ attempt: 1, engine: 'comfyui', started_at: 1_100, ended_at: 1_500, outcome: 'abandoned' }]);
      expect(await store().change(old, { jobId: 'late' })).toBe(false);
      expect((await claim(1_500, 'w2')).claim.attempt).toBe(2);
      expect(await events(id)).toEqual(['queued', 'started', 'queued', 'started']);
    });

    it('are taken over once, of whoever lives nothing', async () => {
      await accept();
      await accept();
      const [dead, alive] = [await claim(1_100, 'dead'), await claim(1_100, 'alive')];
      for (const one of [dead, alive]) await store().change(one.claim, { jobId: `job of ${one.claim.worker}` });
      expect((await store().workers()).toSorted()).toEqual(['alive', 'dead']);
      const both = await Promise.all(['w2', 'w3'].map((worker) => store().takeOver(['dead'], by(1_500, worker))));
      expect(both.map((passed) => passed.length).toSorted()).toEqual([0, 1]);
      expect(await store().change(alive.claim, {})).toBe(true);
      expect(await store().takeOver([], by())).toEqual([]);
    });

    it('had tasks in work that shall be cancelled: with a job somebody still has to, without it is done', async () => {
      const [first, second] = [await accept(), await accept()];
      const one = await claim(1_100, 'dead');
      await claim(1_100, 'dead');
      await store().change(one.claim, { jobId: 'job' });
      for (const { id } of [first, second]) await store().requestCancel(id, 1_200);
      await store().takeOver(['dead'], by(1_500, 'w2'));
      expect(await store().cancelRequested('w2')).toEqual([first.id]);
      expect(await store().find(second.id)).toMatchObject({ status: 'cancelled', endedAt: 1_500 });
    });
  });

  it('counts what is in work by engine, of all processes', async () => {
    for (const engine of ['comfyui', 'comfyui', 'comfyui', 'runninghub']) await accept({ engine });
    await claim(1_100, 'w1');
    await claim(1_100, 'w2');
    expect([await store().working('comfyui'), await store().working('runninghub')]).toEqual([2, 0]);
    expect(await store().loads()).toEqual(new Map([['comfyui', { pending: 1, processing: 2 }], ['runninghub', { pending: 1, processing: 0 }]]));
  });
}
