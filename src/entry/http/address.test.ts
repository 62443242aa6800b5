import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createAddressOf } from './address.ts';

function call(peer: string | undefined, forwarded?: string): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: peer });
  const message = new IncomingMessage(socket);
  if (forwarded !== undefined) message.headers['x-forwarded-for'] = forwarded;
  return message;
}

describe('the address of a call', () => {
  it.each([
    [[], '192.0.2.1', '203.0.113.7', '192.0.2.1'],
    [['10.0.0.0/8'], '192.0.2.1', '203.0.113.7', '192.0.2.1'],
    [['10.0.0.0/8'], '10.1.2.3', '203.0.113.7', '203.0.113.7'],
    [['10.0.0.0/8'], '10.1.2.3', '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    [['10.0.0.0/8'], '10.1.2.3', '203.0.113.7, 10.9.9.9', '203.0.113.7'],
    [['loopback'], '::ffff:127.0.0.1', '2001:db8::1', '2001:db8::1'],
    [['loopback'], '127.0.0.1', undefined, '127.0.0.1'],
    [['loopback'], undefined, '203.0.113.7', undefined],
  ])('with %j trusted, from %s with %s, is %s', (trusted, peer, forwarded, address) => {
    expect(createAddressOf(trusted)(call(peer, forwarded))).toBe(address);
  });
});
