import { connect } from 'node:net';
import { Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { problemOf, startApp } from '../../../tests/support/http-app.ts';
import { until } from '../../../tests/support/until.ts';
import type { IncomingFile } from '../../coordinator/images/image-coordinator.ts';
import { fail } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';
import type { Conversion, FileAnswer, FileBody, FileConditions, FileQuery } from '../../models/file.ts';

const uploadPath = '/api/v1/images/upload';
const stored: string[] = [];
const upload = async (_caller: Caller, file: IncomingFile) => {
  file.details();
  const content = await text(file.body);
  stored.push(content);
  const { overwrite, subfolder, type } = file.details();
  return { name: `${subfolder}/${file.filename}`, subfolder, type, url: '/u', original_name: file.filename, media_type: `overwrite ${overwrite}`, size: content.length };
};
const form = (...parts: [string, string | Blob, string?][]): FormData => {
  const data = new FormData();
  for (const [name, value, filename] of parts) {
    if (typeof value === 'string') data.append(name, value);
    else data.append(name, value, filename);
  }
  return data;
};
const picture = new Blob(['pixels'], { type: 'image/png' });

describe('upload', () => {
  it.each(['file', 'image'])('takes fields, then a file under "%s"', async (name) => {
    await using app = await startApp({}, { images: { upload } });
    const response = await fetch(app.url + uploadPath, { method: 'POST', body: form(['overwrite', 'true'], ['subfolder', 'a'], ['type', 'temp'], [name, picture, 'x.png']) });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ name: 'a/x.png', type: 'temp', media_type: 'overwrite true', size: 6 });
  });

  it.each(['True', '1', 'YES', ' on '])('takes fields after the file, and %j for yes, as other clients send them', async (word) => {
    await using app = await startApp({}, { images: { upload } });
    const response = await fetch(app.url + uploadPath, { method: 'POST', body: form(['file', picture, 'x.png'], ['overwrite', word], ['subfolder', 'late']) });
    expect(await response.json()).toMatchObject({ name: 'late/x.png', media_type: 'overwrite true' });
  });

  it('needs no field but the file', async () => {
    await using app = await startApp({}, { images: { upload } });
    const response = await fetch(app.url + uploadPath, { method: 'POST', body: form(['file', picture, 'x.png']) });
    expect(await response.json()).toMatchObject({ name: '/x.png', type: 'input', media_type: 'overwrite false' });
  });

  it.each<[string, [string, string | Blob, string?][], number, string, RegExp]>([
    ['a wrong field after the file', [['file', picture, 'x.png'], ['type', 'secret']], 422, 'VALIDATION_ERROR', /type/],
    ['no file', [['overwrite', 'true']], 422, 'VALIDATION_ERROR', /no file/],
    ['an unknown field', [['overwriet', 'true'], ['file', picture, 'x.png']], 422, 'VALIDATION_ERROR', /overwriet/],
    ['a wrong type', [['type', 'secret'], ['file', picture, 'x.png']], 422, 'VALIDATION_ERROR', /type/],
    ['a file under another name', [['upload', picture, 'x.png']], 422, 'VALIDATION_ERROR', /"upload"/],
    ['a file that is too large', [['file', new Blob(['x'.repeat(2_000)]), 'x.png']], 413, 'PAYLOAD_TOO_LARGE', /MAX_UPLOAD_MB/],
  ])('refuses %s, and nothing is stored', async (_what, parts, status, code, detail) => {
    stored.length = 0;
    await using app = await startApp({ MAX_UPLOAD_MB: '0.001' }, { images: { upload } });
    const response = await fetch(app.url + uploadPath, { method: 'POST', body: form(...parts) });
    expect(response.status).toBe(status);
    expect(await problemOf(response)).toMatchObject({ code, detail: expect.stringMatching(detail) as string });
    expect(stored).toEqual([]);
  });

  it('refuses JSON and names what it takes', async () => {
    await using app = await startApp({}, { images: { upload } });
    const response = await fetch(app.url + uploadPath, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    expect(response.status).toBe(415);
    expect(await problemOf(response)).toMatchObject({ detail: expect.stringContaining('multipart/form-data') as string });
  });

  it('answers a refusal of the coordinator though most of the file is still on its way', async () => {
    await using app = await startApp({}, { images: { upload: async () => { throw fail('FILE_OPERATION_ERROR', 'the name "x.png" is taken', { status: 400 }); } } });
    const response = await fetch(app.url + uploadPath, { method: 'POST', body: form(['file', new Blob([Buffer.alloc(8 * 1024 * 1024)]), 'x.png']) });
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ code: 'FILE_OPERATION_ERROR' });
  });

  it('that is cut off by its caller never ends well', async () => {
    const [begun, ended] = [Promise.withResolvers<undefined>(), Promise.withResolvers<unknown>()];
    const watched = (_caller: Caller, file: IncomingFile) => text(file.body.once('readable', () => begun.resolve(undefined))).then(() => { ended.resolve('whole'); throw fail('INTERNAL_ERROR', 'x'); }, (error: unknown) => { ended.resolve(error); throw error; });
    await using app = await startApp({}, { images: { upload: watched } });
    const socket = connect(app.port, '127.0.0.1');
    socket.write(`POST ${uploadPath} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=X\r\nContent-Length: 10000\r\n\r\n--X\r\nContent-Disposition: form-data; name="file"; filename="x.png"\r\n\r\npart`);
    await begun.promise;
    socket.destroy();
    expect(await ended.promise).toMatchObject({ code: 'CONNECTION_ERROR' });
  });
});

