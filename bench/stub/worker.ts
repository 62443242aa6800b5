/** The queue and whoever works on it: one job at a time as ComfyUI does, or all at once. */
import { type HistoryEntry, itemOf, type Job } from './job.ts';
import type { Sockets } from './sockets.ts';
import { Story } from './story.ts';

/** Newest entries kept, as ComfyUI's own bound. */
const keptEntries = 10_000;

export class Worker {
  readonly history = new Map<string, HistoryEntry>();
  /** Ids in the order in which they began to run. */
  readonly began: string[] = [];
  readonly #sockets: Sockets;
  readonly #parallel: boolean;
  readonly #pending: Job[] = [];
  readonly #running = new Map<string, { job: Job; stop: AbortController }>();
  #number = 0;

  constructor(sockets: Sockets, parallel: boolean) {
    this.#sockets = sockets;
    this.#parallel = parallel;
  }

  get remaining(): number {
    return this.#pending.length + this.#running.size;
  }

  nextNumber(): number {
    return this.#number++;
  }

  add(job: Job): void {
    this.#pending.push(job);
    this.#sockets.status(this.remaining);
    setImmediate(() => this.#take());
  }

  queue(): unknown {
    return { queue_running: [...this.#running.values()].map(({ job }) => itemOf(job)), queue_pending: this.#pending.map(itemOf) };
  }

  /** Pending jobs only. */
  remove(goes: (job: Job) => boolean): void {
    const left = this.#pending.filter((job) => !goes(job));
    if (left.length === this.#pending.length) return;
    this.#pending.splice(0, this.#pending.length, ...left);
    this.#sockets.status(this.remaining);
  }

  /** Without an id whatever runs. */
  interrupt(promptId: string | undefined): void {
    for (const { job, stop } of this.#running.values()) if (promptId === undefined || promptId === job.promptId) stop.abort();
  }

  #take(): void {
    if (!this.#parallel && this.#running.size > 0) return;
    const job = this.#pending.shift();
    if (!job) return;
    const stop = new AbortController();
    this.#running.set(job.promptId, { job, stop });
    this.began.push(job.promptId);
    void this.#run(job, stop.signal);
  }

  async #run(job: Job, signal: AbortSignal): Promise<void> {
    this.#sockets.status(this.remaining);
    const entry = await new Story(job, (type, data) => this.#sockets.send(job.clientId, type, data)).tell(signal);
    this.#running.delete(job.promptId);
    this.#remember(job.promptId, entry);
    this.#sockets.status(this.remaining);
    this.#sockets.send(job.clientId, 'executing', { node: null, prompt_id: job.promptId });
    setImmediate(() => this.#take());
  }

  #remember(promptId: string, entry: HistoryEntry): void {
    this.history.set(promptId, entry);
    const oldest = this.history.size > keptEntries ? this.history.keys().next().value : undefined;
    if (oldest !== undefined) this.history.delete(oldest);
  }
}
