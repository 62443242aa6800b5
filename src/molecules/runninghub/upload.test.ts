import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { json, ScriptedHub } from '../../../tests/support/runninghub-replies.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { HttpText } from '../../atoms/http/http.ts';
import { fail } from '../../core/errors.ts';
import type { HubKeyPlace, HubUpload } from '../../models/runninghub.ts';
import { RunningHub } from './client.ts';
import { namedForUpload } from './requests.ts';

const never = new AbortController().signal;
const key = '0123456789abcdef0123456789abcdef';
const name = 'api/fakehashfakehashfakehashfakehashfakehashfakehashfakehashfakehash.png';
const parts = { http: new HttpText(), stream: new HttpStream() };
const server = new ScriptedHub();
beforeAll(() => server.start());
afterAll(async () => {
  parts.http.close();
  parts.stream.close();
  await server.close();
});

const upload = (over: Partial<HubUpload> = {}, keyPlace: HubKeyPlace = 'both') =>
  new RunningHub(parts, { baseUrl: server.url, apiKey: key, keyPlace, timeoutMs: 5_000 }).upload({ name: '输入图.png', mediaType: 'image/png', size: 10, open: () => Readable.from([Buffer.from('0123456789')]), ...over }, never);

describe('an upload', () => {
  test.each([
    ['upload-legacy.success', name], ['upload-legacy.success-filetype-image', name], ['upload-legacy.success-code-200-variant', name], ['upload-legacy.success-zip', 'fakeziphashfakeziphashfakeziphash'],
    ['upload-v2.success', 'openapi/fake-upload.png'], ['upload-v2.success-code-200-variant', 'openapi/fake-upload.png'],
  ])('gives the name to use: %s', async (fixture, fileName) => {
    server.says(fixture);
    expect(await upload()).toEqual({ fileName });
  });

  test.each([['body', true, undefined], ['both', true, `Bearer ${key}`]] as const)('is a form with the file, and the key in the %s', async (keyPlace, inForm, header) => {
    server.says('upload-legacy.success');
    await upload({}, keyPlace);
    const { path, body, headers } = server.seen[0] ?? { path: '', body: '', headers: {} };
    expect([path, headers.authorization, body.includes(key)]).toEqual(['/task/openapi/upload', header, inForm]);
    expect(body).toMatch(/name="fileType"\r\n\r\ninput[\s\S]*name="file"; filename="[^"]+\.png"[\s\S]*0123456789/);
  });

  it('with a key that is taken in the header alone is one of the second generation', async () => {
    server.says('upload-v2.success');
    expect(await upload({}, 'header')).toEqual({ fileName: 'openapi/fake-upload.png' });
    const { path, body, headers } = server.seen[0] ?? { path: '', body: '', headers: {} };
    expect([path, headers.authorization, body.includes(key)]).toEqual(['/openapi/v2/media/upload/binary', `Bearer ${key}`, false]);
    expect(body.match(/ name="/g)).toHaveLength(1);
    server.says('upload-v2.bad-key-401');
    await expect(upload({}, 'header')).rejects.toMatchObject({ code: 'ENGINE_UNAUTHORIZED' });
  });

  test.each([['a.png', 'image/png', 'a.png'], ['a', 'image/jpeg', 'a.jpg'], ['', 'video/mp4', 'file.mp4'], ['a', 'application/x-very-long-name', 'a.bin'], ['v1.2 final', 'audio/flac', 'v1.2 final.flac'], ['a', '', 'a.bin']])('has an extension: %s of %s is %s', (given, mediaType, sent) => {
    expect(namedForUpload({ name: given, mediaType })).toBe(sent);
  });

  it('of too large a file is not even begun', async () => {
    server.says('upload-legacy.success');
    await expect(upload({ size: 30 * 1024 * 1024 + 1 })).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(server.seen).toEqual([]);
  });

  test.each([['upload-legacy.too-large-809', 'PAYLOAD_TOO_LARGE', false], ['upload-legacy.failed-808', 'UPSTREAM_ERROR', true], ['upload-v2.bad-key-401', 'ENGINE_UNAUTHORIZED', false], ['ai-app-run.html-gateway-502', 'UPSTREAM_ERROR', true]])('that fails says how: %s', async (fixture, code, retryable) => {
    server.says(fixture);
    await expect(upload()).rejects.toMatchObject({ code, retryable });
    expect(server.seen).toHaveLength(1);
  });

  it('whose key was rejected is tried once more, since that happens to good keys', async () => {
    server.says('upload-legacy.bad-key-401', 'upload-legacy.success');
    expect(await upload()).toEqual({ fileName: name });
    server.says('upload-legacy.bad-key-401');
    await expect(upload()).rejects.toMatchObject({ code: 'ENGINE_UNAUTHORIZED', retryable: false });
    expect(server.seen).toHaveLength(2);
  });

  it('that was taken without a name is an upstream error', async () => {
    for (const data of [null, {}, { fileName: '' }, 'x']) {
      server.says(json({ code: 0, data }));
      await expect(upload()).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    }
  });

  it('without an answer is a connection error, and a file that cannot be opened keeps its own', async () => {
    server.says('upload-legacy.success');
    server.instead = 'cut';
    await expect(upload()).rejects.toMatchObject({ code: 'CONNECTION_ERROR', cause: { cause: undefined } });
    await expect(upload({ open: () => { throw fail('IMAGE_NOT_FOUND', 'a.png'); } })).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });
});
