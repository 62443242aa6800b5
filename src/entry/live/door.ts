/** The WebSocket door: `/api/v1/ws/{client_id}`. Who may come in is decided before the upgrade. */
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { limits } from '../../constants/limits.ts';
import { service } from '../../constants/service.ts';
import type { AccessCoordinator } from '../../coordinator/access-coordinator.ts';
import type { LiveCoordinator } from '../../coordinator/live/live-coordinator.ts';
import type { Watch } from '../../coordinator/live/watch.ts';
import { fail, failedWith, type GatewayError, reasonOf } from '../../core/errors.ts';
import { withRequestId, type Logger } from '../../core/logger.ts';
import type { Caller } from '../../models/caller.ts';
import { ClientId } from '../../models/workflow.ts';
import type { Guard } from '../http/guard.ts';
import { problemType, toProblem } from '../http/problem.ts';
import type { RateLimit } from '../http/rate-limit.ts';
import type { IncomingMessage, Server } from '../server.ts';
import { Session, type SessionDeps } from './session.ts';

export interface DoorDeps extends Omit<SessionDeps, 'consume'> {
  readonly access: Pick<AccessCoordinator, 'authenticate' | 'redeemTicket'>;
  readonly live: Pick<LiveCoordinator, 'watch' | 'closeAll'>;
  readonly guard: Guard;
  readonly rateLimit: Pick<RateLimit, 'consume' | 'countFailure'>;
  readonly newId: () => string;
  /** Largest message in bytes. */
  readonly maxBytes: number;
}

const times = { ping: 30_000, farewell: 3_000 } as const;

export interface Door {
  /** Sockets are told 1001 and end; what has not gone after the signal fires is cut. */
  close(signal: AbortSignal): Promise<void>;
}

/** Opens the door on a server that listens. */
export function openDoor(server: Server, deps: DoorDeps): Door {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: deps.maxBytes, perMessageDeflate: false, clientTracking: true });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    try {
      const { clientId, caller } = admit(request, deps);
      const watch = deps.live.watch(caller, clientId);
      sockets.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, watch, { deps, address: request.socket.remoteAddress }));
      socket.once('close', () => watch.close(1006, 'the socket has gone'));
    } catch (error) {
      refuse(socket, failedWith(error) ? error : fail('INTERNAL_ERROR', 'the socket could not be opened.', { cause: error }), deps);
    }
  };
  server.on('upgrade', onUpgrade);
  return {
    async close(signal) {
      server.off('upgrade', onUpgrade);
      deps.live.closeAll(1001, 'The gateway is stopping. Connect again and subscribe with since.');
      const gone = [...sockets.clients].map((webSocket) => new Promise<void>((resolve) => webSocket.once('close', () => resolve())));
      const cut = (): void => sockets.clients.forEach((webSocket) => webSocket.terminate());
      const late = setTimeout(cut, times.farewell);
      signal.addEventListener('abort', cut, { once: true });
      await Promise.all(gone);
      clearTimeout(late);
    },
  };
}

function admit(request: IncomingMessage, deps: DoorDeps): { clientId: string; caller: Caller } {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (!url.pathname.startsWith(`${service.socket}/`)) throw fail('NOT_FOUND', `there is no socket at ${url.pathname}; it is ${service.socket}/{client_id}.`);
  deps.guard.check(request.headers);
  const caller = identify(request, url.searchParams.get('ticket'), deps);
  const clientId = ClientId.safeParse(decode(url.pathname.slice(service.socket.length + 1)));
  if (!clientId.success) throw fail('VALIDATION_ERROR', `client_id ${clientId.error.issues[0]?.message ?? 'is not valid'}.`);
  return { clientId: clientId.data, caller };
}

function identify(request: IncomingMessage, ticket: string | null, deps: DoorDeps): Caller {
  const { authorization, 'x-api-key': apiKey } = request.headers;
  try {
    if (ticket === null) return deps.access.authenticate({ authorization, apiKey: typeof apiKey === 'string' ? apiKey : undefined });
    const caller = deps.access.redeemTicket(ticket);
    if (caller) return caller;
    throw fail('UNAUTHORIZED', 'the ticket was used before, is too old, or never was; ask POST /api/v1/ws/tickets for a new one.');
  } catch (error) {
    if (failedWith(error, 'UNAUTHORIZED')) deps.rateLimit.countFailure(request.socket.remoteAddress);
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

function refuse(socket: Duplex, error: GatewayError, deps: DoorDeps): void {
  const requestId = deps.newId();
  const body = JSON.stringify(toProblem(error, requestId));
  const retryAfter = error.retryAfter === undefined ? [] : [`Retry-After: ${error.retryAfter}`];
  const head = [`HTTP/1.1 ${error.status} Refused`, `Content-Type: ${problemType}`, `Content-Length: ${Buffer.byteLength(body)}`, `X-Request-Id: ${requestId}`, ...retryAfter, 'Connection: close'];
  deps.log.info('a socket was refused', { code: error.code, reason: error.detail, request_id: requestId });
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function serve(webSocket: WebSocket, watch: Watch, { deps, address }: { deps: DoorDeps; address: string | undefined }): void {
  const gone = new AbortController();
  const session = new Session(watch, { ...deps, consume: () => deps.rateLimit.consume(watch.caller, address) }, gone.signal);
  let alive = true;
  const heartbeat = setInterval(() => {
    if (!alive) return webSocket.terminate();
    alive = false;
    webSocket.ping();
  }, times.ping);
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
  void pump(webSocket, watch, deps.log);
}

function textOf(data: Buffer | ArrayBuffer | Buffer[]): string {
  if (Buffer.isBuffer(data)) return data.toString('utf8');
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)).toString('utf8');
}

/** Sends what the watch has, and stops pulling while the socket holds too much: then the mailbox drops what may be dropped. */
async function pump(webSocket: WebSocket, watch: Watch, log: Logger): Promise<void> {
  for await (const frame of watch.frames()) {
    if (webSocket.readyState !== webSocket.OPEN) break;
    const options = { binary: frame.binary };
    if (webSocket.bufferedAmount < limits.socketHighWater) webSocket.send(frame.data, options);
    else await new Promise<void>((resolve) => webSocket.send(frame.data, options, () => resolve()));
  }
  const { code, reason } = watch.closed ?? { code: 1011, reason: 'The gateway failed.' };
  if (code === 1013) log.warn('a slow reader was disconnected', { client_id: watch.clientId });
  if (webSocket.readyState !== webSocket.OPEN) return;
  webSocket.close(code, reason);
  setTimeout(() => webSocket.terminate(), times.farewell).unref();
}
