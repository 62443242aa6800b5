import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { output, picture, ScriptedTaskEngine } from '../../../tests/support/scripted-task-engine.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { fail } from '../../core/errors.ts';
import type { EngineJob, EngineJobRef, HandedOver } from '../../models/engine.ts';
import type { TaskRecord } from '../../models/task-store.ts';

/** As one that bills: it says when a job leaves, gives it an id of its own, and does not know ids of ours. */
class HostedEngine extends ScriptedTaskEngine {
  readonly hosted = true;
  /** Job ids that were stored when a job left. */
  readonly marks: (string | undefined)[] = [];
  stored: () => Promise<TaskRecord> = () => Promise.reject(new TypeError('nobody to ask'));

  override async submit(job: EngineJob, signal: AbortSignal): Promise<HandedOver> {
    await job.leaving?.();
    this.marks.push((await this.stored()).jobId);
    const handed = await super.submit(job, signal);
    this.has.set('4711', this.has.get(job.id) ?? {});
    return { ...handed, job: { ...handed.job, id: '4711' } };
  }

  override async knows({ id }: EngineJobRef): Promise<boolean | 'unknown'> {
    return id === '4711' || 'unknown';
  }
}

let world: TaskWorld;
let engine: HostedEngine;
beforeEach(async () => {
  engine = new HostedEngine('comfyui');
  world = await TaskWorld.open(engine);
});
afterEach(() => world[Symbol.asyncDispose]());

async function accepted(): Promise<string> {
  const { id } = await world.accept();
  engine.stored = () => world.find(id);
  return id;
}

describe('a job of an engine that bills', () => {
  it('is marked right before it leaves, and has the id of the engine from then on', async () => {
    await accepted();
    const task = await world.work();
    expect(task).toMatchObject({ status: 'completed', jobId: '4711' });
    expect(engine.marks).toEqual([engine.jobs[0]?.id]);
  });

  it('that found no room waits without an attempt, and without a mark', async () => {
    engine.plays.push({ refuse: fail('QUEUE_FULL', 'full.', { waits: true, retryAfter: 5 }) });
    const id = await accepted();
    const before = world.clock.at;
    expect(await world.work()).toMatchObject({ status: 'pending', attempt: 0, jobId: undefined });
    expect((await world.find(id)).availableAt).toBeGreaterThanOrEqual(before + 5_000);
    expect(await world.store.attempts(id)).toEqual([]);
    expect(await world.events(id)).not.toContain('retrying');
    world.clock.at += 10_000;
    expect(await world.work()).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('of which nobody knows whether it was begun ends its task', async () => {
    engine.plays.push({ refuse: fail('ENGINE_OUTCOME_UNKNOWN', 'perhaps.') });
    await accepted();
    expect(await world.work()).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'ENGINE_OUTCOME_UNKNOWN' } });
  });

  it('that was marked by a process that is gone ends its task, too; one with an id of the engine is watched', async () => {
    for (const [jobId, ending] of [['ours', { status: 'failed', error: { code: 'ENGINE_OUTCOME_UNKNOWN' } }], ['4711', { status: 'completed' }]] as const) {
      const id = await accepted();
      const claimed = await world.claim('comfyui', 'dead');
      await world.store.change(claimed.claim, { jobId });
      const [passed] = await world.store.takeOver(['dead'], { worker: 'w1', now: world.clock.at });
      if (!passed) throw new TypeError('nothing passed');
      await world.run(passed, { takenOver: true }).work(new AbortController().signal);
      expect(await world.find(id)).toMatchObject(ending);
    }
    expect(engine.jobs).toEqual([]);
  });

  it('that was begun is not begun again, whatever goes wrong since', async () => {
    engine.plays.push({ outputs: [output(picture('a.png'))] });
    world.storage.onKeep = () => Promise.reject(fail('IMAGE_NOT_FOUND', 'gone.'));
    await accepted();
    expect(await world.work()).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'IMAGE_NOT_FOUND' } });
    expect(engine.jobs).toHaveLength(1);
  });
});