type Ask = { query: FileQuery; conditions: FileConditions; conversion: Conversion };
const content = 'abcdefghij';
const changed = new Date('2026-01-02T03:04:05Z');
const whole = (more: Partial<FileAnswer> = {}): FileAnswer => ({ body: Readable.from([Buffer.from(content)]), filename: 'a.png', contentType: 'image/png', size: content.length, etag: '"e1"', lastModified: changed, part: 'whole', ranges: true, ...more });
const downloadPath = '/api/v1/images/download?filename=a.png';

async function download(answer: FileAnswer, init: RequestInit = {}) {
  const ask = vi.fn<(caller: Caller, ask: Ask) => Promise<FileAnswer>>(async () => answer);
  await using app = await startApp({}, { images: { download: ask } });
  const response = await fetch(app.url + downloadPath, init);
  return { status: response.status, headers: response.headers, text: await response.text(), asked: ask.mock.calls[0]?.[1] };
}

describe('download', () => {
  it('streams the file with everything a client may want to know, and nothing a browser may run', async () => {
    const { status, headers, text: body, asked } = await download(whole());
    expect([status, body]).toEqual([200, content]);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'image/png', 'content-length': '10', etag: '"e1"', 'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT', 'accept-ranges': 'bytes',
      'content-disposition': 'inline; filename=a.png', 'x-content-type-options': 'nosniff', 'content-security-policy': 'sandbox', 'cache-control': 'private, no-cache',
    });
    expect(asked).toMatchObject({ query: { filename: 'a.png', subfolder: '', type: 'output' }, conditions: { head: false, range: undefined } });
  });

  it('hands conditions and conversions on', async () => {
    const ask = vi.fn<(caller: Caller, ask: Ask) => Promise<FileAnswer>>(async () => whole());
    await using app = await startApp({}, { images: { download: ask } });
    await fetch(`${app.url}${downloadPath}&prompt_id=p-1&format=webp&quality=80&width=64`, { headers: { range: 'bytes=1-2', 'if-none-match': '"x"', 'if-range': '"y"', 'if-modified-since': 'z' } });
    expect(ask.mock.calls[0]?.[1]).toEqual({
      query: { filename: 'a.png', subfolder: '', type: 'output', prompt_id: 'p-1' },
      conditions: { range: 'bytes=1-2', ifNoneMatch: '"x"', ifRange: '"y"', ifModifiedSince: 'z', head: false },
      conversion: { format: 'webp', quality: 80, width: 64, height: undefined },
    });
  });

  it('answers HEAD with the headers alone', async () => {
    const { status, headers, text: body, asked } = await download(whole(), { method: 'HEAD' });
    expect([status, body, headers.get('content-length')]).toEqual([200, '', '10']);
    expect(asked?.conditions.head).toBe(true);
    expect((await download(whole({ body: undefined }), { method: 'HEAD' })).headers.get('etag')).toBe('"e1"');
  });

  it('answers a part with 206 and where it stands', async () => {
    const { status, headers, text: body } = await download(whole({ body: Readable.from([Buffer.from('cde')]), part: { start: 2, end: 4 } }));
    expect([status, body, headers.get('content-range'), headers.get('content-length')]).toEqual([206, 'cde', 'bytes 2-4/10', '3']);
  });

  it('answers 304 without a body and with its validators', async () => {
    const { status, headers, text: body } = await download(whole({ part: 'unchanged', body: undefined }));
    expect([status, body, headers.get('etag'), headers.get('content-length')]).toEqual([304, '', '"e1"', null]);
  });

  it('answers 416 with the size there is', async () => {
    const { status, headers, text: body } = await download(whole({ part: 'unsatisfiable', body: undefined }));
    expect([status, body, headers.get('content-range')]).toEqual([416, '', 'bytes */10']);
  });

  it.each([['image/png', 'inline'], ['image/webp', 'inline'], ['video/mp4', 'inline'], ['audio/flac', 'inline'], ['image/svg+xml', 'attachment'], ['text/html', 'attachment'], ['text/javascript', 'attachment'], ['text/plain', 'attachment'], ['application/pdf', 'attachment'], ['application/octet-stream', 'attachment']])('shows %s as %s', async (contentType, disposition) => {
    expect((await download(whole({ contentType }))).headers.get('content-disposition')).toBe(`${disposition}; filename=a.png`);
  });

  it('names a file in any script, and lets no name break the header', async () => {
    expect((await download(whole({ filename: '图 "1".png' }))).headers.get('content-disposition')).toContain("filename*=UTF-8''%E5%9B%BE");
    const { status, headers } = await download(whole({ filename: 'a\r\nx-evil: 1.png' }));
    expect([status, headers.get('x-evil')]).toEqual([200, null]);
  });

  it('of unknown size is sent in chunks', async () => {
    const { headers, text: body } = await download(whole({ size: undefined, etag: undefined, lastModified: undefined, ranges: false }));
    expect([body, headers.get('content-length'), headers.get('transfer-encoding'), headers.get('accept-ranges'), headers.get('etag')]).toEqual([content, null, 'chunked', 'none', null]);
  });

  it('of nothing is a problem, without the headers of a file', async () => {
    await using app = await startApp({}, { images: { download: async () => { throw fail('IMAGE_NOT_FOUND', 'a.png'); } } });
    const response = await fetch(app.url + downloadPath);
    expect([response.status, response.headers.get('content-disposition')]).toEqual([404, null]);
    expect(await problemOf(response)).toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  it('that breaks in the middle breaks the connection: no part looks like the whole', async () => {
    const broken = Readable.from((async function* () { yield Buffer.from('abc'); await pause(10); throw new TypeError('disk'); })());
    await expect(download(whole({ body: broken, size: undefined }))).rejects.toThrow();
  });

  it('whose caller hangs up destroys the body and fires the signal', async () => {
    const endless = Readable.from((function* () { for (;;) yield Buffer.alloc(64 * 1024); })());
    let signal: AbortSignal | undefined;
    await using app = await startApp({}, { images: { download: async (_caller: Caller, _ask: Ask, given: AbortSignal) => { signal = given; return whole({ body: endless, size: undefined }); } } });
    const controller = new AbortController();
    const response = await fetch(app.url + downloadPath, { signal: controller.signal });
    await response.body?.getReader().read();
    controller.abort();
    await vi.waitFor(() => expect([endless.destroyed, signal?.aborted]).toEqual([true, true]));
  });

  describe('of a body that pours itself', () => {
    const pouring = (pour: FileBody['pour']) => {
      const events: string[] = [];
      const body: FileBody = {
        pour: async (into, signal) => {
          events.push('pour');
          await pour(into, signal);
        },
        discard: () => void events.push('discard'),
      };
      return { body, events };
    };
    const fine = () => pouring(async (into) => void into.end(content));

    it('sends what is poured', async () => {
      const { body, events } = fine();
      expect((await download(whole({ body }))).text).toBe(content);
      expect(events[0]).toBe('pour');
    });

    it.each<[string, Partial<FileAnswer>, RequestInit]>([['HEAD', {}, { method: 'HEAD' }], ['304', { part: 'unchanged' }, {}], ['416', { part: 'unsatisfiable' }, {}]])('discards it for %s', async (_what, more, init) => {
      const { body, events } = fine();
      await download(whole({ body, ...more }), init);
      expect(new Set(events)).toEqual(new Set(['discard']));
    });

    it('breaks the connection when it fails in the middle', async () => {
      const { body } = pouring(async (into) => {
        await new Promise((resolve) => into.write('abc', resolve));
        into.destroy();
        throw new TypeError('disk');
      });
      await expect(download(whole({ body }))).rejects.toThrow();
    });

    it('fires the signal, and closes what is poured into, when the caller hangs up', async () => {
      const seen: { into?: Writable; signal?: AbortSignal } = {};
      const { body } = pouring(async (into, signal) => {
        Object.assign(seen, { into, signal });
        into.write('abc');
        await new Promise((resolve) => into.once('close', resolve));
        throw new TypeError('closed');
      });
      await using app = await startApp({}, { images: { download: async () => whole({ body }) } });
      const controller = new AbortController();
      const response = await fetch(app.url + downloadPath, { signal: controller.signal });
      await response.body?.getReader().read();
      controller.abort();
      await vi.waitFor(() => expect([seen.into?.destroyed, seen.signal?.aborted]).toEqual([true, true]));
    });
  });

  it('follows the pace of its reader', async () => {
    let made = 0;
    const large = Readable.from((function* () { for (made = 0; made < 2_000; made += 1) yield Buffer.alloc(64 * 1024); })());
    await using app = await startApp({}, { images: { download: async () => whole({ body: large, size: undefined }) } });
    const socket = connect(app.port, '127.0.0.1');
    socket.pause();
    socket.write(`GET ${downloadPath} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await until('nothing more is made', async () => { const before = made; await pause(50); return made > 0 && made === before; });
    expect(made).toBeLessThan(500);
    socket.destroy();
  });
});

it('url answers where to fetch a file', async () => {
  await using app = await startApp({}, { images: { url: async (_caller: Caller, query: FileQuery) => `/x?filename=${query.filename}` } });
  expect(await (await fetch(`${app.url}/api/v1/images/url?filename=a.png`)).json()).toEqual({ url: '/x?filename=a.png' });
});
