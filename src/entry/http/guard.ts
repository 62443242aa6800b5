/**
 * Keeps web pages away from a gateway without keys. A browser on the same machine can reach a loopback address, so a
 * page could drive it: by a name that it re-binds to 127.0.0.1 (the Host header tells), or by plain cross-site calls
 * (the Origin header tells). With keys neither works: a page has none.
 */
import type { RequestHandler } from 'express';
import type { Config } from '../../core/config.ts';
import { fail } from '../../core/errors.ts';

export type GuardOptions = Pick<Config, 'HOST' | 'PUBLIC_URL' | 'CORS_ORIGINS' | 'authenticated'>;

export interface Guard {
  readonly middleware: RequestHandler;
  /** Throws FORBIDDEN for a Host or an Origin that must not reach us. Sockets ask before they are accepted, with keys too: CORS does not cover them. */
  check(headers: { readonly host?: string | undefined; readonly origin?: string | undefined }): void;
}

const safe = new Set(['GET', 'HEAD', 'OPTIONS']);
const loopbackName = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/i;
const hostName = (host: string): string => host.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase();

export function createGuard({ HOST, PUBLIC_URL, CORS_ORIGINS, authenticated }: GuardOptions): Guard {
  const bracketed = HOST.includes(':') && !HOST.startsWith('[') ? `[${HOST}]` : HOST;
  const publicUrl = PUBLIC_URL === undefined ? undefined : new URL(PUBLIC_URL);
  const names = new Set([bracketed, publicUrl?.hostname].filter((name) => name !== undefined).map((name) => name.toLowerCase()));
  const origins = new Set([...CORS_ORIGINS, publicUrl?.origin]);
  const checksHost = !authenticated && loopbackName.test(bracketed);

  const checkHost = (host: string | undefined): void => {
    if (!checksHost || host === undefined) return;
    const name = hostName(host);
    if (!loopbackName.test(name) && !names.has(name)) throw fail('FORBIDDEN', `the Host header names "${name}"; a gateway without keys on a loopback address answers to loopback names, HOST and PUBLIC_URL only`);
  };
  const checkOrigin = (origin: string | undefined, host: string | undefined): void => {
    if (origin === undefined || origins.has('*') || origins.has(origin)) return;
    if (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()) return;
    throw fail('FORBIDDEN', `a page of "${origin}" must not drive this gateway; add its origin to CORS_ORIGINS to allow it`);
  };
  return {
    middleware: (request, _response, next) => {
      checkHost(request.headers.host);
      if (!authenticated && !safe.has(request.method)) checkOrigin(request.headers.origin, request.headers.host);
      next();
    },
    check: ({ host, origin }) => {
      checkHost(host);
      checkOrigin(origin, host);
    },
  };
}
