import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { limits } from '../../constants/limits.ts';
import type { Watch } from '../../coordinator/live/watch.ts';
import type { Logger } from '../../core/logger.ts';

/** Milliseconds that a socket has to answer a close. */
export const farewell = 3_000;

/** A WebSocket and the connection below it. */
export interface Line {
  readonly webSocket: WebSocket;
  readonly connection: Pick<Duplex, 'cork' | 'uncork'>;
}

/** Sends what the watch has, and stops pulling while the socket holds too much: then the mailbox drops what may be dropped. */
export async function pump({ webSocket, connection }: Line, watch: Watch, log: Logger): Promise<void> {
  const hold = holder(connection);
  for await (const frame of watch.frames()) {
    if (webSocket.readyState !== webSocket.OPEN) break;
    hold();
    const options = { binary: frame.binary };
    if (webSocket.bufferedAmount < limits.socketHighWater) webSocket.send(frame.data, options);
    else await new Promise<void>((resolve) => webSocket.send(frame.data, options, () => resolve()));
  }
  const { code, reason } = watch.closed ?? { code: 1011, reason: 'The gateway failed.' };
  if (code === 1013) log.warn('a slow reader was disconnected', { client_id: watch.clientId });
  if (webSocket.readyState !== webSocket.OPEN) return;
  webSocket.close(code, reason);
  setTimeout(() => webSocket.terminate(), farewell).unref();
}

/** Events come in bursts: what is written in one turn of the event loop leaves in one system call, at the end of that turn. */
function holder(connection: Line['connection']): () => void {
  let held = false;
  const release = (): void => {
    held = false;
    connection.uncork();
  };
  return () => {
    if (held) return;
    held = true;
    connection.cork();
    process.nextTick(release);
  };
}
