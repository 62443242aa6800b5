import type { Response } from 'express';

export interface LeaseTimes {
  /** How long the first lease may take to come. */
  readonly firstMs: number;
  /** How long the sandbox lives on after the last lease ended. */
  readonly graceMs: number;
}

const HEARTBEAT_MS = 2_000;

/** Lives while somebody holds a lease: a response kept open. TCP closes it even when its holder was killed. */
export class Leases {
  readonly #times: LeaseTimes;
  readonly #expired: () => void;
  #open = 0;
  #released = false;
  #timer: NodeJS.Timeout | undefined;

  /** `expired` is called once nobody has held a lease for long enough. */
  constructor(times: LeaseTimes, expired: () => void) {
    this.#times = times;
    this.#expired = expired;
    this.#wait(times.firstMs);
  }

  /** Headers at once, then a line every two seconds until the holder goes away. */
  hold(response: Response): void {
    this.#open += 1;
    this.#released = false;
    clearTimeout(this.#timer);
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
    response.write('held\n');
    const heartbeat = setInterval(() => response.write('held\n'), HEARTBEAT_MS);
    response.on('close', () => {
      clearInterval(heartbeat);
      this.#open -= 1;
      if (this.#open === 0) this.#wait(this.#released ? 0 : this.#times.graceMs);
    });
  }

  /** A holder ends in order and will not come back: no grace once the last lease is closed. */
  release(): void {
    this.#released = true;
    if (this.#open === 0) this.#wait(0);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#expired, ms);
  }
}
