/** The WebSocket door: `/api/v1/ws/{client_id}`. Who may come in is decided before the upgrade. */
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { service } from '../../constants/service.ts';
import type { AccessCoordinator } from '../../coordinator/access-coordinator.ts';
import type { LiveCoordinator } from '../../coordinator/live/live-coordinator.ts';
import type { Watch } from '../../coordinator/live/watch.ts';
import { fail, failedWith, reasonOf } from '../../core/errors.ts';
import { withRequestId } from '../../core/logger.ts';
import type { Caller } from '../../models/caller.ts';
import { ClientId } from '../../models/workflow.ts';
import type { AddressOf } from '../http/address.ts';
import type { Guard } from '../http/guard.ts';
import type { RateLimit } from '../http/rate-limit.ts';
import type { IncomingMessage, Server } from '../server.ts';
import { farewell, type Line, pump, Turn } from './pump.ts';
import { Session, type SessionDeps } from './session.ts';
import { badHandshake, refuse } from './upgrade.ts';

export interface DoorDeps extends Omit<SessionDeps, 'consume' | 'hold'> {
  readonly access: Pick<AccessCoordinator, 'authenticate' | 'redeemTicket'>;
  readonly live: Pick<LiveCoordinator, 'watch' | 'closeAll'>;
  readonly guard: Guard;
  readonly rateLimit: Pick<RateLimit, 'consume' | 'countFailure'>;
  readonly addressOf: AddressOf;
  readonly newId: () => string;
  /** Largest message in bytes. */
  readonly maxBytes: number;
}

interface OpenLine extends Line {
  readonly webSocket: WebSocket;
  readonly connection: IncomingMessage['socket'];
  readonly address: string | undefined;
}

/** Milliseconds between pings. */
const heartbeatEvery = 30_000;

export interface Door {
  /** Sockets are told 1001 and end; what has not gone after the signal fires is cut. */
  close(signal: AbortSignal): Promise<void>;
}

/** Opens the door on a server that listens. */
export function openDoor(server: Server, deps: DoorDeps): Door {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: deps.maxBytes, perMessageDeflate: false, clientTracking: true });
  const turn = new Turn();
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    try {
      const { clientId, caller } = admit(request, deps);
      const watch = deps.live.watch(caller, clientId);
      sockets.handleUpgrade(request, socket, head, (webSocket) => serve({ webSocket, connection: request.socket, address: deps.addressOf(request), turn }, watch, deps));
      socket.once('close', () => watch.close(1006, 'the socket has gone'));
    } catch (error) {
      turnAway(socket, error, deps);
    }
  };
  sockets.on('wsClientError', (error, socket) => turnAway(socket, badHandshake(error), deps));
  server.on('upgrade', onUpgrade);
  return {
    async close(signal) {
      server.off('upgrade', onUpgrade);
      deps.live.closeAll(1001, 'The gateway is stopping. Connect again and subscribe with since.');
      const gone = [...sockets.clients].map((webSocket) => new Promise<void>((resolve) => webSocket.once('close', () => resolve())));
      const cut = (): void => sockets.clients.forEach((webSocket) => webSocket.terminate());
      const late = setTimeout(cut, farewell);
      signal.addEventListener('abort', cut, { once: true });
      await Promise.all(gone);
      clearTimeout(late);
    },
  };
}

function admit(request: IncomingMessage, deps: DoorDeps): { clientId: string; caller: Caller } {
  const url = targetOf(request.url ?? '/');
  if (!url.pathname.startsWith(`${service.socket}/`)) throw fail('NOT_FOUND', `there is no socket at ${url.pathname}; it is ${service.socket}/{client_id}.`);
  deps.guard.check(request.headers);
  const caller = identify(request, url.searchParams.get('ticket'), deps);
  const clientId = ClientId.safeParse(decode(url.pathname.slice(service.socket.length + 1)));
  if (!clientId.success) throw fail('VALIDATION_ERROR', `client_id ${clientId.error.issues[0]?.message ?? 'is not valid'}.`);
  return { clientId: clientId.data, caller };
}

/** The target of a request: a path, or a whole address as sent to a proxy. */
function targetOf(target: string): URL {
  const address = target.startsWith('/') ? `http://localhost${target}` : target;
  if (!URL.canParse(address)) throw fail('NOT_FOUND', `there is no socket at ${target}; it is ${service.socket}/{client_id}.`);
  return new URL(address);
}

function identify(request: IncomingMessage, ticket: string | null, deps: DoorDeps): Caller {
  const { authorization, 'x-api-key': apiKey } = request.headers;
  try {
    if (ticket === null) return deps.access.authenticate({ authorization, apiKey: typeof apiKey === 'string' ? apiKey : undefined });
    const caller = deps.access.redeemTicket(ticket);
    if (caller) return caller;
    throw fail('UNAUTHORIZED', 'the ticket was used before, is too old, or never was; ask POST /api/v1/ws/tickets for a new one.');
  } catch (error) {
    if (failedWith(error, 'UNAUTHORIZED')) deps.rateLimit.countFailure(deps.addressOf(request));
    throw error;
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw fail('VALIDATION_ERROR', `client_id is not encoded correctly (${reasonOf(error)}).`);
  }
}

function turnAway(socket: Duplex, error: unknown, { newId, log }: DoorDeps): void {
  const known = failedWith(error) ? error : fail('INTERNAL_ERROR', 'the socket could not be opened.', { cause: error });
  const requestId = newId();
  log[known.status >= 500 ? 'error' : 'info']('a socket was refused', { code: known.code, reason: known.detail, request_id: requestId, ...(known.status >= 500 ? { error: known } : {}) });
  refuse(socket, known, requestId);
}

function serve(line: OpenLine, watch: Watch, deps: DoorDeps): void {
  const { webSocket, address } = line;
  const gone = new AbortController();
  const session = new Session(watch, { ...deps, consume: () => deps.rateLimit.consume(watch.caller, address), hold: (still) => (still ? webSocket.pause() : webSocket.resume()) }, gone.signal);
  let alive = true;
  const heartbeat = setInterval(() => {
    if (!alive) return webSocket.terminate();
    alive = false;
    webSocket.ping();
  }, heartbeatEvery);
  webSocket.on('pong', () => (alive = true));
  webSocket.on('message', (data, isBinary) => {
    alive = true;
    void withRequestId(deps.newId(), () => session.receive(isBinary ? undefined : textOf(data)));
  });
  webSocket.on('error', (error) => deps.log.debug('a socket failed', { client_id: watch.clientId, reason: reasonOf(error) }));
  webSocket.on('close', () => {
    clearInterval(heartbeat);
    gone.abort();
    watch.close(1006, 'the socket has gone');
  });
  session.greet();
  void pump(line, watch, deps.log);
}

function textOf(data: Buffer | ArrayBuffer | Buffer[]): string {
  if (Buffer.isBuffer(data)) return data.toString('utf8');
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)).toString('utf8');
}
