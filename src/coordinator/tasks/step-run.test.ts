import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { completed, output, picture, telling } from '../../../tests/support/scripted-task-engine.ts';
import { TaskWorld } from '../../../tests/support/task-world.ts';
import type { EngineEvent } from '../../models/engine.ts';
import type { NewTask } from '../../models/task-store.ts';
import type { Template } from '../../models/template.ts';

let world: TaskWorld;
beforeEach(async () => {
  world = await TaskWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

const template: Template = { name: 'draw', title: '', description: '', workflow: { '1': { class_type: 'X', inputs: {} } }, inputs: { seed: { type: 'integer', default: 'random', targets: [{ node: '1', input: 'seed' }] } }, outputs: ['9'] };
const step = { name: '', engine: 'comfyui', workflow: undefined, inputs: {}, deferred: false, extraData: undefined };
const drawing = (over: Partial<Template> = {}): Partial<NewTask> => ({ plan: { inputs: {}, steps: [{ ...step, template: { ...template, ...over }, inputs: { seed: 7 } }] } });
const made = (...names: [string, string][]): EngineEvent => ({ kind: 'output', files: names.map(([name, node]) => picture(name, node)) });

describe('a step', () => {
  it('hands the graph over with its values, and notes when what happened', async () => {
    const { id } = await world.accept(drawing());
    world.engine.plays.push({ onSubmit: () => void (world.clock.at = 3_000), story: async function* () {
      world.clock.at = 4_000;
      yield completed;
    } });
    expect(await world.work()).toMatchObject({ startedAt: 1_000, inputsFetchedAt: 1_000, executedAt: 4_000, storedAt: 4_000, endedAt: 4_000 });
    expect(world.engine.jobs).toMatchObject([{ taskId: id, caller: { key: 'ann', admin: false }, clientId: 'client', workflow: { '1': { inputs: { seed: 7 } } }, avoid: [] }]);
    expect(await world.store.attempts(id)).toMatchObject([{ outcome: 'completed', instance: 'a:1', job_id: world.engine.jobs[0]?.id }]);
  });

  it('tells outputs as they come and at the end, but only those of nodes that count', async () => {
    const { id } = await world.accept(drawing());
    world.engine.plays.push({ story: () => telling(made(['a.png', '9'], ['mask.png', '8']), made(['preview.png', '7']), made(['b.png', '9']), completed), outputs: [output(picture('a.png')), output(picture('mask.png', '8'))] });
    await world.work();
    const events = await world.store.events(id, 0, 100);
    const named = ({ data }: (typeof events)[number]) => (data['outputs'] as { filename: string }[]).map(({ filename }) => filename);
    expect(events.filter(({ event }) => event === 'output').map(named)).toEqual([['a.png'], ['a.png', 'b.png']]);
    expect((await world.store.details(id))?.outputs.map(({ filename }) => filename)).toEqual(['a.png']);
  });

  it('counts all nodes where its template names none', async () => {
    const { id } = await world.accept(drawing({ outputs: undefined }));
    world.engine.plays.push({ outputs: [output(picture('a.png')), output(picture('mask.png', '8'))] });
    await world.work();
    expect((await world.store.details(id))?.outputs).toHaveLength(2);
  });

  it('keeps what had come so far where it fails afterwards', async () => {
    const { id } = await world.accept(drawing());
    world.engine.plays.push({ story: () => telling(made(['a.png', '9']), { kind: 'failed', instance: 'a:1', again: false, error: { code: 'WORKFLOW_EXECUTION_ERROR', reason: 'raised' } }) });
    expect((await world.work()).status).toBe('failed');
    expect((await world.store.details(id))?.outputs.map(({ filename }) => filename)).toEqual(['a.png']);
  });

  it('keeps the warnings of its hand-over', async () => {
    const { id } = await world.accept(drawing());
    world.engine.plays.push({ warnings: ['node 5 is left out'] });
    await world.work();
    expect((await world.store.details(id))?.warnings).toEqual(['node 5 is left out']);
  });

  it('fails where its engine tells of no ending', async () => {
    await world.accept(drawing());
    world.engine.plays.push({ story: () => telling() });
    expect(await world.work()).toMatchObject({ status: 'pending' });
  });

  it('draws the same random numbers at every attempt, where they are drawn late', async () => {
    const deferred = { ...step, template, inputs: {}, deferred: true };
    await world.accept({ plan: { inputs: {}, steps: [deferred] } });
    world.engine.plays.push({ story: () => telling({ kind: 'failed', instance: 'a:1', again: true, error: { code: 'PROMPT_LOST', reason: 'gone' } }) });
    world.clock.at = (await world.work()).availableAt;
    await world.work();
    const [first, second] = world.engine.jobs.map(({ workflow }) => workflow);
    expect(first).toEqual(second);
    expect(JSON.stringify(first)).toMatch(/"seed":\d+/);
  });
});
