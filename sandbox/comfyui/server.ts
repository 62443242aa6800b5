import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import express, { type Express, type Request, type Response } from 'express';
import { Catalog } from './catalog.ts';
import { Counters } from './counters.ts';
import { foldersIn, prepareFolders } from './files.ts';
import { sendEmpty, sendText } from './http.ts';
import { Instance, type InstanceParts } from './instance.ts';
import { Knobs, type KnobPatch } from './knobs.ts';
import type { Leases } from '../alone/lease.ts';
import type { NodeClass } from './node.ts';
import { nodes as builtIn } from './nodes/index.ts';
import { isForeign } from './origin.ts';
import { infoRoutes } from './routes/info.ts';
import { promptRoutes } from './routes/prompt.ts';
import { historyRoutes, queueRoutes } from './routes/queue.ts';
import { Routes } from './routes/routes.ts';
import { sandboxRoutes } from './routes/sandbox.ts';
import { uploadRoutes } from './routes/upload.ts';
import { viewRoutes } from './routes/view.ts';

export interface SandboxOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Holds input, output and temp. temp is emptied at start. */
  readonly dataDir: string;
  readonly knobs?: KnobPatch;
  /** Whether /sandbox/knobs and /sandbox/counters exist. Default true. */
  readonly knobsOverHttp?: boolean;
  /** Node classes beside the built-in ones, with what /object_info says about them. */
  readonly extraNodes?: { readonly nodes: ReadonlyMap<string, NodeClass>; readonly objectInfo: Readonly<Record<string, unknown>> };
  readonly leases?: Leases;
  readonly die?: () => void;
}

export interface RunningSandbox {
  readonly url: string;
  readonly knobs: Knobs;
  readonly counters: Counters;
  /** Cuts every socket at once: clients see 1006. */
  closeSockets(): void;
  forgetHistory(promptId: string): void;
  /** Queue, history, cache, counter and temp files are gone, sockets end with 1006; the address stays (ws 34). */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a sandbox; resolves when it listens. Several may run in one process. */
export async function startSandbox(options: SandboxOptions): Promise<RunningSandbox> {
  const sandbox = new Sandbox(options, await catalogOf(options));
  await sandbox.listen();
  return sandbox;
}

async function catalogOf({ extraNodes }: SandboxOptions): Promise<Catalog> {
  const catalog = await Catalog.fromFile(new URL('./object-info.json', import.meta.url));
  return extraNodes ? catalog.with(extraNodes.objectInfo) : catalog;
}

class Sandbox implements RunningSandbox {
  readonly knobs: Knobs;
  readonly counters = new Counters();
  readonly #options: SandboxOptions;
  readonly #parts: InstanceParts;
  readonly #server: Server;
  #instance: Instance;

  constructor(options: SandboxOptions, catalog: Catalog) {
    this.#options = options;
    this.knobs = new Knobs(options.knobs);
    const nodes = new Map([...builtIn, ...(options.extraNodes?.nodes ?? [])]);
    this.#parts = { catalog, nodes, folders: foldersIn(options.dataDir), knobs: this.knobs, counters: this.counters };
    this.#instance = new Instance(this.#parts);
    this.#server = createServer(this.#app());
    this.#server.on('upgrade', (request, stream, head) => { this.#upgrade(request, stream, head); });
  }

  get url(): string {
    const { address, port, family } = this.#address();
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async listen(): Promise<void> {
    await prepareFolders(this.#parts.folders);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port ?? 0, this.#options.host ?? '127.0.0.1', resolve);
    });
    this.#instance.start();
  }

  closeSockets(): void {
    this.#instance.sockets.cutAll();
  }

  forgetHistory(promptId: string): void {
    this.#instance.history.delete(promptId);
  }

  async restart(): Promise<void> {
    const old = this.#instance;
    await old.stop();
    await prepareFolders(this.#parts.folders);
    this.#instance = new Instance(this.#parts);
    this.#instance.start();
    // Whoever came back while the old one stopped.
    old.sockets.cutAll();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => { resolve(); }));
    this.#server.closeAllConnections();
    await this.#instance.stop();
    await closed;
  }

  #address(): AddressInfo {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new TypeError('The sandbox does not listen.');
    return address;
  }

  #app(): Express {
    const app = express().disable('x-powered-by').set('query parser', 'simple');
    app.use((request, response, next) => { if (!answeredEarly(request, response)) next(); });
    const router = this.#routes().router;
    app.use('/api', router);
    app.use(router);
    return app;
  }

  #routes(): Routes {
    const routes = new Routes(this.counters, this.knobs);
    const instance = (): Instance => this.#instance;
    const { folders } = this.#parts;
    promptRoutes(routes, instance, this.#parts);
    queueRoutes(routes, instance);
    historyRoutes(routes, instance);
    uploadRoutes(routes, folders);
    viewRoutes(routes, folders, this.knobs);
    infoRoutes(routes, this.#parts);
    routes.add('get', '/ws', (_request, response) => {
      sendText(response, 400, { body: 'No WebSocket UPGRADE hdr: None\n Can "Upgrade" only to "WebSocket".' });
    });
    const { leases, die, knobsOverHttp: open = true } = this.#options;
    sandboxRoutes(routes, { knobs: this.knobs, counters: this.counters, instance, restart: () => this.restart(), die, leases, open });
    routes.refuseOtherMethods();
    return routes;
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', () => { stream.destroy(); });
    const path = (request.url ?? '').split('?')[0];
    this.counters.requested('WS /ws');
    if (path !== '/ws' && path !== '/api/ws') refuseUpgrade(stream, '404 Not Found');
    else if (isForeign(request.headers.host, request.headers.origin)) refuseUpgrade(stream, '403 Forbidden');
    else if (this.knobs.state.refuseSockets) refuseUpgrade(stream, '503 Service Unavailable');
    else this.#instance.sockets.accept(request, stream, head);
  }
}

/** The Origin check and OPTIONS come before every route. */
function answeredEarly(request: Request, response: Response): boolean {
  if (isForeign(request.headers.host, request.headers.origin)) {
    sendEmpty(response, 403);
    return true;
  }
  if (request.method !== 'OPTIONS') return false;
  sendEmpty(response);
  return true;
}

function refuseUpgrade(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n\r\n`);
}
