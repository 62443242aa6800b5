import { describe, expect, it, test } from 'vitest';
import { baseUrlOf, keyOf, siteHint } from './account.ts';

describe('a base URL', () => {
  test.each([
    ['https://www.runninghub.cn', 'https://www.runninghub.cn'],
    [' https://www.runninghub.ai/ ', 'https://www.runninghub.ai'],
    ['https://proxy.example/hub//', 'https://proxy.example/hub'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://127.8.9.1/', 'http://127.8.9.1'],
    ['http://localhost:9', 'http://localhost:9'],
    ['http://hub.localhost:9', 'http://hub.localhost:9'],
    ['http://[::1]:9', 'http://[::1]:9'],
  ])('%s is taken as it is', (given, url) => {
    expect(baseUrlOf(given)).toEqual({ url });
  });

  test.each([
    ['http://www.runninghub.cn', 'https://www.runninghub.cn', 'redirects'],
    ['http://127.0.0.1.evil.example', 'https://127.0.0.1.evil.example', 'redirects'],
    ['http://localhost.evil.example:81/x', 'https://localhost.evil.example:81/x', 'redirects'],
    ['https://api.runninghub.ai', 'https://www.runninghub.ai', 'does not exist'],
    ['http://api.runninghub.ai/', 'https://www.runninghub.ai', 'redirects, and names api.runninghub.ai'],
    ['www.runninghub.cn', 'https://www.runninghub.cn', 'no scheme'],
    ['127.0.0.1:8189', 'http://127.0.0.1:8189', 'no scheme: http:// is taken'],
  ])('%s becomes %s, with a warning', (given, url, words) => {
    const found = baseUrlOf(given);
    expect(found.url).toBe(url);
    expect(found.warning).toContain(words);
    expect(found.warning).toContain(url);
  });

  test.each(['', 'https://', 'ftp://www.runninghub.cn', 'https://www.runninghub.cn/?a=b', 'https://www.runninghub.cn/#x', 'a b'])('"%s" is refused', (given) => {
    expect(() => baseUrlOf(given)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }) as Error);
  });

  it('with credentials is refused without telling them', () => {
    expect(() => baseUrlOf('https://me:hushhush@www.runninghub.cn')).toThrow(/credentials/);
    expect(() => baseUrlOf('https://me:hushhush@www.runninghub.cn')).not.toThrow(/hushhush/);
  });
});

describe('a key', () => {
  const plain = '0123456789abcdef0123456789abcdef';

  it('is taken as it is', () => {
    expect(keyOf(plain)).toEqual({ key: plain, keyHadWhitespace: false, odd: undefined });
  });

  test.each([`${plain}\n`, ` ${plain}`, `\t${plain}\r\n`, `${plain.slice(0, 16)}\n${plain.slice(16)}`, `\uFEFF${plain}\u200B`])('loses blanks and line breaks: %j', (given) => {
    expect(keyOf(given)).toEqual({ key: plain, keyHadWhitespace: true, odd: undefined });
  });

  it('of another length is told', () => {
    expect(keyOf(plain.slice(1)).odd).toBe('has 31 characters; keys have 32');
  });

  test.each([`Bearer ${plain}`, `"${plain}"`, `'${plain}'`, `"Bearer ${plain}"`])('loses what was copied along: %s', (given) => {
    expect(keyOf(given)).toEqual({ key: plain, keyHadWhitespace: false, odd: expect.stringMatching(/quotes.*Bearer/) as unknown });
  });

  test.each(['', ' \n', 'schlüssel', 'a\u0000b'])('that cannot be one is refused, and not told: %j', (given) => {
    expect(() => keyOf(given)).toThrow(expect.objectContaining({ code: 'VALIDATION_ERROR' }) as Error);
    if (given.trim() !== '') expect(() => keyOf(given)).not.toThrow(given);
  });
});

describe('the hint about sites', () => {
  test.each([['https://www.runninghub.cn', 'www.runninghub.ai'], ['https://www.runninghub.ai', 'www.runninghub.cn']])('at %s names the other one', (url, other) => {
    expect(siteHint(url)).toContain(other);
  });

  it('is silent about other hosts', () => {
    expect(siteHint('http://127.0.0.1:8080')).toBe('');
  });
});
