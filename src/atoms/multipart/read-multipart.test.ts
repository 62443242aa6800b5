import { PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readMultipart, type MultipartLimits } from './read-multipart.ts';

const limits: MultipartLimits = { fileBytes: 1_000, fileBytesName: 'MAX_UPLOAD_MB', fieldBytes: 20, fields: 3, silence: 1_000 };
const field = (name: string, value: string): string => `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (content: string, filename = 'a.png', name = 'file'): string => `--X\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: image/png\r\n\r\n${content}\r\n`;
const end = '--X--\r\n';
const headers = { 'content-type': 'multipart/form-data; boundary=X' };
const read = (form: string | Readable, more: Partial<MultipartLimits> = {}, signal = new AbortController().signal) =>
  readMultipart(typeof form === 'string' ? Readable.from([Buffer.from(form)]) : form, { headers, limits: { ...limits, ...more }, signal });

describe('a form', () => {
  it('yields what stands before the file, and the file as a stream', async () => {
    const form = await read(field('overwrite', 'true') + field('subfolder', 'añb') + file('hello') + end);
    expect(form.fields()).toEqual({ overwrite: 'true', subfolder: 'añb' });
    expect(form.file).toMatchObject({ field: 'file', filename: 'a.png', mediaType: 'image/png' });
    expect(await text(form.file.body)).toBe('hello');
  });

  it('begins before the file has arrived', async () => {
    const source = new PassThrough();
    source.write(field('type', 'input') + file('first').slice(0, -2));
    const { file: arriving } = await read(source);
    const chunks: string[] = [];
    arriving.body.on('data', (chunk) => chunks.push(String(chunk)));
    source.write(' second');
    await pause(20);
    source.end(`\r\n${end}`);
    await new Promise((resolve) => arriving.body.once('end', resolve));
    expect(chunks.join('')).toBe('first second');
  });

  it.each([['../../etc/passwd', 'passwd'], ['C:\\\\x\\\\y.png', 'y.png'], ['naïve 图.png', 'naïve 图.png']])('gives the last segment of the name %j', async (given, filename) => {
    const form = await read(file('x', given) + end);
    expect(form.file.filename).toBe(filename);
    form.file.body.destroy();
  });

  it('keeps bytes as they are', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const form = await read(Readable.from([Buffer.from(file('').slice(0, -2)), bytes, Buffer.from(`\r\n${end}`)]));
    expect(await buffer(form.file.body)).toEqual(bytes);
  });

  it('knows the fields behind the file when its body has ended', async () => {
    const form = await read(field('a', '1') + file('x') + field('b', '2') + end);
    expect(form.fields()).toMatchObject({ a: '1' });
    await text(form.file.body);
    expect(form.fields()).toEqual({ a: '1', b: '2' });
  });

  it('does not make a prototype of a field name', async () => {
    const form = await read(field('__proto__', 'x') + file('x') + end);
    expect(Object.keys(form.fields())).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(form.fields())).toBe(Object.prototype);
    form.file.body.destroy();
  });
});

describe('a form that is refused before its file', () => {
  it.each([
    ['without a file', field('a', 'b') + end, 'VALIDATION_ERROR', /no file/],
    ['with a file field that was left empty', file('', '') + end, 'VALIDATION_ERROR', /no file/],
    ['with a field twice', field('a', '1') + field('a', '2') + file('x') + end, 'VALIDATION_ERROR', /twice/],
    ['with a long field', field('a', 'x'.repeat(21)) + file('x') + end, 'VALIDATION_ERROR', /longer than 20/],
    ['with many fields', ['a', 'b', 'c', 'd'].map((name) => field(name, '')).join('') + file('x') + end, 'VALIDATION_ERROR', /more than 3 fields/],
    ['that is rubbish', 'rubbish', 'VALIDATION_ERROR', /broken/],
    ['that is empty', '', 'VALIDATION_ERROR', /broken|no file/],
  ])('%s', async (_what, form, code, detail) => {
    await expect(read(form)).rejects.toMatchObject({ code, detail: expect.stringMatching(detail) as string });
  });

  it.each([['application/json'], ['multipart/form-data'], ['multipart/mixed; boundary=X'], [undefined]])('with the Content-Type %s', async (type) => {
    const refused = readMultipart(Readable.from(['']), { headers: { 'content-type': type }, limits, signal: new AbortController().signal });
    await expect(refused).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
  });
});

describe('a file whose form turns out wrong never ends well', () => {
  it.each([
    ['a field after it stands twice', file('x') + field('a', '1') + field('a', '2') + end, 'VALIDATION_ERROR', /twice/],
    ['many fields follow', file('x') + ['a', 'b', 'c', 'd'].map((name) => field(name, '')).join('') + end, 'VALIDATION_ERROR', /more than 3 fields/],
    ['a second file follows', file('x') + file('y', 'b.png', 'other') + end, 'VALIDATION_ERROR', /more than one file/],
    ['it is larger than allowed', file('x'.repeat(1_001)) + end, 'PAYLOAD_TOO_LARGE', /1000 bytes.*MAX_UPLOAD_MB/],
    ['the form is cut in the file', file('xxxx').slice(0, -3), 'VALIDATION_ERROR', /too early/],
    ['the form is cut after the file', file('xxxx'), 'VALIDATION_ERROR', /too early/],
  ])('%s', async (_what, form, code, detail) => {
    const { file: given } = await read(form);
    await expect(text(given.body)).rejects.toMatchObject({ code, detail: expect.stringMatching(detail) as string });
  });

  it('may have exactly the allowed size', async () => {
    const form = await read(file('x'.repeat(1_000)) + end);
    expect((await buffer(form.file.body)).length).toBe(1_000);
  });

  it('the caller hangs up', async () => {
    const source = new PassThrough();
    source.write(file('part').slice(0, -2));
    const form = await read(source);
    const whole = text(form.file.body);
    source.destroy();
    await expect(whole).rejects.toMatchObject({ code: 'CONNECTION_ERROR' });
  });

  it('the signal fires', async () => {
    const controller = new AbortController();
    const source = new PassThrough();
    source.write(file('part').slice(0, -2));
    const form = await read(source, {}, controller.signal);
    const whole = text(form.file.body);
    controller.abort(new TypeError('enough'));
    await expect(whole).rejects.toThrow('enough');
    expect(source.destroyed).toBe(false);
  });

  it('nothing comes any more', async () => {
    const source = new PassThrough();
    source.write(file('part').slice(0, -2));
    const form = await read(source, { silence: 50 });
    await expect(text(form.file.body)).rejects.toMatchObject({ code: 'TASK_TIMEOUT', status: 408 });
  });
});

describe('back-pressure', () => {
  it('holds the source while nobody reads, and that silence is not the caller\'s', async () => {
    let produced = 0;
    const chunk = Buffer.alloc(256 * 1024, 1);
    const source = Readable.from((function* () {
      yield Buffer.from(file('').slice(0, -2));
      for (produced = 0; produced < 200; produced += 1) yield chunk;
      yield Buffer.from(`\r\n${end}`);
    })());
    const form = await read(source, { fileBytes: 100_000_000, silence: 40 });
    await pause(150);
    expect(produced).toBeLessThan(40);
    expect((await buffer(form.file.body)).length).toBe(200 * chunk.length);
  });

  it('is let go when the body is destroyed', async () => {
    const source = new PassThrough();
    source.write(file('part').slice(0, -2));
    const form = await read(source);
    form.file.body.destroy();
    await pause(10);
    expect([source.listenerCount('data'), source.destroyed]).toEqual([0, false]);
  });

  it('does not hold up whoever throws the rest away, though the body is let go in the middle of a large file', async () => {
    const chunks = 400;
    const source = Readable.from((function* () {
      yield Buffer.from(file('').slice(0, -2));
      for (let n = 0; n < chunks; n += 1) yield Buffer.alloc(64 * 1024);
    })(), { highWaterMark: 1 });
    const { file: { body } } = await read(source, { fileBytes: 1_000_000_000 });
    for await (const piece of body) if (Buffer.isBuffer(piece)) break;
    expect(body.destroyed).toBe(true);
    let thrownAway = 0;
    source.on('data', (chunk: Buffer) => (thrownAway += chunk.length)).resume();
    await new Promise((resolve) => source.once('end', resolve));
    expect(thrownAway).toBeGreaterThan(20_000_000);
  });
});
