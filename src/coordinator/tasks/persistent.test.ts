import { describe, expect, it } from 'vitest';
import { memoryLog } from '../../../tests/support/http-app.ts';
import { SleepingClock } from '../../../tests/support/task-world.ts';
import { fail } from '../../core/errors.ts';
import { persistently } from './persistent.ts';

const refused = (): Error => fail('INTERNAL_ERROR', 'database or disk is full.');
const forEver = new AbortController().signal;

describe('writing until the database takes it', () => {
  it('tries again after longer and longer pauses, and says so once', async () => {
    const [clock, { log, lines }] = [new SleepingClock(), memoryLog()];
    let tries = 0;
    expect(await persistently(() => ((tries += 1) < 8 ? Promise.reject(refused()) : Promise.resolve('written')), { log, sleep: clock.sleep }, forEver)).toBe('written');
    expect(clock.sleeps).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(lines.map(({ level }) => level)).toEqual(['error']);
  });

  it('goes on for hours', async () => {
    const [clock, { log }] = [new SleepingClock(), memoryLog()];
    await persistently(() => (clock.sleeps.length < 2_000 ? Promise.reject(refused()) : Promise.resolve()), { log, sleep: clock.sleep }, forEver);
    expect(clock.sleeps.at(-1)).toBe(5_000);
  });

  it('does not repeat what is no failure of the database', async () => {
    const [clock, { log }] = [new SleepingClock(), memoryLog()];
    await expect(persistently(() => Promise.reject(fail('TASK_NOT_FOUND', 'x')), { log, sleep: clock.sleep }, forEver)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    await expect(persistently(() => Promise.reject(new TypeError('mistake')), { log, sleep: clock.sleep }, forEver)).rejects.toThrow('mistake');
    expect(clock.sleeps).toEqual([]);
  });

  it('tries once when the process ends, and gives up with the reason', async () => {
    const [clock, { log }] = [new SleepingClock(), memoryLog()];
    const ended = AbortSignal.abort(new TypeError('the process ends'));
    expect(await persistently(() => Promise.resolve('written'), { log, sleep: clock.sleep }, ended)).toBe('written');
    await expect(persistently(() => Promise.reject(refused()), { log, sleep: clock.sleep }, ended)).rejects.toThrow('the process ends');
  });
});
