/** Whose call it is, as an address: that of the connection, or what a proxy that is trusted says of it. */
import type { IncomingMessage } from 'node:http';
import proxyAddress from 'proxy-addr';

export type AddressOf = (request: IncomingMessage) => string | undefined;

/** `trusted` are addresses, subnets, or the names of ranges that proxy-addr knows (`loopback`, `linklocal`, `uniquelocal`). */
export function createAddressOf(trusted: readonly string[]): AddressOf {
  if (trusted.length === 0) return (request) => request.socket.remoteAddress;
  const trust = proxyAddress.compile([...trusted]);
  return (request) => (request.socket.remoteAddress === undefined ? undefined : proxyAddress(request, trust));
}
