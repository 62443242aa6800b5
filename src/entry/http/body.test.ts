import { PassThrough } from 'node:stream';
import type { Request } from 'express';
import { setImmediate as nextRound } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { readJson, type ReadJsonOptions } from './body.ts';
import { BodyRoom } from './body-room.ts';
import { parseJson } from '../../atoms/json/json.ts';

/** A request as far as a body reader looks at it. */
const incoming = (headers: Record<string, string> = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }) => Object.assign(new PassThrough(), { headers }) as unknown as Request & PassThrough;
const room = new BodyRoom();
const options: ReadJsonOptions = { room, share: room.open('key'), limit: { bytes: 100, name: 'X' }, optional: false, parse: (text) => JSON.parse(text) as unknown, signal: new AbortController().signal, silence: 60 };

describe('reading a body', () => {
  it('gives up after a time without a byte, as 408', async () => {
    const request = incoming();
    request.write('{');
    await expect(readJson(request, options)).rejects.toMatchObject({ code: 'TASK_TIMEOUT', status: 408 });
  });

  it('goes on as long as bytes keep coming', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const request = incoming();
      const read = readJson(request, options);
      for (const letter of '{"a":1}') {
        await nextRound();
        request.write(letter);
        await nextRound();
        vi.advanceTimersByTime(40);
      }
      request.end();
      expect(await read).toEqual({ a: 1 });
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const read = readJson(incoming(), { ...options, signal: controller.signal });
    controller.abort(new TypeError('enough'));
    await expect(read).rejects.toThrow('enough');
  });

  it('stops at the limit, without holding what came after', async () => {
    const request = incoming();
    const read = readJson(request, options);
    request.write('x'.repeat(101));
    await expect(read).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', detail: 'more than 100 bytes, the limit set by X' });
    expect(request.listenerCount('data')).toBe(0);
  });

  it('puts a letter together that came in two chunks', async () => {
    const request = incoming();
    const bytes = Buffer.from('"é"');
    request.write(bytes.subarray(0, 2));
    request.end(bytes.subarray(2));
    expect(await readJson(request, options)).toBe('é');
  });

  const read = (body: string, limit = 20_000_000): Promise<unknown> => {
    const request = incoming({ 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) });
    request.end(body);
    const share = room.open('key');
    return readJson(request, { ...options, share, limit: { bytes: limit, name: 'X' }, parse: parseJson, silence: 5_000 }).finally(() => share.release());
  };

  it('refuses what is nested too deep as such, and as no JSON where it is none', async () => {
    const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(await read(deep(200))).toHaveProperty('a.a.a');
    for (const levels of [201, 10_000, 1_000_000]) await expect(read(deep(levels))).rejects.toMatchObject({ code: 'VALIDATION_ERROR', status: 422, detail: `the JSON is nested ${levels} levels deep; up to 200 are taken.` });
    await expect(read('['.repeat(1_000_000))).rejects.toMatchObject({ code: 'MALFORMED_JSON', status: 400, detail: 'position 1000000 (line 1, column 1000001): the text ends too early' });
  });

  it('refuses millions of values soon, broken or not', async () => {
    for (const end of [']', '', 'x']) {
      const begun = performance.now();
      await expect(read(`[${'[],'.repeat(3_000_000)}1${end}`)).rejects.toMatchObject({ code: 'VALIDATION_ERROR', status: 422 });
      expect(performance.now() - begun).toBeLessThan(400);
    }
  });

  it('says where a text of millions of escapes breaks', async () => {
    await expect(read(`["${String.raw`\n`.repeat(4_000_000)}`)).rejects.toMatchObject({ code: 'MALFORMED_JSON', detail: 'position 1 (line 1, column 2): unexpected "\\""' });
  });

  it('waits before it reads a byte until there is room, and holds what it reads', async () => {
    const tight = new BodyRoom({ bytes: 10, bytesPerKey: 10, waiting: 9, waitingPerKey: 9, patience: 60_000 });
    const before = tight.open('other');
    await before.grow(10, options.signal);
    const share = tight.open('key');
    const request = incoming({ 'content-type': 'application/json', 'content-length': '7' });
    const answer = readJson(request, { ...options, room: tight, share, silence: 5_000 });
    request.end('{"a":1}');
    await nextRound();
    expect([request.readableFlowing, share.held]).toEqual([null, 0]);
    before.release();
    expect([await answer, share.held]).toEqual([{ a: 1 }, 7]);
  });

  it('whose length was not announced waits where it stands', async () => {
    const tight = new BodyRoom({ bytes: 10, bytesPerKey: 10, waiting: 9, waitingPerKey: 9, patience: 60_000 });
    const before = tight.open('other');
    await before.grow(6, options.signal);
    const share = tight.open('key');
    const request = incoming();
    const answer = readJson(request, { ...options, room: tight, share, silence: 5_000 });
    request.write('{"');
    await vi.waitFor(() => expect(share.held).toBe(4));
    request.end('a":1}');
    await vi.waitFor(() => expect(request.isPaused()).toBe(true));
    before.release();
    expect([await answer, share.held]).toEqual([{ a: 1 }, 14]);
  });
});
