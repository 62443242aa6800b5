import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';

/** A server of one test on 127.0.0.1. */
export interface SmallServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** Connections that there have been. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** Answers every call with `answer`, on a free port. */
export async function startSmallServer(answer: RequestListener): Promise<SmallServer> {
  const server = createServer(answer);
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket.once('close', () => sockets.delete(socket)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}`, port, sockets, connections: () => connections, close };
}
