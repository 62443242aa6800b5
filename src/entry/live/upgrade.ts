/** Leaving HTTP for a socket: which calls ask for it, and what those are told that may not, or that should have asked. */
import type { Duplex } from 'node:stream';
import type { RequestHandler } from 'express';
import { fail, type GatewayError } from '../../core/errors.ts';
import { problemType, toProblem } from '../http/problem.ts';

/** Any other `Upgrade` (h2c, say) is an offer that a server may ignore (RFC 9110, 7.8): such calls are served as they are. */
export function asksForSocket({ method, headers }: { readonly method?: string | undefined; readonly headers: { readonly upgrade?: string | undefined } }): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

/** Answers a plain GET of the socket's address with 426. */
export const upgradeRequired: RequestHandler = (request, response) => {
  response.setHeader('Upgrade', 'websocket').setHeader('Connection', 'Upgrade, close');
  throw fail('WEBSOCKET_ERROR', `${request.path} is a WebSocket; open it as ws:// or wss://, with Upgrade: websocket.`, { status: 426 });
};

/** What the handshake lacks, in the words of ws (Sec-WebSocket-Key, Sec-WebSocket-Version …). */
export function badHandshake({ message }: Error): GatewayError {
  return fail('WEBSOCKET_ERROR', `the handshake is not that of a WebSocket (${message}).`, { status: 400 });
}

/** Answers an upgrade with a problem over HTTP, and ends the connection. */
export function refuse(socket: Duplex, error: GatewayError, requestId: string): void {
  const body = JSON.stringify(toProblem(error, requestId));
  const head = [
    `HTTP/1.1 ${error.status} Refused`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Sec-WebSocket-Version: 13',
    ...(error.retryAfter === undefined ? [] : [`Retry-After: ${Math.max(1, Math.ceil(error.retryAfter))}`]),
    ...(error.code === 'UNAUTHORIZED' ? ['WWW-Authenticate: Bearer'] : []),
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
