import type { Instance } from '../../models/instance.ts';

/** An instance from its configured URL. `user:password@` becomes a header and is part of nothing that is shown. Pure. */
export function instanceOf(address: string): Instance {
  const url = new URL(address);
  const headers: Record<string, string> = {};
  if (url.username || url.password) {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['Authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  }
  const path = url.pathname.replace(/\/+$/, '');
  return { name: url.host + path, url: `${url.protocol}//${url.host}${path}`, headers };
}
