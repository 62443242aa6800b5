import { fail } from '../../core/errors.ts';
import { bareHost } from './address.ts';
import type { AllowedHosts, Target } from './allowed-hosts.ts';
import { shownAddress } from './shown-address.ts';

export interface Destination extends Target {
  readonly url: URL;
  readonly secure: boolean;
}

/** Reads an address and checks what can be checked before its name is looked up. Throws VALIDATION_ERROR. Pure. */
export function destinationOf(text: string, allowed: AllowedHosts): Destination {
  if (!URL.canParse(text)) throw fail('VALIDATION_ERROR', 'the address is no URL: it must begin with http:// or https://.');
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) throw refused(url, 'does not begin with http:// or https://');
  if (url.username !== '' || url.password !== '') throw refused(url, 'contains credentials, which are not sent');
  const secure = url.protocol === 'https:';
  const destination = { url, secure, host: bareHost(url.hostname), port: Number(url.port || (secure ? 443 : 80)) };
  const reason = allowed.refusesHost(destination);
  if (reason !== undefined) throw refused(url, reason);
  return destination;
}

/** VALIDATION_ERROR about that address. */
export function refused(url: URL, reason: string): Error {
  return fail('VALIDATION_ERROR', `the address ${shownAddress(url.href)} ${reason}.`);
}
