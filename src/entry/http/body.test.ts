import { PassThrough } from 'node:stream';
import type { Request } from 'express';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readJson, type ReadJsonOptions } from './body.ts';

/** A request as far as a body reader looks at it. */
const incoming = (headers: Record<string, string> = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }) => Object.assign(new PassThrough(), { headers }) as unknown as Request & PassThrough;
const options: ReadJsonOptions = { limit: { bytes: 100, name: 'X' }, optional: false, parse: (text) => JSON.parse(text) as unknown, signal: new AbortController().signal, silence: 60 };

describe('reading a body', () => {
  it('gives up after a time without a byte, as 408', async () => {
    const request = incoming();
    request.write('{');
    await expect(readJson(request, options)).rejects.toMatchObject({ code: 'TASK_TIMEOUT', status: 408 });
  });

  it('goes on as long as bytes keep coming', async () => {
    const request = incoming();
    const read = readJson(request, options);
    for (const letter of '{"a":1}') {
      request.write(letter);
      await pause(30);
    }
    request.end();
    expect(await read).toEqual({ a: 1 });
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
});
