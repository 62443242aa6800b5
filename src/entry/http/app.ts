import express, { type Express } from 'express';
import type { Logger } from '../../core/logger.ts';
import { service } from '../../constants/service.ts';
import { fail } from '../../core/errors.ts';
import { upgradeRequired } from '../live/upgrade.ts';
import type { BodyRoom } from './body-room.ts';
import { createGuard, type Guard } from './guard.ts';
import { mountRoutes, type JsonCodec } from './mount.ts';
import { openApiDocument } from './openapi.ts';
import { mountPages } from './pages.ts';
import { problemHandler } from './problem.ts';
import type { RateLimit } from './rate-limit.ts';
import { accessLog, requestId } from './request-log.ts';
import type { Route } from './route.ts';
import type { RouteDeps } from './routes/deps.ts';
import { imageRoutes } from './routes/images.ts';
import { catalogRoutes } from './routes/catalog.ts';
import { queueRoutes } from './routes/queue.ts';
import { serviceRoutes } from './routes/service.ts';
import { generateRoutes } from './routes/runninghub-generate.ts';
import { hookRoutes } from './routes/runninghub-hook.ts';
import { nodeRoutes } from './routes/runninghub-nodes.ts';
import { taskRoutes } from './routes/tasks.ts';
import { unifiedRoutes } from './routes/unified.ts';
import { workflowRoutes } from './routes/workflows.ts';
import { crossOrigin, securityHeaders } from './security-headers.ts';

export interface AppDeps extends RouteDeps {
  readonly json: JsonCodec;
  readonly rateLimit: RateLimit;
  /** Shared with the socket door. */
  readonly room: BodyRoom;
  readonly log: Logger;
  /** Shown in the document. */
  readonly version: string;
  /** Shared with the socket door; made from the config when left out. */
  readonly guard?: Guard;
  /** Folder of the start page. */
  readonly startFolder?: string;
}

/** Every row of the HTTP surface, in the order of the document. */
export function allRoutes(deps: RouteDeps): Route[] {
  return [...workflowRoutes(deps), ...queueRoutes(deps), ...imageRoutes(deps), ...taskRoutes(deps), ...catalogRoutes(deps), ...unifiedRoutes(deps), ...generateRoutes(deps), ...nodeRoutes(deps), ...hookRoutes(deps), ...serviceRoutes(deps)];
}

/** Milliseconds a call may take: what an instance may take for an answer, and some time of our own. */
function deadlineOf({ COMFYUI_REQUEST_TIMEOUT, COMFYUI_CONNECT_TIMEOUT }: RouteDeps['config']): number {
  return Math.max(120, COMFYUI_REQUEST_TIMEOUT + COMFYUI_CONNECT_TIMEOUT + 10) * 1_000;
}

/** What `make` makes, made anew when the version is another one. */
function whileUnchanged<T>(version: () => number, make: () => T): () => T {
  let kept: { readonly version: number; readonly made: T } | undefined;
  return () => {
    const now = version();
    if (kept?.version !== now) kept = { version: now, made: make() };
    return kept.made;
  };
}

/** The HTTP surface. It listens nowhere yet: hand it to `listen` of ../server.ts. */
export function createApp(deps: AppDeps): Express {
  const { config, log } = deps;
  const rows = allRoutes(deps);
  const app = express();
  app.set('trust proxy', config.TRUSTED_PROXIES);
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(requestId, accessLog(log), securityHeaders(config), (deps.guard ?? createGuard(config)).middleware, crossOrigin(config));
  mountRoutes(app, rows, { access: deps.access, rateLimit: deps.rateLimit, room: deps.room, json: deps.json, deadline: deadlineOf(config) });
  mountPages(app, {
    title: config.APP_NAME,
    document: whileUnchanged(() => deps.catalog.version(), () => JSON.stringify(openApiDocument(rows, { title: config.APP_NAME, version: deps.version, url: config.PUBLIC_URL }))),
    ...(deps.startFolder === undefined ? {} : { startFolder: deps.startFolder }),
  });
  app.get(`${service.socket}/:client_id`, upgradeRequired);
  app.use((request) => {
    throw fail('NOT_FOUND', `${request.method} ${request.path}`);
  });
  app.use(problemHandler);
  return app;
}
