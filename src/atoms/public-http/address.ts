/** Which addresses are public, and which spellings of a host are no name of the public internet. Pure. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type Network = readonly [Address, number];

/** Everything that IPv6 gives to the public. What is outside has no address there, whatever a table may call it. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Translates IPv6 to IPv4: what it leads to is in its last four bytes (RFC 6052). */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');
/** Public by its number, but answers inside of a cloud only, with what its machines must keep to themselves (Azure). */
const CLOUD_INSIDE: readonly string[] = ['168.63.129.16'];

/**
 * The address that is written there; IPv4 inside of IPv6 (`::ffff:127.0.0.1`) is IPv4. Undefined for what is none: node decides,
 * since it is node that looks up everything else. IPv6 is read as a URL spells it, since ipaddr.js takes `::8.8.8.8` for `::ffff:8.8.8.8`.
 */
export function addressOf(text: string): Address | undefined {
  const family = isIP(text);
  if (family === 0) return undefined;
  return ipaddr.process(family === 4 ? text : bareHost(new URL(`http://[${text.replace(/%.*/, '')}]/`).hostname));
}

/** Whether anybody may be sent there: unicast of the public internet. An address that only wraps another is what it wraps, or refused. */
export function isPublic(address: Address): boolean {
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast' && !CLOUD_INSIDE.includes(address.toString());
  if (address.match(NAT64)) return isPublic(new ipaddr.IPv4(address.toByteArray().slice(12)));
  return address.match(GLOBAL_UNICAST) && address.range() === 'unicast';
}

/** Whether the address lies in the network. One of the other family does not. */
export function isWithin(address: Address, [base, bits]: Network): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

/** The host of a URL without the brackets of IPv6. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Names that mean this machine or this network, and spellings with a dot too many, which slip past lists of names. */
export function isLocalName(host: string): boolean {
  return host === '' || /(^|\.)(localhost|local|internal)$/.test(host) || host.split('.').includes('');
}
