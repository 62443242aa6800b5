import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { completed, failed, gone, telling, untilStopped } from '../../../tests/support/scripted-task-engine.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { fail } from '../../core/errors.ts';
import type { ClaimedTask } from '../../models/task-store.ts';

let world: TaskWorld;
beforeEach(async () => {
  world = await TaskWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

const forEver = new AbortController().signal;

/** A task that a process had in work which is gone; its job has that id. */
async function leftWith(jobId: string): Promise<ClaimedTask> {
  await world.accept();
  const { claim } = await world.claim('comfyui', 'dead');
  await world.store.change(claim, { jobId });
  const [taken] = await world.store.takeOver(['dead'], { worker: 'w1', now: 1_100 });
  if (!taken) throw new TypeError('nothing was taken over');
  return taken;
}

describe('a task that is taken over', () => {
  it('goes on with the job that its engine knows, which is not handed over again', async () => {
    const taken = await leftWith('j1');
    world.engine.has.set('j1', {});
    await world.run(taken, { takenOver: true }).work(forEver);
    expect(world.engine.calls).toEqual(['knows', 'watch', 'outputs']);
    expect(await world.find(taken.task.id)).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('is handed over under the very id that was stored where its engine never had it', async () => {
    const taken = await leftWith('j1');
    await world.run(taken, { takenOver: true }).work(forEver);
    expect(world.engine.jobs.map(({ id }) => id)).toEqual(['j1']);
    expect(await world.find(taken.task.id)).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('is not given another job because nobody could be asked whether there is one', async () => {
    const taken = await leftWith('j1');
    world.engine.has.set('j1', {});
    world.engine.unsure.push(fail('INTERNAL_ERROR', 'the database is locked.'));
    await world.run(taken, { takenOver: true }).work(forEver);
    expect(world.engine.calls).toEqual(['knows', 'knows', 'watch', 'outputs']);
    expect(await world.find(taken.task.id)).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('and lost at its engine is made again, and the attempt does not count', async () => {
    const taken = await leftWith('j1');
    world.engine.has.set('j1', { story: () => telling(failed('PROMPT_LOST', { again: true })) });
    await world.run(taken, { takenOver: true, parts: { limits: { concurrency: 1, maxAttempts: 1, retryDelay: 1_000 } } }).work(forEver);
    expect(await world.find(taken.task.id)).toMatchObject({ status: 'pending' });
    expect((await world.store.attempts(taken.task.id)).map(({ outcome }) => outcome)).toEqual(['abandoned']);
  });

  it('and failed by itself counts as any attempt', async () => {
    const taken = await leftWith('j1');
    world.engine.has.set('j1', { story: () => telling(failed('WORKFLOW_EXECUTION_ERROR', { again: false })) });
    await world.run(taken, { takenOver: true }).work(forEver);
    expect(await world.find(taken.task.id)).toMatchObject({ status: 'failed' });
  });

  it('and cancelled meanwhile is stopped where it runs', async () => {
    const before = await leftWith('j1');
    await world.store.requestCancel(before.task.id, 1_200);
    const [taken] = await world.store.takeOver(['w1'], { worker: 'w2', now: 1_300 });
    if (!taken) throw new TypeError('nothing was taken over');
    world.engine.has.set('j1', { story: untilStopped });
    await world.run(taken, { takenOver: true }).work(forEver);
    expect(world.engine.calls).toEqual(['knows', 'watch', 'cancel']);
    expect(await world.find(taken.task.id)).toMatchObject({ status: 'cancelled' });
  });
});

describe('a claim that was lost', () => {
  it('stops quietly: what the other makes of the task stays', async () => {
    const { id } = await world.accept();
    world.engine.plays.push({ story: async function* () {
      await world.store.takeOver(['w1'], { worker: 'w2', now: 1_100 });
      yield { kind: 'output', files: [{ filename: 'a.png', subfolder: '', type: 'output', node_id: '9', kind: 'image' }] };
      yield completed;
    } });
    expect(await world.work()).toMatchObject({ status: 'processing', worker: 'w2' });
    expect(await world.events(id)).toEqual(['queued', 'started']);
    expect(world.engine.calls).not.toContain('outputs');
    expect(world.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });

  it('says nothing of a task that it did not end', async () => {
    await world.accept();
    world.engine.plays.push({ story: async function* () {
      await world.store.takeOver(['w1'], { worker: 'w2', now: 1_100 });
      yield completed;
    } });
    expect(await world.work()).toMatchObject({ status: 'processing', worker: 'w2' });
    expect(world.lines.filter(({ message }) => message === 'task completed')).toEqual([]);
  });
});

describe('the end of the process', () => {
  it('leaves a job that was handed over to whoever comes next', async () => {
    const { id } = await world.accept();
    const halt = new AbortController();
    world.engine.plays.push({ story: async function* ({ signal }) {
      yield { kind: 'running', instance: 'a:1' };
      halt.abort();
      await gone(signal);
    } });
    const task = await world.work({ halt: halt.signal });
    expect(task).toMatchObject({ status: 'processing', worker: 'w1', jobId: world.engine.jobs[0]?.id });
    expect(await world.events(id)).toEqual(['queued', 'started']);
    expect(world.engine.calls).not.toContain('cancel');
  });

  it('hands back what had no job yet, as if it had not been claimed', async () => {
    await world.accept();
    expect(await world.work({ halt: AbortSignal.abort() })).toMatchObject({ status: 'pending', attempt: 0, worker: undefined });
    expect(world.engine.calls).toEqual([]);
  });

  it('does not stop a job that was to be cancelled more than once for a slow engine', async () => {
    await world.accept();
    const claimed = await world.claim();
    const halt = new AbortController();
    const run = world.run(claimed);
    world.engine.onCancel = () => new Promise(() => halt.abort());
    world.engine.plays.push({ story: (stage) => (run.cancel(), untilStopped(stage)) });
    await run.work(halt.signal);
    expect(await world.find(claimed.task.id)).toMatchObject({ status: 'processing' });
    expect(world.engine.calls.filter((call) => call === 'cancel')).toHaveLength(1);
  });
});
