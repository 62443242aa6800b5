import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containing } from '../../../tests/support/matchers.ts';
import { completed, failed, progress, telling } from '../../../tests/support/scripted-task-engine.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { fail } from '../../core/errors.ts';

let world: TaskWorld;
beforeEach(async () => {
  world = await TaskWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

const unreachable = (): Error => fail('CONNECTION_ERROR', 'nobody answers.');
const attemptsOf = async (id: string): Promise<unknown[]> => (await world.store.attempts(id)).map(({ attempt, outcome }) => [attempt, outcome]);

describe('an attempt that failed', () => {
  it('is made again after a pause, and not before', async () => {
    const { id } = await world.accept();
    world.engine.plays.push({ refuse: unreachable() });
    expect(await world.work()).toMatchObject({ status: 'pending', availableAt: 2_000, jobId: undefined });
    expect(await world.store.claim('comfyui', { worker: 'w1', now: 1_999 })).toBeUndefined();
    world.clock.at = 2_000;
    expect(await world.work()).toMatchObject({ status: 'completed', attempt: 2, progress: 1 });
    expect(await world.events(id)).toEqual(['queued', 'started', 'retrying', 'started', 'completed']);
  });

  it('ends the task when it was the last one, and says which it was', async () => {
    const { id } = await world.accept();
    const pauses: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      world.engine.plays.push({ refuse: unreachable() });
      const { availableAt } = await world.work();
      pauses.push(availableAt - world.clock.at);
      world.clock.at = Math.max(world.clock.at, availableAt);
    }
    expect(pauses.slice(0, 2)).toEqual([1_000, 2_000]);
    expect(await world.find(id)).toMatchObject({ status: 'failed', attempt: 3, error: { code: 'CONNECTION_ERROR', reason: containing('(attempt 3 of 3)') } });
  });

  it('waits for as long as who refused it asks', async () => {
    await world.accept();
    world.engine.plays.push({ refuse: fail('QUEUE_FULL', 'too many.', { retryAfter: 30 }) });
    expect(await world.work()).toMatchObject({ status: 'pending', availableAt: 31_000 });
  });

  it('ends the task at once where it would fail again, with its faults', async () => {
    const { id } = await world.accept();
    const faults = Array.from({ length: 25 }, (_, n) => ({ node_id: `${n}`, type: 'x', reason: 'no' }));
    world.engine.plays.push({ refuse: fail('WORKFLOW_VALIDATION_ERROR', 'the graph is wrong.', { faults }) });
    expect(await world.work()).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'WORKFLOW_VALIDATION_ERROR', faults: faults.slice(0, 20) } });
    expect(await attemptsOf(id)).toEqual([[1, 'failed']]);
  });

  it('ends the task when it was a mistake of ours, without telling callers of it', async () => {
    await world.accept();
    world.engine.plays.push({ refuse: new TypeError('secret') });
    expect((await world.work()).error).toEqual({ code: 'INTERNAL_ERROR', reason: 'The gateway failed; its log tells more.' });
    expect(world.lines).toContainEqual(expect.objectContaining({ level: 'error', message: 'a task met an error that nobody expected' }));
  });

  it('ends the task where the engine says that it would end so again', async () => {
    await world.accept();
    world.engine.plays.push({ story: () => telling(failed('WORKFLOW_EXECUTION_ERROR', { again: false })) });
    expect(await world.work()).toMatchObject({ status: 'failed', error: { code: 'WORKFLOW_EXECUTION_ERROR', reason: 'it ended as WORKFLOW_EXECUTION_ERROR.' } });
  });

  it('goes to other instances than those that failed it, under another id', async () => {
    await world.accept();
    world.engine.plays.push({ instance: 'a:1', story: () => telling(failed('PROMPT_LOST', { again: true })) }, { instance: 'b:1', story: () => telling(failed('PROMPT_LOST', { again: true })) });
    for (let n = 0; n < 3; n += 1) world.clock.at = (await world.work()).availableAt;
    expect(world.engine.jobs.map(({ avoid }) => avoid)).toEqual([[], ['a:1'], ['a:1', 'b:1']]);
    expect(new Set(world.engine.jobs.map(({ id }) => id)).size).toBe(3);
  });

  it('does not repeat the warnings of the attempt before', async () => {
    const { id } = await world.accept();
    const warnings = ['output 7 is left out'];
    world.engine.plays.push({ warnings, story: () => telling(failed('PROMPT_LOST', { again: true })) }, { warnings });
    world.clock.at = (await world.work()).availableAt;
    await world.work();
    expect((await world.store.details(id))?.warnings).toEqual(warnings);
  });

  it('leaves no step back in what watchers are told of its progress', async () => {
    await world.accept();
    world.engine.plays.push({ story: () => telling(progress(0.3), progress(0.9), failed('PROMPT_LOST', { again: true })) }, { story: () => telling(progress(0.1), completed) });
    world.clock.at = (await world.work()).availableAt;
    await world.work();
    const told = world.news.map(({ data }) => data['progress']);
    expect(told).toEqual([0.3, 0.9, 0.9]);
  });
});

describe('a database that takes nothing for a while', () => {
  const refuse = (table: string, when: string) => sql`create trigger full_disk before ${sql.raw(when)} on ${sql.raw(table)} begin select raise(abort, 'database or disk is full'); end`.execute(world.db);
  const restoredAfter = (count: number): void => {
    world.clock.onSleep = async () => {
      if (world.clock.sleeps.length === count) await sql`drop trigger full_disk`.execute(world.db);
    };
  };

  it('delays the end of a task and loses nothing, and the job is not made again', async () => {
    const { id } = await world.accept();
    world.engine.plays.push({ story: async function* () {
      await refuse('task_events', 'insert');
      yield completed;
    } });
    restoredAfter(7);
    expect(await world.work()).toMatchObject({ status: 'completed', attempt: 1 });
    expect(world.clock.sleeps).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(world.engine.calls).toEqual(['submit', 'watch', 'outputs']);
    expect(await world.events(id)).toEqual(['queued', 'started', 'completed']);
    expect(world.lines.filter(({ message }) => message.startsWith('what became of a task cannot be written'))).toHaveLength(1);
  });

  it('delays the hand-over: the id of the job is stored first', async () => {
    await world.accept();
    const claimed = await world.claim();
    await refuse('tasks', 'update');
    restoredAfter(2);
    world.engine.plays.push({ onSubmit: async ({ id }) => expect(await world.find(claimed.task.id)).toMatchObject({ jobId: id }) });
    await world.run(claimed).work(new AbortController().signal);
    expect(await world.find(claimed.task.id)).toMatchObject({ status: 'completed' });
    expect(world.clock.sleeps).toEqual([200, 400]);
  });

  it('does not hold up the end of the process: the task is found again', async () => {
    const { id } = await world.accept();
    const halt = new AbortController();
    world.engine.plays.push({ story: async function* () {
      await refuse('tasks', 'update');
      yield completed;
    } });
    world.clock.onSleep = () => halt.abort();
    expect(await world.work({ halt: halt.signal })).toMatchObject({ id, status: 'processing', worker: 'w1' });
  });
});
