/** A TCP relay before an instance that counts what passes through. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Tap extends AsyncDisposable {
  readonly url: string;
  /** Bytes that the instance sent so far. */
  readonly sent: number;
  /** Connections whose last request began like this. */
  open(request: string): number;
}

export async function tap(target: string): Promise<Tap> {
  const requests = new Map<Socket, string>();
  let sent = 0;
  const server = createServer((near) => {
    const far = connect(Number(new URL(target).port), '127.0.0.1');
    requests.set(near, '');
    near.on('data', (bytes: Buffer) => {
      if (/^[A-Z]+ \//.test(bytes.toString('latin1', 0, 16))) requests.set(near, bytes.toString('latin1', 0, 200));
    });
    far.on('data', (bytes: Buffer) => (sent += bytes.length));
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      socket.on('error', () => undefined).once('close', () => {
        requests.delete(near);
        near.destroy();
        far.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    get sent() {
      return sent;
    },
    open: (request) => [...requests.values()].filter((line) => line.startsWith(request)).length,
    async [Symbol.asyncDispose]() {
      for (const socket of requests.keys()) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
