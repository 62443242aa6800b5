import { isIP } from 'node:net';

/**
 * Whether a request must be refused with 403: its Host is a loopback name and its Origin names another one. Without a port
 * in the Origin only the names are compared; `localhost` and `127.0.0.1` are different names (http/origin).
 */
export function isForeign(host: string | undefined, origin: string | undefined): boolean {
  if (host === undefined || origin === undefined || !URL.canParse(origin) || !URL.canParse(`http://${host}`)) return false;
  const [from, to] = [new URL(origin), new URL(`http://${host}`)];
  if (from.host === '' || !isLoopback(to.hostname)) return false;
  const hasPort = /^[a-z]+:\/\/[^/]*:\d+/i.test(origin);
  return hasPort ? from.host !== to.host : from.hostname !== to.hostname;
}

function isLoopback(name: string): boolean {
  if (name === 'localhost' || name === '[::1]') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}
