import { ClientSocket } from '../../atoms/websocket/websocket.ts';
import { limits } from '../../constants/limits.ts';
import { upstreamFailure } from '../../core/http-failure.ts';
import type { Instance } from '../../models/instance.ts';
import type { UpstreamEvent } from '../../models/upstream-event.ts';
import { translate } from './translate.ts';
import { FEATURE_FLAGS } from './wire.ts';

/** An open event socket of one instance. */
export interface EventStream {
  /** Why it ended, once `events` has ended. */
  readonly reason: string;
  events(): AsyncGenerator<UpstreamEvent, void>;
  /** Rejects when the instance does not answer a ping within `ms`. */
  ping(ms: number, signal: AbortSignal): Promise<void>;
  /** Ends the socket at once. It must be gone before the next one opens under the same client id (ws 15). */
  end(reason: string): void;
}

/** Opens event sockets (GET /ws). One per instance serves the whole process. */
export class ComfyuiEvents {
  readonly #connectMs: number;

  constructor(options: { connectMs: number }) {
    this.#connectMs = options.connectMs;
  }

  /** Connects and announces our feature flags first (ws 02). Throws CONNECTION_ERROR. */
  async open(instance: Instance, clientId: string, signal: AbortSignal): Promise<EventStream> {
    const url = `${instance.url.replace(/^http/, 'ws')}/ws?clientId=${encodeURIComponent(clientId)}`;
    const options = { url, headers: instance.headers, connectMs: this.#connectMs, maxBytes: limits.upstreamFrameBytes, maxWaiting: 2 * limits.upstreamFrameBytes };
    const socket = await ClientSocket.open(options, signal).catch((error: unknown) => {
      throw upstreamFailure(instance.name, error);
    });
    socket.send(FEATURE_FLAGS);
    return {
      get reason() {
        return socket.reason;
      },
      events: () => translated(socket),
      ping: (ms, pingSignal) => socket.ping(ms, pingSignal),
      end: (reason) => socket.terminate(reason),
    };
  }
}

async function* translated(socket: ClientSocket): AsyncGenerator<UpstreamEvent, void> {
  for await (const frame of socket.frames()) yield translate(frame);
}
