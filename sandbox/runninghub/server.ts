import { createServer, type Server } from 'node:http';
import express, { type Express } from 'express';
import type { Leases } from '../alone/lease.ts';
import { sandboxAccounts, type Account } from './accounts.ts';
import type { Catalog } from './catalog/catalog.ts';
import { webapps } from './catalog/webapps.ts';
import { workflows } from './catalog/workflows.ts';
import { Refused } from './codes.ts';
import { Counters } from './counters.ts';
import { Deeds } from './deeds.ts';
import { v1, v2Query } from './dialects.ts';
import { FileShelf } from './file-shelf.ts';
import { Ids } from './ids.ts';
import { Knobs, type KnobPatch } from './knobs.ts';
import { listen, stopListening } from './listen.ts';
import { OutputMaker } from './outputs.ts';
import { send } from './reply.ts';
import { accountRoutes, webhookRoutes } from './routes/account.ts';
import { altRoutes } from './routes/alt.ts';
import { appRoutes } from './routes/apps.ts';
import { carriesCredential, fileRoutes } from './routes/files.ts';
import { Routes } from './routes/routes.ts';
import { sandboxRoutes } from './routes/sandbox.ts';
import { taskRoutes } from './routes/tasks.ts';
import { uploadRoutes } from './routes/uploads.ts';
import { v2Routes } from './routes/v2.ts';
import { ProgressSockets } from './sockets.ts';
import { Tasks } from './tasks.ts';
import { Uploads } from './uploads.ts';
import { Webhooks } from './webhooks.ts';
import type { World } from './world.ts';

export { SANDBOX_KEYS } from './accounts.ts';

export interface RunningHubOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Of the host that serves files. Default 0. */
  readonly filesPort?: number;
  /** In place of the three of `sandboxAccounts`. */
  readonly accounts?: readonly Account[];
  /** Beside the built-in ones; of equal ids these count. */
  readonly catalog?: Partial<Catalog>;
  readonly knobs?: KnobPatch;
  /** Whether /sandbox/knobs and /sandbox/counters exist. Default true. */
  readonly knobsOverHttp?: boolean;
  readonly leases?: Leases;
  readonly die?: () => void;
}

export interface RunningRunningHub {
  readonly url: string;
  /** Where results and uploads are: another origin, as on the real service. */
  readonly filesUrl: string;
  readonly knobs: Knobs;
  readonly counters: Counters;
  readonly deeds: Deeds;
  close(): Promise<void>;
}

/** Starts a sandbox; resolves when it listens. Several may run in one process. */
export async function startRunningHubSandbox(options: RunningHubOptions = {}): Promise<RunningRunningHub> {
  const sandbox = new Sandbox(options);
  await sandbox.listen();
  return sandbox;
}

class Sandbox implements RunningRunningHub {
  readonly knobs: Knobs;
  readonly counters = new Counters();
  readonly deeds: Deeds;
  readonly #options: RunningHubOptions;
  readonly #world: World;
  readonly #sockets: ProgressSockets;
  readonly #closing = new AbortController();
  readonly #api: Server;
  readonly #files: Server;
  #url = '';
  #filesUrl = '';

  constructor(options: RunningHubOptions) {
    this.#options = options;
    this.knobs = new Knobs(options.knobs);
    this.#sockets = new ProgressSockets(this.knobs, () => this.#world.tasks);
    this.#world = this.#build();
    this.deeds = new Deeds(this.#world, this.#sockets);
    this.#api = createServer(this.#apiApp());
    this.#api.on('upgrade', (request, stream, head) => { this.#sockets.upgrade(request, stream, head); });
    this.#files = createServer(this.#filesApp());
  }

  get url(): string {
    return this.#url;
  }

  get filesUrl(): string {
    return this.#filesUrl;
  }

  async listen(): Promise<void> {
    const { host = '127.0.0.1', port = 0, filesPort = 0 } = this.#options;
    this.#filesUrl = await listen(this.#files, { host, port: filesPort });
    try {
      this.#url = await listen(this.#api, { host, port });
    } catch (error) {
      await stopListening(this.#files);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#sockets.cutAll();
    this.#world.tasks.close();
    await Promise.all([stopListening(this.#api), stopListening(this.#files), this.#world.webhooks.close()]);
  }

  #build(): World {
    const { knobs, counters } = this;
    const ids = new Ids();
    const shelf = new FileShelf();
    const filesUrl = (): string => this.#filesUrl;
    const maker = new OutputMaker({ shelf, knobs, filesUrl });
    const tasks = new Tasks({ knobs, counters, ids, make: (task) => maker.make(task) });
    const webhooks = new Webhooks({ knobs, counters, ids });
    tasks.onChange((task) => { webhooks.heard(task); });
    const { accounts = sandboxAccounts, catalog = {} } = this.#options;
    return {
      knobs, counters, ids, accounts, tasks, shelf, webhooks, filesUrl,
      catalog: { webapps: [...(catalog.webapps ?? []), ...webapps], workflows: [...(catalog.workflows ?? []), ...workflows] },
      uploads: new Uploads(shelf, filesUrl),
      socketUrl: (task) => this.#sockets.urlOf(task, this.#url),
    };
  }

  #apiApp(): Express {
    const app = application();
    const routes = this.#routes();
    for (const add of [appRoutes, uploadRoutes, taskRoutes, accountRoutes, webhookRoutes, v2Routes, altRoutes]) add(routes, this.#world);
    const { leases, die, knobsOverHttp: open = true } = this.#options;
    sandboxRoutes(routes.router, { world: this.#world, deeds: this.deeds, die, leases, open });
    app.use(routes.router);
    app.use((request, response) => {
      request.resume();
      send(response, request.path.startsWith('/openapi/v2/') ? v2Query(new Refused(1001)) : v1(new Refused(412)));
    });
    return app;
  }

  #filesApp(): Express {
    const app = application();
    app.use((request, _response, next) => {
      if (carriesCredential(request)) this.counters.credentialAtFiles();
      next();
    });
    const routes = this.#routes();
    fileRoutes(routes, this.#world);
    app.use(routes.router);
    return app;
  }

  #routes(): Routes {
    return new Routes({ counters: this.counters, knobs: this.knobs, closing: this.#closing.signal });
  }
}

const application = (): Express => express().disable('x-powered-by').disable('etag').set('query parser', 'simple');
