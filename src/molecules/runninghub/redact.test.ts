import { describe, expect, it, test } from 'vitest';
import { parseJson, stringifyJson } from '../../atoms/json/json.ts';
import { cleansed, redactorOf } from './redact.ts';

const key = 'K3Y+secret/0123456789abcdef=';

describe('a text', () => {
  test.each([`the key ${key} stands here`, `/a?apiKey=${encodeURIComponent(key)}&b=c`, `twice ${key}${key}`, `loud ${key.toUpperCase()}`])('loses the key: %s', (text) => {
    const clean = redactorOf(key)(text);
    expect(clean.toLowerCase()).not.toContain(key.toLowerCase());
    expect(clean).not.toContain(encodeURIComponent(key));
    expect(clean).toContain('[redacted]');
  });

  test.each([
    'wss://www.runninghub.cn:443/ws/c_instance?c_host=192.0.2.10&Rh-Comfy-Auth=BLOB%3D%3D&target=http://node:1',
    '{"netWssUrl":"wss:\\/\\/www.runninghub.cn\\/ws?Rh-Comfy-Auth=BLOB"}',
    'a query c_port=84&Rh-Comfy-Auth=BLOB&x=1',
    'encoded Rh-Comfy-Auth%3DBLOB',
    'a header rh-comfy-auth: BLOB',
  ])('loses signatures of sockets: %s', (text) => {
    expect(redactorOf(key)(text)).not.toContain('BLOB');
  });

  it('loses addresses of sockets as a whole', () => {
    expect(redactorOf(key)('see wss://www.runninghub.cn:443/ws/c_instance?c_host=192.0.2.10 and go')).toBe('see [redacted] and go');
  });

  it('without secrets stays as it is', () => {
    expect(redactorOf(key)('https://host/a.png?sign=1')).toBe('https://host/a.png?sign=1');
  });

  it('is not torn to pieces by a key of a few letters, which is none', () => {
    expect(redactorOf('test')('the test is https://test/')).toBe('the test is https://test/');
  });
});

describe('parsed JSON', () => {
  it('loses secrets wherever they stand, and keeps the rest, long numbers too', () => {
    const value = parseJson(`{"taskId":1994070439827980290,"deep":[{"${key}":"x ${key}"}],"curl":"anything","netWssUrl":null,"n":7,"f":false}`);
    expect(stringifyJson(cleansed(value, redactorOf(key)))).toBe('{"taskId":1994070439827980290,"deep":[{"[redacted]":"x [redacted]"}],"curl":"[redacted]","netWssUrl":null,"n":7,"f":false}');
  });

  it('loses a key that is a number', () => {
    const digits = '12345678901234567890123456789012';
    expect(stringifyJson(cleansed(parseJson(`{"a":${digits}}`), redactorOf(digits)))).toBe('{"a":"[redacted]"}');
  });
});
