import { describe, expect, it } from 'vitest';
import { decodeDataUri } from './data-uri.ts';

const decoded = (text: string): [string, string] => {
  const { mediaType, bytes } = decodeDataUri(text, 1_000);
  return [mediaType, bytes.toString('latin1')];
};
const refusal = (text: string, maxBytes = 1_000): unknown => {
  try {
    return decodeDataUri(text, maxBytes);
  } catch (error) {
    return error;
  }
};

describe('a data URI', () => {
  it.each([
    ['data:image/png;base64,aGVsbG8=', 'image/png', 'hello'],
    ['DATA:Image/PNG;Base64,aGVsbG8=', 'image/png', 'hello'],
    ['data:image/svg+xml;charset=utf-8;base64,aGVsbG8=', 'image/svg+xml', 'hello'],
    ['data:image/png; base64 ,aGVsbG8=', 'image/png', 'hello'],
    ['data:image/png;base64,aGVs\r\n bG8=\n', 'image/png', 'hello'],
    ['data:image/png;base64,aGVsbG8', 'image/png', 'hello'],
    ['data:image/png;base64,aGVsbG8%3D', 'image/png', 'hello'],
    ['data:;base64,-_-_', 'text/plain', '\xfb\xff\xbf'],
    ['data:;base64,+/+/', 'text/plain', '\xfb\xff\xbf'],
    ['data:,hello%20%57orld%', 'text/plain', 'hello World%'],
    ['data:text/plain,%zz%ff,%2', 'text/plain', '%zz\xff,%2'],
    ['data:text/plain,ä', 'text/plain', '\xc3\xa4'],
    ['data:image/png;base64,', 'image/png', ''],
  ])('%j is %s', (text, mediaType, bytes) => {
    expect(decoded(text)).toEqual([mediaType, bytes]);
  });

  it.each([
    ['image/png;base64,aGVsbG8=', /begins with "data:"/],
    ['data:image/png;base64', /a comma/],
    ['data:png;base64,aGVsbG8=', /"png" of a data URI is no media type/],
    ['data:image/png;base64,aGVs!bG8=', /not base64: it contains "!"/],
    ['data:image/png;base64,aG=Vs', /not base64: it contains "="/],
    ['data:image/png;base64,aGVsb', /not base64: 5 digits .* cut off/],
  ])('%j is refused in words', (text, words) => {
    expect(refusal(text)).toMatchObject({ code: 'VALIDATION_ERROR', detail: expect.stringMatching(words) });
  });

  it('may have as many bytes as are allowed, and none more', () => {
    expect([decodeDataUri('data:;base64,aGVsbG8=', 5).bytes.length, decodeDataUri('data:,hell%6f', 5).bytes.length]).toEqual([5, 5]);
    for (const text of ['data:;base64,aGVsbG8=', 'data:,hell%6f', `data:,${'x'.repeat(13)}`]) expect(refusal(text, 4)).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  });

  it('of many megabytes is decoded', () => {
    const bytes = Buffer.alloc(32 * 1024 * 1024, 'abc');
    expect(decodeDataUri(`data:image/png;base64,${bytes.toString('base64')}`, bytes.length).bytes.equals(bytes)).toBe(true);
  });
});
