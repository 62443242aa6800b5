import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { completed, gone, type Play, ScriptedTaskEngine, untilStopped } from '../../../tests/support/scripted-task-engine.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { until } from '../../../tests/support/until.ts';
import { fail } from '../../core/errors.ts';
import type { WorkerParts } from './parts.ts';
import { Worker } from './worker.ts';

let world: TaskWorld;
let halt: AbortController;
let running: Promise<void> | undefined;
const [small, large] = [new ScriptedTaskEngine('small'), new ScriptedTaskEngine('large')];

beforeEach(async () => {
  for (const engine of [small, large]) Object.assign(engine, { plays: [], calls: [], jobs: [], room: 10 });
  world = await TaskWorld.open(small, large);
  halt = new AbortController();
});
afterEach(async () => {
  halt.abort();
  await running;
  await world[Symbol.asyncDispose]();
});

function start(over: Partial<WorkerParts> = {}): Worker {
  const worker = new Worker({ ...world.parts, ...over });
  running = worker.run(halt.signal);
  return worker;
}

/** Jobs that go on until the test lets them go. */
function held(): { readonly play: Play; readonly letGo: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const story: Play['story'] = async function* ({ signal }) {
    await Promise.race([promise, gone(signal)]);
    yield completed;
  };
  return { play: { story }, letGo: resolve };
}

const accept = async (count: number, engine: string): Promise<void> => {
  for (let n = 0; n < count; n += 1) await world.accept({ engine });
};
const allEnded = () => until('all tasks have ended', async () => [...(await world.store.loads()).values()].every(({ pending, processing }) => pending + processing === 0));
/** Looks that find nothing more to do. */
const settle = async (): Promise<void> => {
  const before = world.clock.sleeps.length;
  await until('it looked again and again', () => world.clock.sleeps.length > before + 3);
};

describe('a worker', () => {
  it('never has more in work than it has hands, and gives every engine its turn', async () => {
    const { play, letGo } = held();
    await accept(6, 'small');
    await accept(6, 'large');
    for (const engine of [small, large]) engine.plays.push(...Array.from({ length: 6 }, () => play));
    const worker = start({ limits: { concurrency: 4, maxAttempts: 3, retryDelay: 1_000 } });
    await until('its hands are full', () => small.jobs.length + large.jobs.length === 4);
    await settle();
    expect([worker.busy, small.jobs.length, large.jobs.length]).toEqual([4, 2, 2]);
    letGo();
    await allEnded();
    expect(small.jobs.length + large.jobs.length).toBe(12);
  });

  it('gives what runs at an outsider no hand that others need, and says of it what somebody heard', async () => {
    const hosted = Object.assign(new ScriptedTaskEngine('hosted'), { hosted: true, look: ({ id }: { readonly id: string }) => void looked.push(id) });
    const looked: string[] = [];
    await world[Symbol.asyncDispose]();
    world = await TaskWorld.open(small, hosted);
    const { play, letGo } = held();
    hosted.plays.push(...Array.from({ length: 6 }, () => play));
    await accept(6, 'hosted');
    const worker = start({ limits: { concurrency: 1, maxAttempts: 3, retryDelay: 1_000 } });
    await until('all are there', () => hosted.jobs.length === 6);
    await accept(1, 'small');
    await until('the other is done', () => small.jobs.length === 1);
    const [one, other] = hosted.jobs;
    await until('it is watched', () => worker.look(one?.taskId ?? '') && looked.length > 0);
    expect(looked[0]).toBe(one?.id);
    expect(worker.look('nothing')).toBe(false);
    await world.store.requestLook(other?.taskId ?? '');
    await until('it heeds what another process was told', () => looked.includes(other?.id ?? ''));
    letGo();
    await allEnded();
  });

  it('leaves jobs of engines that it does not have, and says so once', async () => {
    const { id } = await world.accept({ engine: 'gone' });
    const claimed = await world.store.claim('gone', { worker: 'dead', now: world.clock.at });
    if (claimed) await world.store.change(claimed.claim, { jobId: '4711' });
    start({ gone: (workers) => Promise.resolve(workers) });
    await until('it looked for some minutes', () => world.clock.at > 300_000);
    expect(world.lines.filter(({ level }) => level === 'warn')).toMatchObject([{ fields: { jobs: '1 at gone' } }]);
    expect(await world.find(id)).toMatchObject({ status: 'processing', worker: 'dead' });
    await world.store.requestCancel(id, world.clock.at);
    await until('it has ended', async () => (await world.find(id)).status === 'cancelled');
    expect((await world.store.details(id))?.warnings).toEqual([expect.stringMatching(/Its job 4711 was not stopped/)]);
  });

  it('never gives an engine more than it can take now', async () => {
    const { play, letGo } = held();
    await accept(5, 'small');
    small.room = 2;
    small.plays.push(...Array.from({ length: 5 }, () => play));
    start();
    await until('the engine is full', () => small.jobs.length === 2);
    await settle();
    expect(small.jobs).toHaveLength(2);
    small.room = 3;
    await until('there is room for one more', () => small.jobs.length === 3);
    letGo();
    await allEnded();
  });

  it('counts what other processes have in work at an engine', async () => {
    await accept(2, 'small');
    small.room = 1;
    await world.claim('small', 'another');
    start();
    await settle();
    expect(small.jobs).toEqual([]);
  });

  it('leaves an engine alone that takes nothing, and works on for the others', async () => {
    await accept(1, 'small');
    await accept(1, 'large');
    small.room = 0;
    start();
    await until('the other one works', () => large.jobs.length === 1);
    expect(small.jobs).toEqual([]);
  });

  it('begins at once when it is told of a task', async () => {
    const never = (_: number, signal: AbortSignal): Promise<void> => gone(signal);
    const worker = start({ sleep: never });
    await accept(1, 'small');
    worker.wake();
    await until('it is in work', () => small.jobs.length === 1);
  });

  it('works on when its looks failed for a while', async () => {
    await accept(1, 'small');
    let failures = 3;
    start({ gone: () => ((failures -= 1) >= 0 ? Promise.reject(fail('INTERNAL_ERROR', 'locked.')) : Promise.resolve([])), engines: new Map([['small', small]]) });
    await allEnded();
  });
});

