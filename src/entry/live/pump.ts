import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { limits } from '../../constants/limits.ts';
import type { Watch } from '../../coordinator/live/watch.ts';
import type { Logger } from '../../core/logger.ts';
import type { Frame } from '../../models/frame.ts';

/** Milliseconds that a socket has to answer a close. */
export const farewell = 3_000;

/** A WebSocket and the connection below it. */
export interface Line {
  readonly webSocket: Pick<WebSocket, 'OPEN' | 'readyState' | 'bufferedAmount' | 'close' | 'terminate'> & {
    send(data: Buffer, options: { readonly binary: boolean }, sent?: () => void): void;
  };
  readonly connection: Pick<Socket, 'cork' | 'uncork'>;
  /** The same for all sockets. */
  readonly turn: Turn;
}

/** The present turn of the event loop. */
export class Turn {
  #end: Promise<void> | undefined;

  /** Resolves when everything that arrived together has been handled. Who asks within one turn shares one promise. */
  end(): Promise<void> {
    return (this.#end ??= new Promise((resolve) => {
      process.nextTick(() => {
        this.#end = undefined;
        resolve();
      });
    }));
  }
}

/** Sends what the watch has, and stops pulling while the socket holds too much: then the mailbox drops what may be dropped. */
export async function pump(line: Line, watch: Pick<Watch, 'clientId' | 'frames' | 'closed'>, log: Logger): Promise<void> {
  const { webSocket, turn } = line;
  for await (const frames of watch.frames(() => turn.end())) {
    if (webSocket.readyState !== webSocket.OPEN) break;
    const written = send(line, frames);
    if (webSocket.bufferedAmount >= limits.socketHighWater) await written;
  }
  const { code, reason } = watch.closed ?? { code: 1011, reason: 'The gateway failed.' };
  if (code === 1013) log.warn('a slow reader was disconnected', { client_id: watch.clientId });
  if (webSocket.readyState !== webSocket.OPEN) return;
  webSocket.close(code, reason);
  setTimeout(() => webSocket.terminate(), farewell).unref();
}

/** Events come in bursts: what was pulled together leaves in one system call. Resolves when it has left. */
function send({ webSocket, connection }: Line, frames: readonly Frame[]): Promise<void> {
  connection.cork();
  for (const { data, binary } of frames.slice(0, -1)) webSocket.send(data, { binary });
  const last = frames.at(-1);
  const written = new Promise<void>((resolve) => (last ? webSocket.send(last.data, { binary: last.binary }, () => resolve()) : resolve()));
  connection.uncork();
  return written;
}
