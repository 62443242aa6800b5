import { describe, expect, it } from 'vitest';
import { memoryLog } from '../../../tests/support/http-app.ts';
import { gone } from '../../../tests/support/scripted-task-engine.ts';
import { until } from '../../../tests/support/until.ts';
import { fail } from '../../core/errors.ts';
import type { HubProgress } from '../../models/runninghub.ts';
import type { PromptProgress } from '../../models/prompt-state.ts';
import { Bell } from './runninghub-bell.ts';
import { Listening, overallOf } from './runninghub-listening.ts';

/** Sockets that say what they are told to, one after the other; after the last they are silent until nobody listens. */
function world(...sockets: readonly (readonly HubProgress[] | Error)[]) {
  const left = [...sockets];
  const seen: AbortSignal[] = [];
  const { log, lines } = memoryLog();
  const progress = async function* (_id: string, signal: AbortSignal): AsyncGenerator<HubProgress, void> {
    seen.push(signal);
    const next = left.shift();
    if (next instanceof Error) throw next;
    yield* next ?? [];
    if (!next) await gone(signal);
  };
  const bell = new Bell();
  const told: PromptProgress[] = [];
  bell.tell = (one) => void told.push(one);
  return { seen, told, lines, listening: new Listening('4711', { parts: { api: { progress }, log }, bell, nodes: () => Promise.resolve(4) }) };
}

const step: HubProgress = { node: '3', done: 1, value: 5, max: 10 };

describe('listening to the progress of a job', () => {
  it('tells the share of the graph, node and step', async () => {
    const { told, listening } = world([step, { node: '9', done: 2, value: undefined, max: undefined }]);
    listening.begin();
    await until('both are told', () => told.length === 2);
    expect(told).toEqual([{ node: '3', value: 5, max: 10, overall: 0.375 }, { node: '9', overall: 0.5 }]);
  });

  it('opens a socket that ended or failed again, three times in all, and never two at once', async () => {
    const { seen, lines, listening } = world([step], fail('CONNECTION_ERROR', 'it does not open.'));
    for (let n = 1; n <= 3; n += 1) {
      listening.begin();
      listening.begin();
      await until(`socket ${n} is open`, () => seen.length === n);
      await new Promise(setImmediate);
    }
    listening.begin();
    await new Promise(setImmediate);
    expect(seen).toHaveLength(3);
    expect(lines.filter(({ level }) => level === 'debug')).toMatchObject([{ fields: { reason: 'it does not open.' } }]);
    listening.end();
    expect(seen[2]?.aborted).toBe(true);
  });
});

describe('the share of a graph', () => {
  it.each([
    [{ ...step, done: 3 }, 4, 0.875],
    [{ ...step, done: 9 }, 4, 1],
    [{ ...step, value: 50 }, 4, 0.5],
    [{ ...step, max: 0 }, 4, 0.25],
    [step, undefined, 0],
    [step, 0, 0],
  ])('%j of %s nodes is %d', (progress, nodes, overall) => {
    expect(overallOf(progress, nodes)).toBe(overall);
  });
});
