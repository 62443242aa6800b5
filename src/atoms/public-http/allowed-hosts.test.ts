import { describe, expect, it } from 'vitest';
import { type AllowedHosts, parseAllowedHosts } from './allowed-hosts.ts';

function allowing(...entries: string[]): AllowedHosts {
  const { list, fault } = parseAllowedHosts(entries);
  if (fault !== undefined) throw new TypeError(fault);
  return list;
}

/** Whether the list lets a call through that goes to `host`, which leads to `address`. */
function reaches(list: AllowedHosts, host: string, { address = host, port = 443 }: { address?: string; port?: number } = {}): boolean {
  const target = { host, port };
  return list.refusesHost(target) === undefined && list.refusesAddress(target, address) === undefined;
}

describe('an entry', () => {
  it('* is every public address and no other', () => {
    const list = allowing('*');
    expect(reaches(list, 'example.org', { address: '8.8.8.8' })).toBe(true);
    expect(reaches(list, '8.8.8.8')).toBe(true);
    expect(reaches(list, '2606:4700:4700::1111')).toBe(true);
    expect(reaches(list, 'example.org', { address: '10.0.0.1' })).toBe(false);
    expect(reaches(list, '127.0.0.1')).toBe(false);
    expect(reaches(list, 'localhost', { address: '8.8.8.8' })).toBe(false);
    expect(reaches(list, 'example.org.', { address: '8.8.8.8' })).toBe(false);
  });

  it('with a name is that name wherever it leads, and nothing below or beside it', () => {
    const list = allowing('Files.Example.org', 'localhost', 'bücher.example');
    expect(reaches(list, 'files.example.org', { address: '10.0.0.1' })).toBe(true);
    expect(reaches(list, 'localhost', { address: '::1' })).toBe(true);
    expect(reaches(list, 'xn--bcher-kva.example', { address: '8.8.8.8' })).toBe(true);
    expect(reaches(list, 'a.files.example.org', { address: '8.8.8.8' })).toBe(false);
    expect(reaches(list, 'afiles.example.org', { address: '8.8.8.8' })).toBe(false);
    expect(reaches(list, 'files.example.org.', { address: '8.8.8.8' })).toBe(false);
    expect(reaches(list, '10.0.0.1')).toBe(false);
  });

  it('with a star before a name is what lies below it, in public', () => {
    const list = allowing('*.example.org');
    expect(reaches(list, 'a.b.example.org', { address: '8.8.8.8' })).toBe(true);
    expect(reaches(list, 'a.example.org', { address: '10.0.0.1' })).toBe(false);
    expect(reaches(list, 'example.org', { address: '8.8.8.8' })).toBe(false);
    expect(reaches(list, 'badexample.org', { address: '8.8.8.8' })).toBe(false);
  });

  it('with addresses is these, by number or by a name that is not local', () => {
    const list = allowing('10.0.0.0/8', '192.168.1.5', '[::1]', 'fd00::/8', '[fe80::/10]:8080');
    expect(reaches(list, '10.255.0.1')).toBe(true);
    expect(reaches(list, '::ffff:a00:1')).toBe(true);
    expect(reaches(list, 'store', { address: '192.168.1.5' })).toBe(true);
    expect(reaches(list, '::1')).toBe(true);
    expect(reaches(list, 'fd12::1')).toBe(true);
    expect(reaches(list, 'fe80::1', { port: 8_080 })).toBe(true);
    expect(reaches(list, 'fe80::1')).toBe(false);
    expect(reaches(list, '11.0.0.1')).toBe(false);
    expect(reaches(list, '192.168.1.6')).toBe(false);
    expect(reaches(list, '127.0.0.1')).toBe(false);
    expect(reaches(list, 'localhost', { address: '::1' })).toBe(false);
  });

  it('with a port is that port alone', () => {
    const list = allowing('*:443', 'localhost:9000', '10.0.0.5:80');
    expect(reaches(list, 'example.org', { address: '8.8.8.8', port: 443 })).toBe(true);
    expect(reaches(list, 'example.org', { address: '8.8.8.8', port: 80 })).toBe(false);
    expect(reaches(list, 'localhost', { address: '127.0.0.1', port: 9_000 })).toBe(true);
    expect(reaches(list, 'localhost', { address: '127.0.0.1', port: 9_001 })).toBe(false);
    expect(reaches(list, '10.0.0.5', { port: 80 })).toBe(true);
    expect(reaches(list, '10.0.0.5', { port: 81 })).toBe(false);
  });
});

describe('a refusal', () => {
  it('says where the name leads and what is missing', () => {
    const target = { host: 'example.org', port: 80 };
    expect(allowing('*').refusesAddress(target, '127.0.0.1')).toBe('leads to 127.0.0.1, which is not public and not in the list of allowed hosts');
    expect(allowing('10.0.0.1').refusesAddress(target, '8.8.8.8')).toBe('leads to 8.8.8.8, which is not in the list of allowed hosts');
    expect(allowing('*').refusesAddress(target, 'nonsense')).toBe('leads to what is no address');
    expect(allowing('*').refusesHost({ host: '10.0.0.1', port: 80 })).toBe('is not public and not in the list of allowed hosts');
    expect(allowing('*').refusesHost({ host: 'localhost', port: 80 })).toBe('has a local name, which is not in the list of allowed hosts');
  });

  it('comes before the name is looked up where no address could help', () => {
    expect(allowing('files.example.org').refusesHost({ host: 'example.org', port: 80 })).toBe('is not in the list of allowed hosts');
    expect(allowing().refusesHost({ host: 'example.org', port: 80 })).toBe('is not in the list of allowed hosts');
    expect(allowing('10.0.0.1').refusesHost({ host: 'example.org', port: 80 })).toBeUndefined();
  });
});

describe('a list', () => {
  it.each(['', 'http://example.org', 'example.org/path', 'user@example.org', '*.', '**', 'a.*.org', '*example.org', '10.0.0.0/33', '10.0.0/8', '10.0.0.0/', '::1/129', '127.1', '0x7f000001', '[::1', '[example.org]', 'example.org:', 'example.org:0', 'example.org:65536', 'example.org:http', 'a b', 'a..b', '*.10.0.0.1', '300.1.1.1'])('may not contain %j', (entry) => {
    expect(parseAllowedHosts(['*', entry]).fault).toBe(`"${entry}" is none of *, example.org, *.example.org, 10.0.0.5, [::1], 10.0.0.0/8 or [fd00::/8], each with an optional :port`);
  });

  it('may have blanks around its entries', () => {
    expect(reaches(allowing(' example.org '), 'example.org', { address: '8.8.8.8' })).toBe(true);
  });
});
