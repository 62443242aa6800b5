import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containing } from '../../../tests/support/matchers.ts';
import { completed, failed, output, picture, progress, ScriptedTaskEngine, telling } from '../../../tests/support/scripted-task-engine.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import { fail } from '../../core/errors.ts';
import type { NewTask } from '../../models/task-store.ts';
import type { Template } from '../../models/template.ts';

const [draw, swap] = [new ScriptedTaskEngine('draw'), new ScriptedTaskEngine('swap')];
let world: TaskWorld;
beforeEach(async () => {
  for (const engine of [draw, swap]) Object.assign(engine, { plays: [], calls: [], jobs: [], room: 1 });
  world = await TaskWorld.open(draw, swap);
});
afterEach(() => world[Symbol.asyncDispose]());

const say: Template = { name: 'say', title: 'Say', description: '', workflow: { '1': { class_type: 'PrimitiveString', inputs: { value: '' } } }, inputs: { text: { type: 'string', targets: [{ node: '1', input: 'value' }], min_length: 3 } }, outputs: undefined };
const step = { template: undefined, workflow: { '1': { class_type: 'X', inputs: {} } }, inputs: {}, deferred: false, extraData: undefined };
const drawing = { ...step, name: 'drawing', engine: 'draw' };
const pipeline = (...steps: NewTask['plan']['steps']): Partial<NewTask> => ({ kind: 'pipeline', type: 'PORTRAIT', name: 'portrait', engine: steps[0]?.engine ?? '', plan: { inputs: {}, steps } });
const twoSteps = pipeline(drawing, { ...step, name: 'swapping', engine: 'swap' });

describe('a pipeline', () => {
  it('runs its steps in their order, each with an attempt, and tells of each output where it came from', async () => {
    const { id } = await world.accept(twoSteps);
    draw.plays.push({ outputs: [output(picture('drawn.png'))] });
    swap.plays.push({ outputs: [output(picture('swapped.png'))] });
    expect(await world.work({ engine: 'draw' })).toMatchObject({ status: 'completed', attempt: 2, progress: 1 });
    expect((await world.store.attempts(id)).map((one) => [one.step, one.engine, one.outcome])).toEqual([['drawing', 'draw', 'completed'], ['swapping', 'swap', 'completed']]);
    const { outputs, results } = (await world.store.details(id)) ?? { outputs: [], results: [] };
    expect([...results.flatMap((result) => result.outputs), ...outputs].map(({ filename, step: name }) => [filename, name])).toEqual([['drawn.png', 'drawing'], ['swapped.png', 'swapping']]);
    expect(await world.events(id)).toEqual(['queued', 'started', 'step', 'completed']);
  });

  it('fills in outputs of earlier steps when those are there', async () => {
    await world.accept(pipeline(drawing, { ...step, name: 'telling', engine: 'draw', template: say, inputs: { text: '${steps.drawing.outputs[0].filename}' }, deferred: true }));
    draw.plays.push({ outputs: [output(picture('drawn.png'))] });
    await world.work({ engine: 'draw' });
    expect(draw.jobs[1]?.workflow).toEqual({ '1': { class_type: 'PrimitiveString', inputs: { value: 'drawn.png' } } });
  });

  it('fails with the name of the step whose values are refused, and each fault', async () => {
    await world.accept(pipeline(drawing, { ...step, name: 'telling', engine: 'draw', template: say, inputs: { text: 'a', more: '${steps.drawing.outputs[0].filename}' }, deferred: true }));
    draw.plays.push({ outputs: [output(picture('drawn.png'))] });
    const { error } = await world.work({ engine: 'draw' });
    expect(error).toMatchObject({ code: 'VALIDATION_ERROR', step: 'telling', reason: containing('Step "telling"') });
    expect(error?.faults?.map(({ input }) => input)).toEqual(['inputs.more', 'inputs.text']);
  });

  it('fails with the name of the step that failed, and a retry resumes there', async () => {
    const { id } = await world.accept(twoSteps);
    swap.plays.push({ story: () => telling(failed('WORKFLOW_EXECUTION_ERROR', { again: false })) });
    expect(await world.work({ engine: 'draw' })).toMatchObject({ status: 'failed', step: 1, error: { step: 'swapping', reason: 'Step "swapping": it ended as WORKFLOW_EXECUTION_ERROR.' } });
    await world.store.requeue(id, 2_000);
    expect(await world.work({ engine: 'swap' })).toMatchObject({ status: 'completed' });
    expect([draw.jobs, swap.jobs].map((jobs) => jobs.length)).toEqual([1, 2]);
  });

  it('counts the attempts of each step by itself', async () => {
    const { id } = await world.accept(twoSteps);
    const refuse = fail('CONNECTION_ERROR', 'nobody answers.');
    draw.plays.push({ refuse }, { refuse }, {});
    swap.plays.push({ refuse }, { refuse }, {});
    for (const engine of ['draw', 'draw', 'draw', 'swap', 'swap']) world.clock.at = Math.max(world.clock.at, (await world.work({ engine })).availableAt);
    expect(await world.find(id)).toMatchObject({ status: 'completed' });
    expect((await world.store.attempts(id)).filter(({ outcome }) => outcome === 'failed')).toHaveLength(4);
  });

  it('whose next engine was removed meanwhile fails with the name of that step', async () => {
    await world.accept(pipeline(drawing, { ...step, name: 'lost', engine: 'gone' }));
    expect(await world.work({ engine: 'draw' })).toMatchObject({ status: 'failed', error: { code: 'ENGINE_NOT_REGISTERED', step: 'lost' } });
  });

  it('never goes back in its progress', async () => {
    await world.accept(twoSteps);
    draw.plays.push({ story: () => telling(progress(0.5), progress(1), completed) });
    swap.plays.push({ story: () => telling(progress(0), progress(0.5), completed) });
    await world.work({ engine: 'draw' });
    expect(world.news.map(({ data }) => [data['step'], data['progress']])).toEqual([['drawing', 0.25], ['drawing', 0.5], ['swapping', 0.5], ['swapping', 0.75]]);
  });
});

