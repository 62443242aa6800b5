import { describe, expect, it } from 'vitest';
import { addressOf, bareHost, isLocalName, isPublic } from './address.ts';

const verdict = (text: string): boolean | undefined => {
  const address = addressOf(text);
  return address && isPublic(address);
};

describe('an address', () => {
  it.each([
    '8.8.8.8', '1.1.1.1', '100.63.255.255', '100.128.0.0', '172.15.255.255', '172.32.0.0', '11.0.0.0', '192.167.255.255', '223.255.255.255',
    '2606:4700:4700::1111', '2a00:1450:4001::200e', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8',
  ])('%s is public', (text) => {
    expect(verdict(text)).toBe(true);
  });

  it.each([
    ['unspecified', ['0.0.0.0', '0.1.2.3', '::']],
    ['loopback', ['127.0.0.1', '127.255.255.254', '::1']],
    ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1']],
    ['link-local, where clouds keep their metadata', ['169.254.0.1', '169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'febf::1']],
    ['of a cloud inside', ['168.63.129.16', '100.100.100.200', '192.0.0.192', 'fd00:ec2::254']],
    ['carrier-grade NAT', ['100.64.0.0', '100.127.255.255']],
    ['multicast', ['224.0.0.1', '239.255.255.255', 'ff02::1']],
    ['reserved, or broadcast', ['240.0.0.1', '255.255.255.255', '192.0.0.1', '192.88.99.1', '100::1', '5f00::1']],
    ['for documentation', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1']],
    ['for benchmarks', ['198.18.0.1', '198.19.255.255', '2001:2::1']],
    ['unique local or site-local', ['fc00::1', 'fdff::1', 'fec0::1']],
    ['IPv4 in IPv6 that is not public', ['::ffff:127.0.0.1', '::ffff:a00:1', '::ffff:169.254.169.254', '64:ff9b::10.0.0.1', '64:ff9b::7f00:1']],
    ['IPv4 in IPv6 in ways that nobody needs', ['::127.0.0.1', '::8.8.8.8', '::ffff:0:8.8.8.8', '64:ff9b:1::8.8.8.8', '2002:7f00:1::', '2002:808:808::1', '2001::1', '2001:0:808:808::1']],
    ['outside of what IPv6 gives to the public', ['4000::1', 'e000::1', '1::1']],
  ])('that is %s is not public', (_kind, texts) => {
    expect(texts.filter((text) => verdict(text) !== false)).toEqual([]);
  });

  it.each(['', 'example.org', '127.1', '0x7f000001', '2130706433', '0177.0.0.1', '1.2.3', '1.2.3.4.5', '1.2.3.256', ':::', '1::2::3'])('is not %j', (text) => {
    expect(addressOf(text)).toBeUndefined();
  });
});

describe('the host of a URL', () => {
  it.each([
    ['http://0x7f000001/', '127.0.0.1'], ['http://2130706433/', '127.0.0.1'], ['http://127.1/', '127.0.0.1'], ['http://0/', '0.0.0.0'],
    ['http://0177.0.0.1/', '127.0.0.1'], ['http://127.0.0.1./', '127.0.0.1'], ['http://0xA9FEA9FE/', '169.254.169.254'], ['http://10.1/', '10.0.0.1'],
    ['http://%31%32%37.0.0.1/', '127.0.0.1'], ['http://①②⑦.0.0.1/', '127.0.0.1'], ['http://127。0。0。1/', '127.0.0.1'], ['http://[::ffff:127.0.0.1]/', '::ffff:7f00:1'],
    ['http://[0:0:0:0:0:0:0:1]/', '::1'], ['http://[::FFFF:7F00:1]/', '::ffff:7f00:1'],
  ])('%s is the address %s by the time it is checked', (url, address) => {
    const host = bareHost(new URL(url).hostname);
    expect([host, verdict(host)]).toEqual([address, false]);
  });

  it.each(['localhost', 'a.localhost', 'printer.local', 'local', 'metadata.google.internal', 'internal', 'localhost.', 'example.org.', 'a..b', '.', ''])('%j is a local name, or a spelling that hides one', (host) => {
    expect(isLocalName(host)).toBe(true);
  });

  it.each(['example.org', 'local.example.org', 'notlocalhost', 'internal.example.org', 'mylocal'])('%j is not', (host) => {
    expect(isLocalName(host)).toBe(false);
  });
});
