import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { NodeCache } from './cache.ts';
import type { Counters } from './counters.ts';
import { Execution, type ExecutorParts } from './executor.ts';
import { withoutSecrets, type QueueItem } from './graph.ts';
import { History } from './history.ts';
import { isRecord } from './json.ts';
import type { Knobs } from './knobs.ts';
import { PythonError } from './python.ts';
import { PromptQueue } from './queue.ts';
import { RunMessages } from './run-messages.ts';
import { Sockets, statusOf } from './sockets.ts';

export type InstanceParts = Omit<ExecutorParts, 'cache'> & { readonly counters: Counters };

/** How long a node that is in the middle of something may take to notice the end. */
const LETTING_GO_MS = 2_000;

/** Everything a server process forgets when it ends: queue, history, cache, sockets, the number counter, the worker. */
export class Instance {
  readonly sockets: Sockets;
  readonly queue: PromptQueue;
  readonly history = new History();
  readonly #cache = new NodeCache();
  readonly #parts: InstanceParts;
  readonly #stop = new AbortController();
  #number = 0;
  #worked: Promise<void> = Promise.resolve();
  #freeWanted = false;
  #run: { readonly item: QueueItem; readonly clientId: string | undefined; readonly abort: AbortController; execution: Execution | undefined } | undefined;

  constructor(parts: InstanceParts) {
    this.#parts = parts;
    this.sockets = new Sockets({
      queueRemaining: () => this.queue.remaining,
      runningNode: (clientId) => (this.#run?.clientId === clientId ? this.#run.execution?.current : undefined),
    }, parts.knobs);
    this.queue = new PromptQueue(() => { this.sockets.send('status', { status: statusOf(this.queue.remaining) }); });
  }

  get knobs(): Knobs {
    return this.#parts.knobs;
  }

  /** The next prompt's number; also refused prompts use one up (http/prompt-rejected-validation). */
  nextNumber(): number {
    this.#number += 1;
    return this.#number - 1;
  }

  /** One prompt at a time, until stopped or until something kills the worker for good (ws 33, ws 36). */
  start(): void {
    this.#worked = this.#work();
  }

  async #work(): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) await this.#process(await this.queue.take(this.#stop.signal));
    } catch (error) {
      if (!(error instanceof PythonError) && !this.#stop.signal.aborted) throw error;
    }
  }

  /** Without an id: whatever runs. With one: only if that prompt runs now (ws 08, ws 10). */
  interrupt(promptId?: string): void {
    if (this.#run && (promptId === undefined || this.#run.item.promptId === promptId)) this.#run.abort.abort();
  }

  /** Empties the node cache, after the running prompt if there is one (ws 03). */
  free(): void {
    if (this.#run) this.#freeWanted = true;
    else this.#cache.clear();
  }

  /** As when the process ends: sockets break off, what runs is abandoned. Resolves when it has let go of its files, or soon. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#run?.abort.abort();
    this.sockets.cutAll();
    await Promise.race([this.#worked, sleep(LETTING_GO_MS, undefined, { ref: false })]);
  }

  async #process(item: QueueItem): Promise<void> {
    if (!isRecord(item.extraData)) throw new PythonError('TypeError', 'extra_data is no object');
    const client = item.extraData['client_id'];
    const clientId = typeof client === 'string' ? client : undefined;
    const messages = new RunMessages(this.sockets, { promptId: item.promptId, clientId });
    const abort = new AbortController();
    const execution = new Execution({ ...this.#parts, cache: this.#cache }, { item, messages, signal: abort.signal, stop: this.#stop.signal });
    this.#run = { item, clientId, abort, execution };
    this.#parts.counters.executed(item.promptId);
    const result = await execution.run();
    await this.#beforeHistory();
    if (this.#stop.signal.aborted) return;
    this.#run = undefined;
    this.queue.done(item, () => {
      if (this.knobs.take('loseHistoryEntries')) return;
      const status = { status_str: result.success ? 'success' : 'error', completed: result.success, messages: messages.notes } as const;
      const prompt = [item.number, item.promptId, item.prompt, withoutSecrets(item.extraData), item.outputs];
      this.history.add(item.promptId, { prompt, outputs: result.outputs, status, meta: result.meta });
    });
    messages.executing(null);
    if (this.#freeWanted) this.#cache.clear();
    this.#freeWanted = false;
  }

  /** The entry is not there yet when `execution_success` arrives; it is when `executing null` does (timing). */
  async #beforeHistory(): Promise<void> {
    const wait = this.knobs.state.historyDelayMs;
    await (wait > 0 ? sleep(wait) : turn());
  }
}
