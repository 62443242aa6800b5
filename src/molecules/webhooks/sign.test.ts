import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { parseSecret, webhookHeaders } from './sign.ts';

function keyOf(secret: string): Buffer {
  const { key, fault } = parseSecret(secret);
  if (fault !== undefined) throw new TypeError(fault);
  return key;
}
const message = (at = Date.now()) => ({ id: '0198c0de-0000-7000-8000-000000000001', at, body: '{"type":"completed","seed":18446744073709551615,"name":"ä"}' });

describe('a signature', () => {
  it('is taken by the library of Standard Webhooks', () => {
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    const headers = webhookHeaders(message(), keyOf(secret));
    expect(new Webhook(secret).verify(message().body, headers)).toMatchObject({ type: 'completed' });
    expect(() => new Webhook(secret).verify(`${message().body} `, headers)).toThrow('No matching signature found');
    expect(() => new Webhook(secret).verify(message().body, { ...headers, 'webhook-id': 'another' })).toThrow('No matching signature found');
    expect(() => new Webhook(`whsec_${randomBytes(32).toString('base64')}`).verify(message().body, headers)).toThrow('No matching signature found');
    expect(() => new Webhook(secret).verify(message().body, webhookHeaders(message(Date.now() - 6 * 60_000), keyOf(secret)))).toThrow('Message timestamp too old');
  });

  it('with a secret in plain characters is taken by the library, which needs its base64', () => {
    const secret = 'ein langes Geheimnis: über Größe';
    const headers = webhookHeaders(message(), keyOf(secret));
    expect(new Webhook(Buffer.from(secret).toString('base64')).verify(message().body, headers)).toMatchObject({ type: 'completed' });
  });

  it('is the one of the specification', () => {
    const body = '{"test": 2432232314}';
    const headers = webhookHeaders({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at: 1_614_265_330_999, body }, keyOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'));
    expect(headers).toEqual({ 'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp': '1614265330', 'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' });
  });

  it('is missing where there is no secret; the id and the time are not', () => {
    expect(webhookHeaders(message(5_999), undefined)).toEqual({ 'webhook-id': message().id, 'webhook-timestamp': '5' });
  });
});

describe('a secret', () => {
  it.each([
    ['whsec_', 'after whsec_ there must be base64'],
    ['whsec_not base64 at all!', 'after whsec_ there must be base64'],
    [`whsec_${Buffer.alloc(23).toString('base64')}`, 'it must have 24 to 64 bytes in base64 after whsec_, and has 23'],
    [`whsec_${Buffer.alloc(65).toString('base64')}`, 'it must have 24 to 64 bytes in base64 after whsec_, and has 65'],
    ['', 'it must have 24 to 64 bytes, and has 0'],
    ['x'.repeat(23), 'it must have 24 to 64 bytes, and has 23'],
    ['x'.repeat(65), 'it must have 24 to 64 bytes, and has 65'],
  ])('%j is refused in words that do not tell it', (secret, fault) => {
    expect(parseSecret(secret)).toEqual({ fault });
  });

  it.each([`whsec_${Buffer.alloc(24).toString('base64')}`, `whsec_${Buffer.alloc(64).toString('base64')}`, 'x'.repeat(24), 'x'.repeat(64)])('%j is taken', (secret) => {
    expect(parseSecret(secret).fault).toBeUndefined();
  });
});
