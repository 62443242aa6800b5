import type { Express, RequestHandler, Response } from 'express';
import { fail, GatewayError } from '../../core/errors.ts';
import { keyNeeded, keyWelcome, type Authenticator } from './authentication.ts';
import { readJson } from './body.ts';
import type { BodyRoom } from './body-room.ts';
import { callerOf, stranger } from './callers.ts';
import { inEnvelope, invalid } from './problem.ts';
import type { RateLimit } from './rate-limit.ts';
import { beforeAbort, requestSignal } from './request-signal.ts';
import { usualStatus, type BodyLimit, type Route, type RouteContext } from './route.ts';
import type { z } from 'zod';

/** The lossless parser and writer: integers above 2^53 keep their digits. */
export interface JsonCodec {
  readonly parse: (text: string) => unknown;
  readonly stringify: (value: unknown) => string;
}

export interface MountOptions {
  readonly access: Authenticator;
  readonly rateLimit: RateLimit;
  readonly json: JsonCodec;
  /** Milliseconds a call may take where its row says nothing else. */
  readonly deadline: number;
  /** What bodies share with those of other doors. */
  readonly room: BodyRoom;
}

const usualLimit: BodyLimit = { bytes: 1024 * 1024, name: 'the gateway for this call' };

/**
 * Puts every row on the app, and answers other methods of their paths with 405. Fixed paths come before those with
 * parameters, so that `/things/new` is never the thing named "new".
 */
export function mountRoutes(app: Express, rows: readonly Route[], options: MountOptions): void {
  const paths = [...Map.groupBy(rows, (row) => row.path)].toSorted(([a], [b]) => Number(a.includes('{')) - Number(b.includes('{')));
  for (const [path, its] of paths) {
    for (const row of its.toSorted(headFirst)) {
      const door = row.open === true ? [keyWelcome(options.access)] : [keyNeeded(options.access, options.rateLimit), options.rateLimit.middleware];
      app[row.method](expressPath(path), ...(row.envelope === true ? [inEnvelope] : []), ...door, deed(row, options));
    }
    app.all(expressPath(path), methodRefusal(its.map((row) => row.method.toUpperCase())));
  }
}

/** express lets a GET route answer HEAD too: a row of its own must come before. */
const headFirst = (a: Route, b: Route): number => Number(b.method === 'head') - Number(a.method === 'head');

/** `/things/{id}` of OpenAPI as `/things/:id` of express. */
export function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function methodRefusal(allowed: readonly string[]): RequestHandler {
  const allow = [...new Set([...allowed, ...(allowed.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])].join(', ');
  return (request, response) => {
    response.setHeader('Allow', allow);
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    throw fail('NOT_FOUND', `${request.method} ${request.path}; this path takes ${allow}`, { status: 405 });
  };
}

function deed(row: Route, { json, deadline, room }: MountOptions): RequestHandler {
  const status = usualStatus(row);
  return async (request, response) => {
    const signal = requestSignal(response, row.deadline ?? deadline);
    const caller = callerOf(response) ?? stranger;
    const share = room.open(caller.key);
    // A deed that goes on without its caller still holds the body.
    let running: Promise<unknown> | undefined;
    try {
      const context: RouteContext = {
        caller,
        params: checked('path', row.params, request.params),
        query: checked('query', row.query, request.query),
        body: row.body === undefined ? undefined : checked('body', row.body, await readJson(request, { limit: row.bodyLimit ?? usualLimit, optional: row.bodyOptional ?? false, parse: json.parse, signal, room, share })),
        signal,
        letGo: () => share.release(),
        request,
        response,
      };
      response.status(status);
      running = begun(row, context);
      const value = await beforeAbort(running, signal);
      if (value !== undefined) send(response, json.stringify(value));
    } catch (error) {
      throw signal.aborted && signal.reason instanceof GatewayError ? signal.reason : error;
    } finally {
      void Promise.allSettled([running]).then(() => share.release());
    }
  };
}

/** A deed that throws at once rejects, too. */
const begun = async (row: Route, context: RouteContext): Promise<unknown> => row.run(context);

function checked(where: string, schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(where, parsed.error, value);
  return parsed.data;
}

function send(response: Response, text: string): void {
  if (response.destroyed) return;
  response.writeHead(response.statusCode, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(text) }).end(text);
}
