import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../tests/support/engine.ts';
import { png } from '../../../tests/support/picture.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import type { ViewRequest } from '../../models/comfyui-files.ts';
import type { FileRef } from '../../models/file.ts';
import type { Instance } from '../../models/instance.ts';
import { HttpComfyuiFiles } from './files.ts';

const never = new AbortController().signal;
const http = new HttpStream();
const files = new HttpComfyuiFiles(http, { uploadMs: 5_000, idleMs: 300 });
let engine: TestSandbox;
let instance: Instance;
beforeAll(async () => {
  engine = await startTestSandbox();
  instance = { name: 'one', url: engine.url, headers: {} };
});
afterAll(async () => {
  http.close();
  await engine[Symbol.asyncDispose]();
});

const upload = (content: Buffer, over: { name?: string; subfolder?: string; type?: FileRef['type'] } = {}, to = instance) =>
  files.upload(to, { name: 'a.png', subfolder: '', type: 'input', mediaType: 'image/png', size: content.length, open: () => Readable.from([content]), ...over }, never);
const view = (over: Partial<FileRef> = {}, more: Omit<ViewRequest, 'ref'> = {}) => files.view(instance, { ref: { filename: 'a.png', subfolder: '', type: 'input', ...over }, ...more }, never);

describe('a file of an instance', () => {
  it('is written, replaced, and read back', async () => {
    const [first, second] = [await png(), await png()];
    expect(await upload(first)).toEqual({ name: 'a.png', subfolder: '', type: 'input' });
    expect(await upload(second)).toEqual({ name: 'a.png', subfolder: '', type: 'input' });
    const { status, headers, body } = await view();
    expect([status, headers.contentType, headers.contentLength, (await buffer(body)).equals(second)]).toEqual([200, 'image/png', second.length, true]);
  });

  it('may lie in a subfolder, be of another type, and have any name', async () => {
    const content = await png();
    expect(await upload(content, { name: 'ä "1" & 图.png', subfolder: 'x/y', type: 'temp' })).toMatchObject({ subfolder: 'x/y', type: 'temp' });
  });

  it('is answered in part, as unchanged, or not at all', async () => {
    const content = await png();
    await upload(content);
    const part = await view({}, { range: 'bytes=0-3' });
    expect([part.status, part.headers.contentRange, await buffer(part.body)]).toEqual([206, `bytes 0-3/${content.length}`, content.subarray(0, 4)]);
    const past = await view({}, { range: 'bytes=9999-' });
    expect([past.status, past.headers.contentRange]).toEqual([416, `bytes */${content.length}`]);
    expect((await view({}, { ifNoneMatch: part.headers.etag ?? '' })).status).toBe(304);
    expect((await view({}, { ifModifiedSince: part.headers.lastModified ?? '' })).status).toBe(304);
    const head = await view({}, { head: true });
    expect([head.status, head.headers.contentLength, await text(head.body)]).toEqual([200, content.length, '']);
  });

  test.each([{ filename: 'none.png' }, { filename: '../secret' }, { filename: '/etc/passwd' }, { subfolder: '../..' }])('that it does not have, or not give, is 404: %j', async (ref) => {
    const { status, body } = await view(ref);
    body.resume();
    expect(status).toBe(404);
  });
});

describe('an instance that fails', () => {
  it('is told by name, with the call and the status', async () => {
    engine.sandbox.knobs.set({ failView: 1 });
    await expect(view()).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', message: expect.stringContaining('instance one answered GET /view with 500') as string });
  });

  it('by silence is given up', async () => {
    engine.sandbox.knobs.set({ hang: { 'GET /view': 1 } });
    await expect(view()).rejects.toMatchObject({ code: 'CONNECTION_ERROR', message: expect.stringContaining('nothing came for 300 ms') as string });
  });

  it('in the middle of a file breaks the body', async () => {
    await upload(await png());
    engine.sandbox.knobs.set({ truncateView: 1 });
    await expect(buffer((await view()).body)).rejects.toThrow();
  });

  it('because it is not there is a connection error, for both ways', async () => {
    const gone = { name: 'gone', url: 'http://127.0.0.1:1', headers: {} };
    await expect(files.view(gone, { ref: { filename: 'a', subfolder: '', type: 'input' } }, never)).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
    await expect(upload(Buffer.from('x'), {}, gone)).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
  });

  it('by an answer that is not ComfyUI’s is an upstream error', async () => {
    const other = { ...instance, url: `${engine.url}/nowhere` };
    await expect(upload(Buffer.from('x'), {}, other)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
  });
});
