import { Readable } from 'node:stream';
import sharp from 'sharp';
import { describe, expect, it, test } from 'vitest';
import { png } from '../../../tests/support/picture.ts';
import { until } from '../../../tests/support/until.ts';
import { Converter, wanted } from './conversion.ts';
import { Turns } from './turns.ts';

const never = new AbortController().signal;
const asIs = { format: undefined, quality: undefined, width: undefined, height: undefined } as const;

describe('turns', () => {
  it('run a few at a time, in order, and hold everybody beyond the line off', async () => {
    const turns = new Turns({ atOnce: 2, waiting: 3 });
    const gates = Array.from({ length: 5 }, () => Promise.withResolvers<undefined>());
    const begun: number[] = [];
    const running = gates.map((gate, n) => turns.take(async () => { begun.push(n); await gate.promise; return n; }, never));
    await expect(turns.take(async () => 0, never)).rejects.toMatchObject({ code: 'QUEUE_FULL', retryAfter: 2 });
    expect(begun).toEqual([0, 1]);
    gates[1]?.resolve(undefined);
    await running[1];
    await until('the next one begins', () => begun.length === 3);
    expect(begun).toEqual([0, 1, 2]);
    for (const gate of gates) gate.resolve(undefined);
    expect(await Promise.all(running)).toEqual([0, 1, 2, 3, 4]);
    expect(await turns.take(async () => 'free', never)).toBe('free');
  });

  it('are given back by whoever fails', async () => {
    const turns = new Turns({ atOnce: 1, waiting: 1 });
    for (let n = 0; n < 3; n += 1) await expect(turns.take(async () => { throw new TypeError('x'); }, never)).rejects.toThrow('x');
    expect(await turns.take(async () => 1, never)).toBe(1);
  });

  it('are not waited for by those who hung up: they leave the line at once', async () => {
    const turns = new Turns({ atOnce: 1, waiting: 1 });
    const gate = Promise.withResolvers<undefined>();
    const first = turns.take(() => gate.promise, never);
    const stop = new AbortController();
    let ran = false;
    const second = turns.take(async () => { ran = true; }, stop.signal);
    await expect(turns.take(async () => 0, never)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    stop.abort(new TypeError('hung up'));
    await expect(second).rejects.toThrow('hung up');
    const third = turns.take(async () => 3, never);
    gate.resolve(undefined);
    await first;
    expect([await third, ran]).toEqual([3, false]);
    await expect(turns.take(async () => 0, AbortSignal.abort(new TypeError('before')))).rejects.toThrow('before');
  });
});

describe('a converter', () => {
  it('opens a picture only when its turn has come', async () => {
    const converter = new Converter({ atOnce: 1, waiting: 5 });
    const picture = await png();
    const gate = Promise.withResolvers<Readable>();
    let opened = 0;
    const first = converter.convert(() => gate.promise, { ...asIs, format: 'webp' }, never);
    const second = converter.convert(async () => { opened += 1; return Readable.from([picture]); }, { ...asIs, format: 'jpeg' }, never);
    await new Promise((resolve) => setImmediate(resolve));
    expect(opened).toBe(0);
    gate.resolve(Readable.from([picture]));
    expect((await first).contentType).toBe('image/webp');
    expect((await sharp((await second).bytes).metadata()).format).toBe('jpeg');
  });

  test.each([[asIs, false], [{ ...asIs, quality: 5 }, true], [{ ...asIs, width: 5 }, true], [{ ...asIs, height: 5 }, true], [{ ...asIs, format: 'png' as const }, true]])('is wanted for %j: %j', (conversion, expected) => {
    expect(wanted(conversion)).toBe(expected);
  });
});
