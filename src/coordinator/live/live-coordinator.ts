import type { Caller } from '../../models/caller.ts';
import { fail } from '../../core/errors.ts';
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

  /** Takes up what earlier processes left unfinished. Before `run`. */
  async adopt(): Promise<number> {
    const { records, tracker, feed, pool, now } = this.#parts;
    const unfinished = await records.unfinished();
    for (const record of unfinished) {
      if (tracker.get(record.promptId)) continue;
      const tracked = tracker.add({ ...record, classes: new Map(), adopted: true });
      // No process tells more than one state per millisecond of one prompt: this number is beyond all of earlier lives.
      feed.open(record.promptId, audienceOf(record.key, record.clientId), now());
      if (!pool.get(record.instance)) await this.#endings.vanished(tracked, `prompt ${record.promptId} was on instance ${record.instance}, which is not configured any more.`);
    }
    for (const instance of pool.all()) pool.setInFlight(instance.name, tracker.countInFlight(instance.name));
    return unfinished.length;
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
