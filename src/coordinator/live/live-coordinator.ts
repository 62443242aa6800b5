import type { Caller } from '../../models/caller.ts';
import { fail } from '../../core/errors.ts';
import type { PromptRecord } from '../../models/records.ts';
import { audienceOf } from '../../molecules/event-feed/feed.ts';
import { Endings } from './endings.ts';
import { InstanceFollower } from './instance-follower.ts';
import type { LiveParts } from './parts.ts';
import { QueueTeller } from './queue-teller.ts';
import { Watch } from './watch.ts';

/** Follows every instance and serves whoever watches. */
export class LiveCoordinator {
  readonly #parts: LiveParts;
  readonly #endings: Endings;
  readonly #watches = new Set<Watch>();

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#endings = new Endings(parts);
    parts.tracker.onWithdrawn((tracked) => this.#endings.withdrawn(tracked));
  }

  /** Processes that have prompts without an ending. */
  async processes(): Promise<readonly string[]> {
    return this.#parts.records.processes();
  }

  /**
   * Takes up what processes that are gone left unfinished; of several that do so at once, one gets each prompt. Answers what it
   * got. Those that no instance was known to have may still come: whoever hands prompts over looks for them.
   */
  async adopt(processes: readonly string[]): Promise<readonly PromptRecord[]> {
    const { records, tracker, feed, pool, now, process } = this.#parts;
    const taken = (await records.takeOver(processes, process)).filter((record) => !tracker.get(record.promptId));
    for (const record of taken) {
      const tracked = tracker.add({ ...record, classes: new Map(), adopted: true, unansweredSince: record.acceptedAt === undefined ? (record.unansweredAt ?? now()) : undefined });
      // No process tells more than one state per millisecond of one prompt: this number is beyond all of earlier lives.
      feed.open(record.promptId, audienceOf(record.key, record.clientId), { told: now(), taskId: record.taskId });
      if (!pool.get(record.instance)) await this.#endings.vanished(tracked, `prompt ${record.promptId} was on instance ${record.instance}, which is not configured any more.`);
    }
    for (const instance of pool.all()) pool.setInFlight(instance.name, tracker.countInFlight(instance.name));
    for (const { instance } of taken) tracker.nudge(instance);
    return taken;
  }

  /** Follows all instances until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const tellers = { endings: this.#endings, queues: new QueueTeller(this.#parts) };
    const followers = this.#parts.pool.all().map((instance) => new InstanceFollower(this.#parts, instance, tellers));
    await Promise.all([this.#endings, ...followers].map(async (one) => one.run(signal)));
  }

  /** Opens a watch for one socket. Throws QUEUE_FULL when there are too many. */
  watch(caller: Caller, clientId: string): Watch {
    if (this.#parts.feed.full) throw fail('QUEUE_FULL', 'there are too many open sockets.');
    const watch = new Watch(this.#parts, { caller, clientId });
    this.#watches.add(watch);
    watch.onClose(() => this.#watches.delete(watch));
    return watch;
  }

  /** Ends every watch, as at shutdown. What waits is delivered first. */
  closeAll(code: number, reason: string): void {
    for (const watch of this.#watches) watch.close(code, reason);
  }
}