describe('a pipeline whose next step is on another engine', () => {
  it('waits for that where it is busy: nobody gets more than it can take', async () => {
    const { id } = await world.accept(twoSteps);
    const other = await world.accept({ engine: 'swap' });
    await world.claim('swap');
    expect(await world.work({ engine: 'draw' })).toMatchObject({ id, status: 'pending', engine: 'swap', step: 1, worker: undefined });
    expect(swap.jobs).toEqual([]);
    await world.store.end({ taskId: other.id, worker: 'w1', attempt: 1 }, { status: 'completed', endedAt: 2_000, error: undefined, outputs: [], warnings: [] });
    expect(await world.work({ engine: 'swap' })).toMatchObject({ id, status: 'completed' });
    expect(draw.jobs).toHaveLength(1);
  });

  it('is handed back as soon as the database takes it, although the process goes on', async () => {
    await world.accept(twoSteps);
    swap.room = 0;
    world.clock.onSleep = async () => void (world.clock.sleeps.length === 3 && (await sql`drop trigger full_disk`.execute(world.db)));
    draw.plays.push({ story: async function* () {
      await sql`create trigger full_disk before update on tasks when new.status = 'pending' begin select raise(abort, 'database or disk is full'); end`.execute(world.db);
      yield completed;
    } });
    expect(await world.work({ engine: 'draw' })).toMatchObject({ status: 'pending', engine: 'swap' });
    expect(world.clock.sleeps).toEqual([200, 400, 800]);
  });

  it('does not wait where the next step is on the same engine', async () => {
    await world.accept(pipeline(drawing, { ...drawing, name: 'again' }));
    await world.accept({ engine: 'draw' });
    expect(await world.work({ engine: 'draw' })).toMatchObject({ status: 'completed' });
  });
});
