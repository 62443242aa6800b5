import { beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../constants/limits.ts';
import { UnwrittenEndings } from './unwritten.ts';

let waits: { readonly ms: number; readonly over: () => void }[];
let lines: string[];
let written: string[];
let full: boolean;
let end: AbortController;
let endings: UnwrittenEndings;

beforeEach(() => {
  [waits, lines, written, full, end] = [[], [], [], true, new AbortController()];
  const write = (level: string) => (message: string): void => void lines.push(`${level}: ${message}`);
  const logger = { error: write('error'), warn: write('warn'), info: write('info'), http: write('http'), debug: write('debug') };
  const sleep = (ms: number, signal: AbortSignal): Promise<void> => new Promise((resolve, reject) => {
    const aborted = (): void => reject(new DOMException('aborted', 'AbortError'));
    if (signal.aborted) return aborted();
    signal.addEventListener('abort', aborted);
    waits.push({ ms, over: resolve });
  });
  endings = new UnwrittenEndings({ log: { client: logger, tasks: logger }, sleep });
});

const hold = (promptId: string, bytes = 1): boolean =>
  endings.hold({ promptId, bytes, write: () => (full ? Promise.reject(new RangeError('full')) : Promise.resolve(void written.push(promptId))) }, new RangeError('full'));
/** The present wait goes by, and what follows it happens. */
async function wait(): Promise<void> {
  waits.at(-1)?.over();
  await new Promise((resolve) => setImmediate(resolve));
}

describe('endings that could not be written', () => {
  test('are written when the database takes them, each once, in the order in which they came', async () => {
    expect([hold('a'), hold('b'), hold('a')]).toEqual([true, true, true]);
    const run = endings.run(end.signal);
    await wait();
    expect([endings.has('a'), endings.has('b')]).toEqual([true, true]);
    full = false;
    await wait();
    expect(written.toSorted()).toEqual(['a', 'b']);
    expect([endings.has('a'), endings.has('b')]).toEqual([false, false]);
    end.abort();
    await run;
  });

  test('are tried less and less often, every two seconds at last, and soon again after a success', async () => {
    hold('a');
    const run = endings.run(end.signal);
    for (let n = 0; n < 5; n += 1) await wait();
    expect(waits.map(({ ms }) => ms)).toEqual([250, 500, 1_000, 2_000, 2_000, 2_000]);
    full = false;
    await wait();
    hold('b');
    await wait();
    expect(waits.at(-1)?.ms).toBe(250);
    end.abort();
    await run;
  });

  test('do not keep those behind them waiting when one alone is refused', async () => {
    endings.hold({ promptId: 'refused', bytes: 1, write: () => Promise.reject(new RangeError('never')) }, new RangeError('never'));
    full = false;
    hold('b');
    const run = endings.run(end.signal);
    await wait();
    await wait();
    expect([written, endings.has('refused')]).toEqual([['b'], true]);
    end.abort();
    await run;
  });

  test('are an error in the log once, until all are written', async () => {
    hold('a');
    hold('b');
    const run = endings.run(end.signal);
    await wait();
    full = false;
    await wait();
    expect(lines.filter((line) => !line.startsWith('debug'))).toEqual([
      'error: endings of prompts cannot be written and are held back until they can',
      'info: the endings that were held back are written',
    ]);
    end.abort();
    await run;
  });

  test('are held as far as there is room for them; the rest has to be found again', () => {
    expect([hold('a', limits.unwrittenBytes), hold('b', 1), hold('c', 0)]).toEqual([true, false, true]);
    expect([endings.has('a'), endings.has('b'), endings.has('c')]).toEqual([true, false, true]);
  });

  test('that come while none waits are waited for, and the signal ends that', async () => {
    const run = endings.run(end.signal);
    await wait();
    expect(waits).toEqual([]);
    hold('a');
    await new Promise((resolve) => setImmediate(resolve));
    expect(waits.map(({ ms }) => ms)).toEqual([250]);
    full = false;
    await wait();
    end.abort();
    await run;
    expect(written).toEqual(['a']);
  });
});