describe('a task of a worker', () => {
  it('that another process was asked to stop is stopped', async () => {
    await accept(1, 'small');
    small.plays.push({ story: untilStopped });
    start();
    const id = await until('it runs', () => small.jobs[0]?.taskId);
    await world.store.requestCancel(id, world.clock.at);
    await until('it is cancelled', async () => (await world.find(id)).status === 'cancelled');
  });

  it('that waits although its deadline has passed is ended', async () => {
    const { id } = await world.accept({ engine: 'small', deadlineAt: 1_500 });
    small.room = 0;
    start();
    await until('it is ended', async () => (await world.find(id)).status === 'failed');
    expect(await world.find(id)).toMatchObject({ error: { code: 'TASK_TIMEOUT' } });
    expect(small.jobs).toEqual([]);
  });

  it('is left for whoever comes next within one look of the end, however slow its engine is to let go', async () => {
    await accept(2, 'small');
    small.room = 1;
    small.plays.push({ story: async function* ({ signal }) {
      yield { kind: 'running', instance: 'a:1' };
      await gone(signal);
    } });
    const worker = start();
    await until('it runs', () => small.calls.includes('watch'));
    halt.abort();
    await running;
    expect(worker.busy).toBe(0);
    expect((await world.store.loads()).get('small')).toEqual({ pending: 1, processing: 1 });
    expect(small.jobs).toHaveLength(1);
  });
});

describe('what a process that is gone had in work', () => {
  it('is taken up: a job goes on, what had none waits again', async () => {
    await accept(2, 'small');
    const [first, second] = [await world.claim('small', 'dead'), await world.claim('small', 'dead')];
    await world.store.change(first.claim, { jobId: 'j1' });
    small.has.set('j1', {});
    start({ gone: (names) => Promise.resolve(names.filter((name) => name === 'dead')) });
    await allEnded();
    expect(await world.find(first.task.id)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(await world.find(second.task.id)).toMatchObject({ status: 'completed' });
    expect(small.jobs.map(({ taskId }) => taskId)).toEqual([second.task.id]);
  });

  it('is left alone while the process lives', async () => {
    await accept(1, 'small');
    const { task } = await world.claim('small', 'alive');
    start();
    await settle();
    expect(await world.find(task.id)).toMatchObject({ status: 'processing', worker: 'alive' });
  });
});
