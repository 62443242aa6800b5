import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { png } from '../../../tests/support/picture.ts';
import { poured } from '../../../tests/support/poured.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../tests/support/temporary-folder.ts';
import { until } from '../../../tests/support/until.ts';
import type { FileBody } from '../../models/file.ts';
import { Converter, wanted } from './conversion.ts';
import { Held } from './held.ts';
import { Turns } from './turns.ts';

const never = new AbortController().signal;
const asIs = { format: undefined, quality: undefined, width: undefined, height: undefined } as const;
const bounds = { atOnce: 2, perKey: 2, waiting: 3, waitingPerKey: 3, bytes: 1_000_000, bytesPerKey: 1_000_000 };

describe('turns', () => {
  it('run a few at a time, in order, and hold everybody beyond the line off', async () => {
    const turns = new Turns(bounds);
    const gates = Array.from({ length: 5 }, () => Promise.withResolvers<undefined>());
    const begun: number[] = [];
    const running = gates.map((gate, n) => turns.take('ann', async () => { begun.push(n); await gate.promise; return n; }, never));
    await expect(turns.take('bob', async () => 0, never)).rejects.toMatchObject({ code: 'QUEUE_FULL', status: 503, retryAfter: 2 });
    expect(begun).toEqual([0, 1]);
    gates[1]?.resolve(undefined);
    await running[1];
    await until('the next one begins', () => begun.length === 3);
    expect(begun).toEqual([0, 1, 2]);
    for (const gate of gates) gate.resolve(undefined);
    expect(await Promise.all(running)).toEqual([0, 1, 2, 3, 4]);
    expect(await turns.take('ann', async () => 'free', never)).toBe('free');
  });

  it('of one key are never all there are: another key overtakes those who wait', async () => {
    const turns = new Turns({ atOnce: 2, perKey: 1, waiting: 10, waitingPerKey: 3 });
    const gates = { ann: Promise.withResolvers<undefined>(), bob: Promise.withResolvers<undefined>() };
    const begun: string[] = [];
    const take = (key: 'ann' | 'bob', name: string): Promise<void> => turns.take(key, async () => { begun.push(name); await gates[key].promise; }, never);
    const running = ['ann 1', 'ann 2', 'ann 3', 'ann 4'].map((name) => take('ann', name));
    await expect(take('ann', 'ann 5')).rejects.toMatchObject({ code: 'QUEUE_FULL', status: 429, retryAfter: 2 });
    running.push(take('bob', 'bob 1'), take('bob', 'bob 2'));
    await until('one of each runs', () => begun.length === 2);
    expect(begun).toEqual(['ann 1', 'bob 1']);
    gates.bob.resolve(undefined);
    await until('both of bob ran', () => begun.length === 3);
    expect(begun).toEqual(['ann 1', 'bob 1', 'bob 2']);
    gates.ann.resolve(undefined);
    await Promise.all(running);
    expect(begun.slice(3)).toEqual(['ann 2', 'ann 3', 'ann 4']);
  });

  it('are given back by whoever fails', async () => {
    const turns = new Turns({ ...bounds, atOnce: 1 });
    for (let n = 0; n < 3; n += 1) await expect(turns.take('ann', async () => { throw new TypeError('x'); }, never)).rejects.toThrow('x');
    expect(await turns.take('ann', async () => 1, never)).toBe(1);
  });

  it('are not waited for by those who hung up: they leave the line at once', async () => {
    const turns = new Turns({ ...bounds, atOnce: 1, waiting: 1 });
    const gate = Promise.withResolvers<undefined>();
    const first = turns.take('ann', () => gate.promise, never);
    const stop = new AbortController();
    let ran = false;
    const second = turns.take('ann', async () => { ran = true; }, stop.signal);
    await expect(turns.take('ann', async () => 0, never)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    stop.abort(new TypeError('hung up'));
    await expect(second).rejects.toThrow('hung up');
    const third = turns.take('ann', async () => 3, never);
    gate.resolve(undefined);
    await first;
    expect([await third, ran]).toEqual([3, false]);
    await expect(turns.take('ann', async () => 0, AbortSignal.abort(new TypeError('before')))).rejects.toThrow('before');
  });

  it('of those who hung up while theirs ran are over for them at once, and taken until it has ended', async () => {
    const turns = new Turns({ ...bounds, atOnce: 1 });
    const gate = Promise.withResolvers<undefined>();
    const stop = new AbortController();
    const abandoned = turns.take('ann', () => gate.promise, stop.signal);
    stop.abort(new TypeError('hung up'));
    await expect(abandoned).rejects.toThrow('hung up');
    let ran = false;
    const next = turns.take('bob', async () => { ran = true; }, never);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ran).toBe(false);
    gate.resolve(undefined);
    await next;
    expect(ran).toBe(true);
  });

  it('that come in the moment in which their caller hangs up are given on', async () => {
    const turns = new Turns({ ...bounds, atOnce: 1 });
    const gate = Promise.withResolvers<undefined>();
    const stop = new AbortController();
    const first = turns.take('ann', () => gate.promise, never).then(() => stop.abort(new TypeError('hung up')));
    const second = turns.take('ann', async () => 2, stop.signal).catch(() => 'gone');
    const third = turns.take('ann', async () => 3, never);
    gate.resolve(undefined);
    await first;
    expect([await third, await turns.take('ann', async () => 4, never)]).toEqual([3, 4]);
    await second;
  });
});

