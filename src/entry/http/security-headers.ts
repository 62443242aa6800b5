import type { RequestHandler } from 'express';
import cors from 'cors';
import helmet from 'helmet';
import type { Config } from '../../core/config.ts';

const exposed = ['X-Request-Id', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'Content-Disposition', 'Content-Range', 'Accept-Ranges', 'ETag'];

/** Policy of answers that are data: a browser shows nothing of them and runs nothing in them. */
const dataPolicy = { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } };

/**
 * Headers of every answer. HSTS is left to whoever ends TLS in front of us: this server speaks plain HTTP.
 * Pages of other origins may embed pictures only when CORS_ORIGINS names any.
 */
export function securityHeaders({ CORS_ORIGINS }: Pick<Config, 'CORS_ORIGINS'>): RequestHandler {
  return helmet({
    contentSecurityPolicy: dataPolicy,
    strictTransportSecurity: false,
    crossOriginResourcePolicy: { policy: CORS_ORIGINS.length > 0 ? 'cross-origin' : 'same-origin' },
  });
}

/** Lets pages of CORS_ORIGINS read answers. Nothing is allowed when the list is empty. */
export function crossOrigin({ CORS_ORIGINS }: Pick<Config, 'CORS_ORIGINS'>): RequestHandler {
  if (CORS_ORIGINS.length === 0) return (_request, _response, next) => next();
  return cors({ origin: CORS_ORIGINS.includes('*') ? '*' : [...CORS_ORIGINS], methods: ['GET', 'HEAD', 'POST', 'DELETE'], exposedHeaders: exposed, maxAge: 600 });
}
