import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type PromptEvent, promptEventTypes } from '../../models/upstream-event.ts';
import { advance, newRun, progressOf, statesToTell } from './progress.ts';

const event = (type: PromptEvent['type'], data: Record<string, unknown> = {}): PromptEvent => ({ kind: 'prompt', type, promptId: 'p', data });
const classes = new Map([['1', 'EmptyImage'], ['2', 'KSampler'], ['3', 'SaveImage'], ['4', 'PreviewImage']]);

const Frame = z.object({ type: z.enum(promptEventTypes), data: z.looseObject({ prompt_id: z.string() }) });

/** The recorded events of every prompt, as each socket heard them. */
function recordedRuns(): Map<string, PromptEvent[]> {
  const folder = new URL('../../../tests/fixtures/comfyui/ws/', import.meta.url);
  const runs = new Map<string, PromptEvent[]>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('.jsonl'))) {
    for (const line of readFileSync(new URL(name, folder), 'utf8').trim().split('\n')) {
      const { text, conn } = z.looseObject({ text: z.string().catch(''), conn: z.string().catch('') }).parse(JSON.parse(line));
      const frame = Frame.safeParse(text.startsWith('{') && !text.includes('NaN') ? JSON.parse(text) : undefined).data;
      if (!frame) continue;
      const key = `${name} ${conn} ${frame.data.prompt_id}`;
      runs.set(key, [...(runs.get(key) ?? []), { kind: 'prompt', type: frame.type, promptId: frame.data.prompt_id, data: frame.data }]);
    }
  }
  return runs;
}

describe('the progress of a run', () => {
  test('never goes back and never passes 1, in any recorded run', () => {
    const runs = recordedRuns();
    expect(runs.size).toBeGreaterThan(40);
    for (const events of runs.values()) {
      const run = newRun(classes);
      let before = 0;
      for (const one of events) {
        advance(run, one);
        expect(run.overall).toBeGreaterThanOrEqual(before);
        expect(run.overall).toBeLessThanOrEqual(1);
        before = run.overall;
      }
      expect(before === 1).toBe(events.some((one) => one.type === 'execution_success'));
    }
  });

  test('counts cached nodes, finished nodes and the part of the one that runs', () => {
    const run = newRun(classes);
    advance(run, event('execution_cached', { nodes: ['1'] }));
    expect(run.overall).toBe(0.25);
    advance(run, event('executing', { node: '2' }));
    advance(run, event('progress', { node: '2', value: 5, max: 10 }));
    expect(progressOf(run)).toEqual({ node: '2', class_type: 'KSampler', value: 5, max: 10, overall: 0.375 });
    advance(run, event('executing', { node: '3' }));
    expect(progressOf(run)).toEqual({ node: '3', class_type: 'SaveImage', overall: 0.5 });
    advance(run, event('executed', { node: '3' }));
    expect(run.overall).toBe(0.75);
  });

  test('does not go back when a node begins to count anew', () => {
    const run = newRun(classes);
    advance(run, event('executing', { node: '2' }));
    advance(run, event('progress', { node: '2', value: 9, max: 10 }));
    advance(run, event('progress', { node: '2', value: 1, max: 10 }));
    expect(progressOf(run)).toMatchObject({ value: 1, overall: 0.225 });
  });

  test('stays below 1 until the run has succeeded', () => {
    const run = newRun(classes);
    advance(run, event('execution_cached', { nodes: ['1', '2', '3', '4'] }));
    expect(run.overall).toBe(0.999);
    advance(run, event('execution_success'));
    expect(run.overall).toBe(1);
  });

  test('reads finished nodes of a whole state, and leaves out nodes that the graph does not have', () => {
    const run = newRun(classes);
    advance(run, event('progress_state', { nodes: { '1': { state: 'finished' }, '2': { state: 'running' }, '2.0.0.1': { state: 'finished' } } }));
    expect(run.overall).toBe(0.25);
  });

  test.each([
    ['a step without numbers', event('progress', { node: '2', value: 'many', max: null })],
    ['a maximum of zero', event('progress', { node: '2', value: 3, max: 0 })],
    ['a value beyond its maximum', event('progress', { node: '2', value: 30, max: 10 })],
    ['states that are none', event('progress_state', { nodes: [null, 1, 'x'] })],
    ['cached nodes that are no list', event('execution_cached', { nodes: 'all' })],
  ])('survives %s', (_what, odd) => {
    const run = newRun(classes);
    advance(run, odd);
    expect(run.overall).toBeGreaterThanOrEqual(0);
    expect(run.overall).toBeLessThan(1);
  });

  test('of a graph that is not known is 0 until the end', () => {
    const run = newRun(new Map());
    advance(run, event('executing', { node: '2' }));
    advance(run, event('progress', { node: '2', value: 9, max: 10 }));
    expect(run.overall).toBe(0);
  });
});

describe('the states of nodes', () => {
  const finished = (...ids: string[]) => Object.fromEntries(ids.map((id) => [id, { state: 'finished', value: 1, max: 1 }]));
  const running = (value: number) => ({ k: { state: 'running', value, max: 20 } });

  test('are told whole when a node has finished, and at a step only of those that have not', () => {
    const run = newRun(classes);
    expect(statesToTell(run, running(0))).toEqual({ nodes: running(0), whole: false });
    expect(statesToTell(run, { ...finished('a', 'b'), ...running(1) })).toEqual({ nodes: { ...finished('a', 'b'), ...running(1) }, whole: true });
    expect(statesToTell(run, { ...finished('a', 'b'), ...running(2) })).toEqual({ nodes: running(2), whole: false });
    expect(statesToTell(run, finished('a', 'b', 'k'))).toEqual({ nodes: finished('a', 'b', 'k'), whole: true });
    expect(statesToTell(run, finished('a', 'b', 'k'))).toEqual({ nodes: {}, whole: false });
  });

  test('do not grow with the graph at every step', () => {
    const run = newRun(classes);
    const before = finished(...Array.from({ length: 500 }, (_, n) => `n${n}`));
    statesToTell(run, { ...before, ...running(0) });
    const bytes = Array.from({ length: 20 }, (_, n) => JSON.stringify(statesToTell(run, { ...before, ...running(n) }).nodes).length);
    expect(Math.max(...bytes)).toBeLessThan(100);
  });

  test('of a recorded run, put together by node, are those of ComfyUI', () => {
    for (const events of recordedRuns().values()) {
      let run = newRun(classes);
      let told: Record<string, unknown> = {};
      for (const { type, data } of events) {
        if (type === 'execution_start') [run, told] = [newRun(classes), {}];
        if (type !== 'progress_state') continue;
        Object.assign(told, statesToTell(run, data['nodes']).nodes);
        expect(told).toEqual(data['nodes']);
      }
    }
  });

  test('of a shape that nobody knows pass as they are', () => {
    for (const nodes of [undefined, null, 3, 'x', [1]]) expect(statesToTell(newRun(classes), nodes)).toEqual({ nodes, whole: true });
  });
});