describe('what waits for its readers', () => {
  const body = (): FileBody => ({ pour: async (_into, signal) => signal.throwIfAborted(), discard: () => undefined });

  it('is bounded for each key and for all, and counts until it is poured, discarded or given up', async () => {
    const held = new Held({ bytes: 100, bytesPerKey: 60 });
    const ann = [held.count('ann', 40, body()), held.count('ann', 30, body())];
    expect(() => held.check('ann')).toThrow(expect.objectContaining({ code: 'QUEUE_FULL', status: 429, retryAfter: 5 }));
    held.check('bob');
    const bob = held.count('bob', 30, body());
    for (const key of ['ann', 'bob', 'eve']) expect(() => held.check(key), key).toThrow(expect.objectContaining({ code: 'QUEUE_FULL', status: 503, retryAfter: 5 }));
    await expect(poured(bob, AbortSignal.abort(new TypeError('hung up')))).rejects.toThrow('hung up');
    bob.discard();
    held.check('eve');
    await poured(ann[0]);
    ann[0]?.discard();
    held.count('eve', 50, body());
    for (const key of ['ann', 'eve']) held.check(key);
  });
});

describe('a converter', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());
  const listed = async (): Promise<string[]> => (await readdir(folder.path)).toSorted();

  it('makes a picture of a file, or of one that is on its way, and leaves nothing behind', async () => {
    const converter = new Converter(folder.path);
    const path = join(folder.path, 'a.png');
    await writeFile(path, await png());
    const source = { path, more: 'of its own' };
    const one = await converter.convert({ key: 'ann', open: async () => source, conversion: { ...asIs, format: 'webp' } }, never);
    const two = await converter.convert({ key: 'ann', open: async () => ({ body: Readable.from([await png({ width: 30 })]) }), conversion: { ...asIs, width: 10 } }, never);
    expect([one.source, one.contentType, two.contentType]).toEqual([source, 'image/webp', 'image/png']);
    expect(await listed()).toEqual(['a.png']);
    const [made, small] = [await poured(one.body), await poured(two.body)];
    expect([made.length, (await sharp(made).metadata()).format, small.length, (await sharp(small).metadata()).width]).toEqual([one.size, 'webp', two.size, 10]);
  });

  it('opens a picture only when its turn has come', async () => {
    const converter = new Converter(folder.path, { ...bounds, atOnce: 1 });
    const picture = await png();
    const gate = Promise.withResolvers<{ body: Readable }>();
    let opened = 0;
    const first = converter.convert({ key: 'ann', open: () => gate.promise, conversion: { ...asIs, format: 'webp' } }, never);
    const second = converter.convert({ key: 'ann', open: async () => { opened += 1; return { body: Readable.from([picture]) }; }, conversion: { ...asIs, format: 'jpeg' } }, never);
    await new Promise((resolve) => setImmediate(resolve));
    expect(opened).toBe(0);
    gate.resolve({ body: Readable.from([picture]) });
    expect([(await first).contentType, (await second).contentType, opened]).toEqual(['image/webp', 'image/jpeg', 1]);
    for (const { body } of [await first, await second]) body.discard();
  });

  it('fails with a source that breaks off, is no picture, or is given up; nothing is left', async () => {
    const converter = new Converter(folder.path, { ...bounds, atOnce: 1 });
    const convert = (body: Readable, signal = never) => converter.convert({ key: 'ann', open: async () => ({ body }), conversion: { ...asIs, format: 'webp' } }, signal);
    await expect(convert(Readable.from((async function* () { yield Buffer.alloc(10); throw new TypeError('cut'); })()))).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
    await expect(convert(Readable.from([Buffer.from('hello')]))).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
    const stop = new AbortController();
    const stuck = new Readable({ read: () => undefined });
    const waiting = convert(stuck, stop.signal);
    await until('it arrives', async () => (await listed()).length > 0);
    stop.abort(new TypeError('hung up'));
    await expect(waiting).rejects.toThrow('hung up');
    await until('nothing is left', async () => (await listed()).length === 0);
    expect(stuck.destroyed).toBe(true);
    const { body } = await convert(Readable.from([await png()]));
    body.discard();
  });

  it('whose caller hangs up while it works keeps nothing of what it made', async () => {
    const converter = new Converter(folder.path, { ...bounds, atOnce: 1 });
    const picture = await png({ width: 600, height: 600 });
    const stop = new AbortController();
    const body = Readable.from([picture]);
    const abandoned = converter.convert({ key: 'ann', open: async () => ({ body }), conversion: { ...asIs, format: 'avif' } }, stop.signal);
    await once(body, 'close');
    stop.abort(new TypeError('hung up'));
    await expect(abandoned).rejects.toThrow('hung up');
    expect((await listed()).length).toBeGreaterThan(0);
    const next = await converter.convert({ key: 'ann', open: async () => ({ body: Readable.from([picture]) }), conversion: { ...asIs, width: 5 } }, never);
    next.body.discard();
    expect(await listed()).toEqual([]);
  });

  it('makes no more for a key that leaves too much unread, until that is read', async () => {
    const converter = new Converter(folder.path, { ...bounds, bytesPerKey: 1 });
    const convert = (key: string) => converter.convert({ key, open: async () => ({ body: Readable.from([await png()]) }), conversion: { ...asIs, format: 'png' } }, never);
    const unread = await convert('ann');
    await expect(convert('ann')).rejects.toMatchObject({ code: 'QUEUE_FULL', status: 429 });
    (await convert('bob')).body.discard();
    await poured(unread.body);
    (await convert('ann')).body.discard();
  });

  it('takes away what an earlier process left, before it begins', async () => {
    await writeFile(join(folder.path, '.0a0a0a0a-1111-2222-3333-444444444444.part'), 'half');
    const { body } = await new Converter(folder.path).convert({ key: 'ann', open: async () => ({ body: Readable.from([await png()]) }), conversion: { ...asIs, format: 'png' } }, never);
    body.discard();
    expect(await listed()).toEqual([]);
  });

  test.each([[asIs, false], [{ ...asIs, quality: 5 }, true], [{ ...asIs, width: 5 }, true], [{ ...asIs, height: 5 }, true], [{ ...asIs, format: 'png' as const }, true]])('is wanted for %j: %j', (conversion, expected) => {
    expect(wanted(conversion)).toBe(expected);
  });
});
