import { beforeEach, expect, test } from 'vitest';
import { memoryLog, type Line } from '../../tests/support/http-app.ts';
import { fail } from '../core/errors.ts';
import type { PromptRecord } from '../models/records.ts';
import { Adoption } from './adoption.ts';

const promptOf = (promptId: string, process: string): PromptRecord => ({
  promptId, process, key: 'ann', clientId: 'c', instance: 'one', state: 'submitted', createdAt: 1,
  startedAt: undefined, endedAt: undefined, stopRequestedAt: undefined, acceptedAt: undefined, unansweredAt: undefined, taskId: undefined, detail: undefined,
});

let inWork: Map<string, PromptRecord[]>;
let gone: string[];
let deeds: string[];
let lines: Line[];
let wakes: (() => void)[];
let adoption: Adoption;

beforeEach(() => {
  const memory = memoryLog();
  [inWork, gone, deeds, lines, wakes] = [new Map(), [], [], memory.lines, []];
  adoption = new Adoption({
    processes: {
      inherited: (names) => Promise.resolve(names.filter((name) => gone.includes(name))),
      tidy: (names) => Promise.resolve(void deeds.push(`tidy ${names.join()}`)),
    },
    live: {
      processes: () => Promise.resolve([...inWork.keys()]),
      adopt: (names) => Promise.resolve(names.flatMap((name) => {
        if (name === 'broken') throw fail('INTERNAL_ERROR', 'the database is locked.');
        deeds.push(`adopt ${name}`);
        return inWork.get(name) ?? [];
      })),
    },
    workflows: { adoptUnanswered: (prompts) => void (prompts.length > 0 && deeds.push(`look for ${prompts.map((one) => one.promptId).join()}`)) },
    log: memory.log,
    sleep: (_ms, signal) => new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
      wakes.push(resolve);
    }),
  });
});

test('takes up what processes left that are gone, and looks for what was on its way', async () => {
  inWork.set('living', [promptOf('theirs', 'living')]).set('dead', [promptOf('left', 'dead')]);
  gone = ['dead'];
  await adoption.once();
  expect(deeds).toEqual(['adopt dead', 'look for left', 'tidy living,dead']);
  expect(lines).toMatchObject([{ level: 'info', fields: { prompts: 1 } }]);
});

test('touches nothing while everybody lives', async () => {
  inWork.set('living', [promptOf('theirs', 'living')]);
  await adoption.once();
  expect([deeds, lines]).toEqual([['tidy living'], []]);
});

test('looks again and again until it ends, also after a look that failed', async () => {
  const end = new AbortController();
  const run = adoption.run(end.signal);
  inWork.set('broken', []);
  gone = ['broken', 'dead'];
  wakes.shift()?.();
  await expect.poll(() => lines.map((line) => line.level)).toEqual(['warn']);
  inWork.delete('broken');
  inWork.set('dead', [promptOf('left', 'dead')]);
  await expect.poll(() => wakes.length).toBe(1);
  wakes.shift()?.();
  await expect.poll(() => deeds).toEqual(['adopt dead', 'look for left', 'tidy dead']);
  end.abort();
  await run;
});
