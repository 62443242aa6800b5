/** The listening socket: limits against slow and greedy peers, one clear sentence when the address is taken, an end in order. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError } from '../core/config.ts';
import { asksForSocket } from './live/upgrade.ts';
import { answerUnread } from './unread.ts';

export type { IncomingMessage, Server } from 'node:http';

export interface Address {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface Listening {
  /** Sockets attach to its `upgrade` event. */
  readonly server: Server;
  /** Where to reach it from this machine. */
  readonly url: string;
  /**
   * Stops accepting, lets calls in flight finish, closes idle connections as they become idle, and cuts everything when
   * `signal` fires. Upgraded sockets belong to whoever upgraded them.
   */
  readonly close: (signal: AbortSignal) => Promise<void>;
}

const limits = {
  maxHeaderSize: 16 * 1024,
  /** Milliseconds for the headers of a call. */
  headersTimeout: 15_000,
  /** Milliseconds for a whole call to arrive: a large upload over a slow line. Silence within a body ends it much sooner. */
  requestTimeout: 3_600_000,
  /** Longer than the usual proxy in front, so that the proxy is the one to close. */
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 5_000,
};
/** Milliseconds without a byte in either direction: a reader that stopped reading. */
const silence = 600_000;

/** Listens. Throws ConfigError, in one sentence that names HOST and PORT, when the address cannot be had. */
export async function listen(app: RequestListener, { host, port }: Address): Promise<Listening> {
  const server: Server = createServer({ ...limits, shouldUpgradeCallback: (request) => server.listenerCount('upgrade') > 0 && asksForSocket(request) });
  answerUnread(server, app);
  server.setTimeout(silence);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(refusal(error, host, port)));
    server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port }, resolve);
  });
  return { server, url: urlOf(server, host), close: (signal) => close(server, signal) };
}

function refusal(error: Error, host: string, port: number): Error {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return new ConfigError([`Another program listens on HOST ${host}, PORT ${port}; stop it, or set PORT to a free port (0 takes any).`]);
  if (code === 'EACCES') return new ConfigError([`This user may not listen on HOST ${host}, PORT ${port}; set PORT to 1024 or above.`]);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new ConfigError([`HOST ${host} is not an address of this machine (PORT ${port}); 127.0.0.1 and 0.0.0.0 always are.`]);
  return error;
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

/** Milliseconds between looks for connections that have become idle. */
const look = 50;

async function close(server: Server, signal: AbortSignal): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const cut = (): void => server.closeAllConnections();
  signal.addEventListener('abort', cut, { once: true });
  if (signal.aborted) cut();
  let open = true;
  void closed.then(() => (open = false));
  while (open) {
    server.closeIdleConnections();
    await Promise.race([closed, pause(look, undefined, { ref: false })]);
  }
  signal.removeEventListener('abort', cut);
}
