import { failedWith, reasonOf } from '../../core/errors.ts';
import type { RunninghubEngineOptions, RunninghubEngineParts } from './runninghub-parts.ts';

const times = {
  /** Milliseconds that what the account said counts. */
  fresh: 30_000,
  /** Before it is asked again after it said no, or nothing. */
  again: 5_000,
  /** That it has to answer. */
  patience: 15_000,
  /** What somebody who asks how it is may be told without asking anew. */
  recent: 1_000,
  /** The longest pause after refusals. */
  longest: 60_000,
} as const;

type RoomParts = Pick<RunninghubEngineParts, 'now' | 'random' | 'log'> & { readonly api: Pick<RunninghubEngineParts['api'], 'queueStatus'> };

type RoomOptions = Pick<RunninghubEngineOptions, 'host' | 'name' | 'concurrency' | 'settings'>;

/** How many jobs the account may have now: as many as it says, none while it cannot be reached, refuses the key, or just had no room. */
export class RunninghubRoom {
  readonly #parts: RoomParts;
  readonly #options: RoomOptions;
  #limit = 0;
  /** Why there is no room. */
  #reason: string | undefined = 'RunningHub has not been asked yet.';
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  #refusals = 0;
  #pausedUntil = 0;
  /** What the newest refusal said. */
  #refusal = '';
  /** The newest refusal was for too many calls: no job that ends makes room. */
  #hurried = false;

  constructor(parts: RoomParts, options: RoomOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Asks anew in the background when what is known is old. */
  now(): number {
    const { now } = this.#parts;
    if (now() - this.#askedAt >= (this.#reason === undefined ? times.fresh : times.again)) void this.#ask();
    if (this.#reason !== undefined || now() < this.#pausedUntil) return 0;
    return Math.min(this.#limit, this.#options.concurrency ?? Number.POSITIVE_INFINITY);
  }

  /** What is wrong now, asked anew unless that was just done; undefined when nothing is. */
  async fault(): Promise<string | undefined> {
    if (this.#parts.now() - this.#askedAt >= times.recent) await this.#ask();
    return this.#reason;
  }

  /** Why there is no room for a while; undefined while there is. */
  pause(): string | undefined {
    const seconds = Math.ceil((this.#pausedUntil - this.#parts.now()) / 1_000);
    return seconds <= 0 ? undefined : `The account at ${this.#options.host} takes no more now (${this.#refusal}) It is tried again when a task there ends, or in ${seconds} s.`;
  }

  /** Refused for want of room: there is none for a while, a longer one after each refusal in a row. */
  refused(afterMs: number, error: unknown): void {
    this.#hurried = failedWith(error, 'RATE_LIMITED');
    const pause = Math.min(Math.max(afterMs, 1_000) * 2 ** Math.min(this.#refusals, 6), times.longest) * (0.75 + this.#parts.random() / 4);
    this.#refusals += 1;
    this.#refusal = reasonOf(error);
    this.#pausedUntil = this.#parts.now() + pause;
  }

  /** A job has ended: its slot is free. */
  freed(): void {
    if (!this.#hurried) this.taken();
  }

  /** A job was taken. */
  taken(): void {
    this.#hurried = false;
    this.#refusals = 0;
    this.#pausedUntil = 0;
  }

  /** A call failed: where that says that no other will fare better, nothing is given to it before it has been asked. */
  heard(error: unknown): void {
    if (!failedWith(error, 'CONNECTION_ERROR', 'ENGINE_UNAUTHORIZED')) return;
    this.#reason = this.#words(error);
    this.#askedAt = this.#parts.now();
  }

  /** One question at a time. Never rejects. */
  #ask(): Promise<void> {
    this.#asking ??= this.#learn().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #learn(): Promise<void> {
    const { api, log, now } = this.#parts;
    const before = this.#reason;
    try {
      const { concurrentLimit } = await api.queueStatus(AbortSignal.timeout(times.patience));
      this.#limit = concurrentLimit ?? this.#options.concurrency ?? 1;
      this.#reason = undefined;
    } catch (error) {
      // An account that does not tell its limit runs one job at a time, or what the configuration says.
      const mute = failedWith(error) && !failedWith(error, 'CONNECTION_ERROR', 'ENGINE_UNAUTHORIZED', 'RATE_LIMITED');
      this.#limit = this.#options.concurrency ?? 1;
      if (!failedWith(error, 'RATE_LIMITED')) this.#reason = mute ? undefined : this.#words(error);
    }
    this.#askedAt = now();
    if (this.#reason === before) return;
    const where = { engine: this.#options.name, host: this.#options.host };
    if (this.#reason === undefined) log.info('RunningHub takes jobs', { ...where, at_once: Math.min(this.#limit, this.#options.concurrency ?? this.#limit) });
    else log.warn(this.#reason, where);
  }

  #words(error: unknown): string {
    const { name, settings: { key, address } } = this.#options;
    const hint = failedWith(error, 'ENGINE_UNAUTHORIZED') ? `Check ${key} and ${address} of engine "${name}"; npm run doctor tells more.` : 'It is asked again every few seconds.';
    return `RunningHub at ${this.#options.host} takes nothing (${reasonOf(error)}) ${hint}`;
  }
}
