/** Reads what somebody configured for an account: where it is, and with which key. Pure. */
import { fail } from '../../core/errors.ts';

const KEY_LENGTH = 32;
/** What comes along when a key is copied, zero-width characters included. */
const blanks = /[\s\u200B-\u200D\u2060\uFEFF]+/gu;

export interface Key {
  readonly key: string;
  readonly keyHadWhitespace: boolean;
  /** Why it does not look like one, as the end of a sentence. */
  readonly odd: string | undefined;
}

/** The key without blanks and line breaks. Throws VALIDATION_ERROR for an empty one, and for characters that no header takes. */
export function keyOf(text: string): Key {
  const bare = unwrapped(text.trim());
  const key = bare.replace(blanks, '');
  if (key === '') throw fail('VALIDATION_ERROR', 'the API key for RunningHub is empty.');
  if (!/^[\x21-\x7E]+$/.test(key)) throw fail('VALIDATION_ERROR', 'the API key for RunningHub holds characters that no key has.');
  return { key, keyHadWhitespace: key !== bare || text !== text.trim(), odd: bare !== text.trim() ? 'came with quotes or with "Bearer", which were left out' : oddOf(key) };
}

/** What is copied along with a key. */
const unwrapped = (text: string): string => text.replace(/^(["'`])(.*)\1$/s, '$2').replace(/^bearer\s+/i, '');

const oddOf = (key: string): string | undefined => (key.length === KEY_LENGTH ? undefined : `has ${key.length} characters; keys have ${KEY_LENGTH}`);

export interface BaseUrl {
  /** Without a slash at its end. */
  readonly url: string;
  readonly warning?: string;
}

/**
 * The address that calls go to. It is https unless it is this machine: RunningHub redirects http, and a redirected call
 * loses its body. Throws VALIDATION_ERROR for what is no such address.
 */
export function baseUrlOf(text: string): BaseUrl {
  const given = text.trim();
  const usual = URL.canParse(`http://${given}`) && isLoopback(new URL(`http://${given}`).hostname) ? 'http' : 'https';
  const withScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(given) ? given : `${usual}://${given}`;
  if (!URL.canParse(withScheme)) throw fail('VALIDATION_ERROR', `the base URL of RunningHub is no address: "${given.slice(0, 200)}".`);
  const url = new URL(withScheme);
  if (url.username || url.password) throw fail('VALIDATION_ERROR', 'the base URL of RunningHub holds credentials; the key is configured by itself.');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw fail('VALIDATION_ERROR', `the base URL of RunningHub begins with ${url.protocol}//; https:// is taken.`);
  if (url.search || url.hash) throw fail('VALIDATION_ERROR', 'the base URL of RunningHub has a query or a fragment; give the address alone.');
  const warnings = [...(withScheme === given ? [] : [`has no scheme: ${usual}:// is taken`]), ...secured(url), ...renamed(url)];
  const whole = url.href.replace(/\/+$/, '');
  return warnings.length === 0 ? { url: whole } : { url: whole, warning: `the base URL of RunningHub ${warnings.join(', and ')}; calls go to ${whole}.` };
}

function secured(url: URL): string[] {
  if (url.protocol === 'https:' || isLoopback(url.hostname)) return [];
  url.protocol = 'https:';
  return ['begins with http://, which RunningHub redirects'];
}

function renamed(url: URL): string[] {
  if (url.hostname !== 'api.runninghub.ai') return [];
  url.hostname = 'www.runninghub.ai';
  return ['names api.runninghub.ai, which does not exist'];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
}

/** What to think of when a key or an id is unknown there. */
export function siteHint(url: string): string {
  const { hostname } = new URL(url);
  const other = hostname.endsWith('runninghub.cn') ? 'www.runninghub.ai' : hostname.endsWith('runninghub.ai') ? 'www.runninghub.cn' : undefined;
  return other === undefined ? '' : ` Keys, workflows and apps of ${other} are unknown at ${hostname}: if it belongs there, change the base URL.`;
}
