import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { completed, failed, gone, telling, untilStopped } from '../../../tests/support/scripted-task-engine.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { newId } from '../../atoms/ids/ids.ts';
import { SqlTaskStore } from '../../molecules/records/task-records.ts';
import type { TaskRun } from './run.ts';

let world: TaskWorld;
beforeEach(async () => {
  world = await TaskWorld.open();
});
afterEach(async () => {
  vi.useRealTimers();
  await world[Symbol.asyncDispose]();
});

const forEver = new AbortController().signal;
const url = 'https://example.org/picture.png';
const withUrl = { plan: { inputs: {}, steps: [{ name: '', engine: 'comfyui', template: undefined, workflow: { '1': { class_type: 'LoadImage', inputs: { image: url } } }, inputs: {}, deferred: false, extraData: undefined }] } };

/** Sources whose only download never comes; it is begun when `begun` resolves. */
function slowFiles(): { readonly begun: Promise<void>; readonly sources: ReturnType<TaskWorld['sources']> } {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const image = { type: 'COMBO', options: undefined, upload: true, required: true };
  const declarations = [new Map([['LoadImage', { inputs: new Map([['image', image]]), outputNode: false }]])];
  const fetch = (): Promise<never> => {
    resolve();
    return gone(forEver);
  };
  return { begun, sources: world.sources({ remote: { fetch }, declarations: () => Promise.resolve({ known: declarations, complete: true }) }) };
}

describe('a task that is cancelled', () => {
  it('before its job was handed over never reaches the engine', async () => {
    await world.accept();
    const claimed = await world.claim();
    const run = world.run(claimed);
    run.cancel();
    await run.work(forEver);
    expect(await world.find(claimed.task.id)).toMatchObject({ status: 'cancelled', error: undefined });
    expect(world.engine.calls).toEqual([]);
  });

  it('while its files are fetched never reaches the engine, and does not wait for them', async () => {
    await world.accept(withUrl);
    const claimed = await world.claim();
    const { begun, sources } = slowFiles();
    const run = world.run(claimed, { parts: { sources } });
    const over = run.work(forEver);
    await begun;
    run.cancel();
    await over;
    expect(await world.find(claimed.task.id)).toMatchObject({ status: 'cancelled' });
    expect(world.engine.calls).toEqual([]);
  });

  it('while the id of its job is written never reaches the engine', async () => {
    class Watched extends SqlTaskStore {
      override async change(...change: Parameters<SqlTaskStore['change']>): Promise<boolean> {
        run.cancel();
        return super.change(...change);
      }
    }
    await world.accept();
    const claimed = await world.claim();
    const run: TaskRun = world.run(claimed, { parts: { store: new Watched(world.db, { id: 'w1', newId }) } });
    await run.work(forEver);
    expect(await world.find(claimed.task.id)).toMatchObject({ status: 'cancelled' });
    expect(world.engine.calls).toEqual([]);
  });

  it('is told to its engine again every ten seconds until that has heard', async () => {
    await world.accept();
    const claimed = await world.claim();
    world.engine.deaf = 2;
    const run = world.run(claimed);
    world.engine.plays.push({ story: (stage) => (run.cancel(), untilStopped(stage)) });
    await run.work(forEver);
    expect(await world.find(claimed.task.id)).toMatchObject({ status: 'cancelled', error: undefined });
    expect(world.engine.calls.filter((call) => call === 'cancel')).toHaveLength(3);
    expect(world.clock.sleeps.slice(0, 2)).toEqual([10_000, 10_000]);
  });

  it('too late completes', async () => {
    await world.accept();
    const claimed = await world.claim();
    const run = world.run(claimed);
    world.engine.plays.push({ story: () => (run.cancel(), telling(completed)) });
    await run.work(forEver);
    expect(await world.find(claimed.task.id)).toMatchObject({ status: 'completed' });
  });

  it('is cancelled, not failed, where its job failed on the way', async () => {
    await world.accept();
    const claimed = await world.claim();
    const run = world.run(claimed);
    world.engine.plays.push({ story: () => (run.cancel(), telling(failed('PROMPT_LOST', { again: true }))) });
    await run.work(forEver);
    expect(await world.find(claimed.task.id)).toMatchObject({ status: 'cancelled' });
  });

  it('has its ending as soon as that is known, however long the engine takes to answer the order', async () => {
    await world.accept();
    const claimed = await world.claim();
    const run = world.run(claimed);
    world.engine.onCancel = () => new Promise(() => undefined);
    world.engine.plays.push({ story: () => (run.cancel(), telling(completed)) });
    await run.work(forEver);
    expect(await world.find(claimed.task.id)).toMatchObject({ status: 'completed' });
  });

  it('by somebody else at the engine fails without an order of ours', async () => {
    await world.accept();
    world.engine.plays.push({ story: () => telling({ kind: 'stopped', instance: 'a:1', byUs: false, reason: 'It was interrupted.' }) });
    expect(await world.work()).toMatchObject({ status: 'failed', error: { code: 'WORKFLOW_EXECUTION_ERROR', reason: 'The workflow failed while it ran: It was interrupted.' } });
    expect(world.engine.calls).not.toContain('cancel');
  });
});

describe('a deadline', () => {
  const timedOut = { status: 'failed', error: { code: 'TASK_TIMEOUT' } };

  it('that passes while the job runs stops it there', async () => {
    await world.accept({ deadlineAt: 1_020 });
    world.engine.plays.push({ story: untilStopped });
    expect(await world.work()).toMatchObject(timedOut);
    expect(world.engine.calls).toContain('cancel');
  });

  it('that passes while files are fetched ends the task without a job', async () => {
    await world.accept({ ...withUrl, deadlineAt: 1_020 });
    expect(await world.work({ parts: { sources: slowFiles().sources } })).toMatchObject(timedOut);
    expect(world.engine.calls).toEqual([]);
  });

  it('that passes when the job has completed already changes nothing', async () => {
    await world.accept({ deadlineAt: 1_000 });
    const claimed = await world.claim();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const run = world.run(claimed);
    world.engine.plays.push({ story: () => (vi.advanceTimersByTime(10), telling(completed)) });
    await run.work(forEver);
    expect(await world.find(claimed.task.id)).toMatchObject({ status: 'completed' });
  });

  it('counts while an attempt failed: there is no other one', async () => {
    await world.accept({ deadlineAt: 1_000 });
    const claimed = await world.claim();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const run = world.run(claimed);
    world.engine.plays.push({ story: () => (vi.advanceTimersByTime(10), telling(failed('PROMPT_LOST', { again: true }))) });
    await run.work(forEver);
    expect(await world.find(claimed.task.id)).toMatchObject(timedOut);
  });
});
