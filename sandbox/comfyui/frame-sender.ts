import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import type { Knobs } from './knobs.ts';

/** A client that does not read is cut when so much waits for it. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
const MAX_DELAYED_FRAMES = 10_000;

/** Sends frames to one socket in order, and does to them what the knobs say. */
export class FrameSender {
  readonly #socket: WebSocket;
  readonly #knobs: Knobs;
  #sent = 0;
  #delayed = 0;
  #ending = false;
  #tail: Promise<void> = Promise.resolve();

  constructor(socket: WebSocket, knobs: Knobs) {
    this.#socket = socket;
    this.#knobs = knobs;
  }

  send(frame: string | Buffer): void {
    const wait = this.#knobs.state.frameDelayMs;
    if (wait === 0 && this.#delayed === 0) {
      this.#now(frame);
      return;
    }
    this.#delayed += 1;
    if (this.#delayed > MAX_DELAYED_FRAMES) this.#socket.terminate();
    this.#tail = this.#tail.then(() => sleep(wait)).then(() => {
      this.#delayed -= 1;
      this.#now(frame);
    });
  }

  #now(frame: string | Buffer): void {
    if (this.#ending || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(this.#damaged(frame));
    this.#sent += 1;
    const limit = this.#knobs.state.dropSocketAfterFrames;
    if (limit !== null && this.#sent >= limit) this.#endAfterFlush();
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) this.#socket.terminate();
  }

  /** Cuts the connection once the frames already sent have left; no close frame, so the client sees 1006. */
  #endAfterFlush(): void {
    this.#ending = true;
    this.#socket.ping('', false, () => { this.#socket.terminate(); });
  }

  #damaged(frame: string | Buffer): string | Buffer {
    if (typeof frame !== 'string') return this.#knobs.take('truncatedBinaryFrames') ? frame.subarray(0, 6) : frame;
    if (this.#knobs.take('malformedTextFrames')) return frame.slice(0, Math.ceil(frame.length / 2));
    return this.#knobs.take('nanFrames') ? frame.replace(/\}$/, ', "sandbox": NaN}') : frame;
  }
}
