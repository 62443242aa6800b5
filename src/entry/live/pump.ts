import type { WebSocket } from 'ws';
import { limits } from '../../constants/limits.ts';
import type { Watch } from '../../coordinator/live/watch.ts';
import type { Logger } from '../../core/logger.ts';

/** Milliseconds that a socket has to answer a close. */
export const farewell = 3_000;

/** Sends what the watch has, and stops pulling while the socket holds too much: then the mailbox drops what may be dropped. */
export async function pump(webSocket: WebSocket, watch: Watch, log: Logger): Promise<void> {
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
  setTimeout(() => webSocket.terminate(), farewell).unref();
}
