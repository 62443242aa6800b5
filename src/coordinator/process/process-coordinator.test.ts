import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProcessRecord } from '../../models/process.ts';
import { openRecords } from '../../molecules/records/open.ts';
import { SqlProcessRecords } from '../../molecules/records/process-records.ts';
import type { Records } from '../../molecules/records/schema.ts';
import { ProcessCoordinator } from './process-coordinator.ts';

const START = 1_000_000;
let db: Records;
let now: number;
/** Process ids on the host `here`. */
let living: Set<number>;
let lines: string[];
/** Ends the wait until the next beat. */
let wakes: (() => void)[];

beforeEach(async () => {
  db = await openRecords(':memory:', AbortSignal.timeout(10_000));
  [now, living, lines, wakes] = [START, new Set([1, 2]), [], []];
});
afterEach(() => db.destroy());

const records = (): SqlProcessRecords => new SqlProcessRecords(db);
const other = (over: Partial<ProcessRecord> = {}): ProcessRecord => ({ id: 'other', role: 'all', host: 'here', pid: 2, seenAt: now, ...over });

function processes(self: Partial<ProcessRecord> = {}): ProcessCoordinator {
  const sleep = (_ms: number, signal: AbortSignal): Promise<void> => new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
    wakes.push(resolve);
  });
  const log = { warn: (message: string): void => void lines.push(message) };
  const { seenAt: _, ...me } = other({ id: 'me', pid: 1, ...self });
  return new ProcessCoordinator({ records: records(), self: me, alive: (pid) => living.has(pid), now: () => now, sleep, log });
}

describe('a process', () => {
  test('is there from its beginning, says every two seconds that it lives, and leaves', async () => {
    const end = new AbortController();
    const me = processes();
    await me.begin();
    expect(await records().all()).toEqual([other({ id: 'me', pid: 1 })]);
    const run = me.run(end.signal);
    now += 2_000;
    wakes.shift()?.();
    await expect.poll(() => wakes.length).toBe(1);
    expect((await records().all()).map((one) => one.seenAt)).toEqual([START + 2_000]);
    end.abort();
    await run;
    await me.end();
    expect(await processes({ id: 'heir', pid: 2 }).gone(['me'])).toEqual(['me']);
  });

  test('goes on when the database does not take its word once', async () => {
    const end = new AbortController();
    const run = processes().run(end.signal);
    await db.schema.alterTable('processes').renameTo('away').execute();
    wakes.shift()?.();
    await expect.poll(() => wakes.length).toBe(1);
    await db.schema.alterTable('away').renameTo('processes').execute();
    wakes.shift()?.();
    await expect.poll(() => wakes.length).toBe(1);
    expect([lines.length, (await records().all()).length]).toEqual([1, 1]);
    end.abort();
    await run;
  });

  test('knows the others that live', async () => {
    for (const one of [other(), other({ id: 'dead', pid: 9 }), other({ id: 'far', host: 'there', pid: 9 })]) await records().beat(one);
    const me = processes();
    await me.begin();
    expect((await me.others()).map((one) => one.id)).toEqual(['far', 'other']);
  });
});

describe('of processes that something belongs to', () => {
  test.each([
    ['oneself', 'me', undefined, false],
    ['one that nobody knows', 'unknown', undefined, true],
    ['those of earlier versions, which had no name', '', undefined, true],
    ['one that lives', 'other', {}, false],
    ['one of this host whose process is there no more', 'other', { pid: 9 }, true],
    ['one of this host that had our own process id', 'other', { pid: 1 }, true],
    ['one of another host, whatever process id it has', 'other', { host: 'there', pid: 9 }, false],
    ['one that was seen a moment less than 15 seconds ago', 'other', { host: 'there', seenAt: START - 14_999 }, false],
    ['one that was not seen for 15 seconds', 'other', { host: 'there', seenAt: START - 15_000 }, true],
    ['one of this host that stands still for 15 seconds', 'other', { seenAt: START - 15_000 }, true],
  ] as const)('%s: gone?', async (_, name, registered, gone) => {
    const me = processes();
    await me.begin();
    if (registered) await records().beat(other(registered));
    expect(await me.gone([name])).toEqual(gone ? [name] : []);
  });

  test.each([
    ['api', 'api', true],
    ['api', 'worker', false],
    ['worker', 'api', false],
    ['worker', 'worker', true],
    ['all', 'worker', true],
    ['all', 'api', true],
    ['api', 'all', true],
    ['worker', 'all', true],
  ] as const)('a process that is "%s" looks after prompts of one that was "%s": %s', async (role, theirs, inherits) => {
    const me = processes({ role });
    await records().beat(other({ role: theirs, pid: 9 }));
    await records().leave('other');
    expect(await me.inherited(['other', 'unknown', ''])).toEqual(inherits ? ['other', 'unknown', ''] : ['unknown', '']);
    expect(await me.gone(['other'])).toEqual(['other']);
  });

  test('those that are gone are forgotten once nothing belongs to them, and nobody else', async () => {
    for (const one of [other(), other({ id: 'dead', pid: 9 }), other({ id: 'heavy', pid: 9 })]) await records().beat(one);
    const me = processes();
    await me.begin();
    await me.tidy(['heavy', '']);
    expect((await records().all()).map((one) => one.id)).toEqual(['heavy', 'me', 'other']);
    await me.tidy([]);
    expect((await records().all()).map((one) => one.id)).toEqual(['me', 'other']);
  });
});
