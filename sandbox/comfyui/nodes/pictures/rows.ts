import { setImmediate as nextTurn } from 'node:timers/promises';

/** Milliseconds of uninterrupted arithmetic after which the event loop gets its turn. */
const SLICE_MS = 12;

/** Calls `work` for 0..count-1 in order and yields to the event loop now and then. */
export const everyRow = async (count: number, work: (row: number) => void): Promise<void> => {
  let since = performance.now();
  for (let row = 0; row < count; row++) {
    work(row);
    if (performance.now() - since < SLICE_MS) continue;
    await nextTurn();
    since = performance.now();
  }
};
