import { limits } from '../../constants/limits.ts';
import { type Caller, owns } from '../../models/caller.ts';
import type { QueueEntry, QueueSnapshot } from '../../models/comfyui.ts';
import type { Instance } from '../../models/instance.ts';
import type { DeleteAnswer, QueueItem, QueueStatus } from '../../models/queue.ts';
import type { PromptRecord, PromptRecords } from '../../models/records.ts';
import type { ComfyuiQueue } from '../../molecules/comfyui-queue/queue.ts';
import type { InstancePool } from '../../molecules/instance-pool/pool.ts';
import type { PromptTracker } from '../../molecules/prompt-tracker/tracker.ts';

export interface QueueParts {
  readonly queue: ComfyuiQueue;
  readonly pool: InstancePool;
  readonly records: PromptRecords;
  readonly tracker: PromptTracker;
  readonly now: () => number;
}

/** Milliseconds that a prompt on its way is waited for. */
const HAND_OVER = 10_000;

interface Seen {
  readonly instance: Instance;
  readonly snapshot: QueueSnapshot;
}

type Outcome = DeleteAnswer['results'][number]['outcome'];

/** The queues of all instances as one. Callers see and remove their own prompts; other people's are counts. */
export class QueueCoordinator {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** An instance that cannot be asked, or does not answer soon, is left out and marked. Throws CONNECTION_ERROR when none can. */
  async status(caller: Caller, signal: AbortSignal): Promise<QueueStatus> {
    const seen = await this.#look(signal, limits.showingPatience);
    const records = await this.#recordsOf(seen);
    const items = (pick: (snapshot: QueueSnapshot) => readonly QueueEntry[]) => {
      const all = seen.flatMap(({ instance, snapshot }) => pick(snapshot).map((entry) => itemOf(entry, instance, records.get(entry.promptId))));
      const own = all.filter((item) => owns(caller, records.get(item.prompt_id)?.key));
      return { own, others: all.length - own.length };
    };
    const [running, pending] = [items((snapshot) => snapshot.running), items((snapshot) => snapshot.pending)];
    return {
      running: running.own,
      pending: pending.own,
      queue_remaining: running.own.length + running.others + pending.own.length + pending.others,
      others: { running: running.others, pending: pending.others },
      instances: this.#parts.pool.all().map((instance) => {
        const snapshot = seen.find((one) => one.instance === instance)?.snapshot;
        return { instance: instance.name, healthy: snapshot !== undefined, running: snapshot?.running.length ?? 0, pending: snapshot?.pending.length ?? 0 };
      }),
    };
  }

  /** Removes the caller's waiting prompts everywhere. Answers how many were really removed. */
  async clear(caller: Caller, signal: AbortSignal): Promise<number> {
    const seen = await this.#look(signal);
    const records = await this.#recordsOf(seen);
    const removed = await Promise.all(
      seen.map(async ({ instance, snapshot }) => {
        const own = snapshot.pending.map((entry) => entry.promptId).filter((id) => owns(caller, records.get(id)?.key));
        const outcomes = await this.#remove(instance, own, signal);
        return [...outcomes.values()].filter((outcome) => outcome === 'removed').length;
      }),
    );
    return removed.reduce((sum, count) => sum + count, 0);
  }

  /** Removes those of the ids that are the caller's and wait; what runs is left alone. */
  async delete(caller: Caller, promptIds: readonly string[], signal: AbortSignal): Promise<DeleteAnswer> {
    const records = new Map((await this.#parts.records.findMany(promptIds)).map((record) => [record.promptId, record]));
    const mine = promptIds.filter((id) => owns(caller, records.get(id)?.key));
    const outcomes = new Map<string, Outcome>(mine.filter((id) => (records.get(id)?.state ?? 'submitted') !== 'submitted').map((id) => [id, 'already_finished']));
    const open = mine.filter((id) => !outcomes.has(id));
    for (const [id, outcome] of await this.#stopOnTheWay(open, signal)) outcomes.set(id, outcome);
    // Another process is handing these over, and finds that they shall stop when it writes down that an instance has them.
    const elsewhere = open.filter((id) => records.get(id)?.acceptedAt === undefined && records.has(id) && !this.#parts.tracker.get(id));
    await this.#parts.records.requestStop(elsewhere);
    for (const id of elsewhere) outcomes.set(id, 'interrupt_requested');
    for (const { instance, snapshot } of open.length > 0 ? await this.#look(signal) : []) {
      for (const entry of snapshot.running) if (open.includes(entry.promptId)) outcomes.set(entry.promptId, 'running');
      const waiting = snapshot.pending.map((entry) => entry.promptId).filter((id) => open.includes(id));
      for (const [id, outcome] of await this.#remove(instance, waiting, signal)) outcomes.set(id, outcome);
      // Submitted, and in the queue no more: it ended a moment ago, and its ending is being written.
      for (const id of open) if (records.get(id)?.instance === instance.name && !outcomes.has(id)) outcomes.set(id, 'already_finished');
    }
    await this.#parts.records.withdrawStop(elsewhere.filter((id) => outcomes.get(id) === 'running'));
    const results = promptIds.map((id) => ({ prompt_id: id, outcome: outcomes.get(id) ?? ('not_found' as const) }));
    return { deleted: results.filter((result) => result.outcome === 'removed').length, results };
  }

  /** Prompts on their way are given to no other instance. One that the present instance takes is looked for afterwards. */
  async #stopOnTheWay(promptIds: readonly string[], signal: AbortSignal): Promise<Map<string, Outcome>> {
    const { tracker, records, now } = this.#parts;
    const ids = promptIds.filter((id) => tracker.get(id)?.phase === 'submitting');
    if (ids.length === 0) return new Map();
    for (const tracked of ids.flatMap((id) => tracker.get(id) ?? [])) tracked.stopRequestedAt ??= now();
    await records.requestStop(ids);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(HAND_OVER)]);
    await Promise.all(ids.map(async (id) => tracker.whenHandedOver(id, limit).catch(() => undefined)));
    return new Map(ids.flatMap((id): [string, Outcome][] => {
      const tracked = tracker.get(id);
      if (!tracked || (tracked.phase === 'ended' && tracked.startedAt === undefined)) return [[id, 'removed']];
      return tracked.phase === 'submitting' ? [[id, 'interrupt_requested']] : [];
    }));
  }

  /** Takes prompts out of one queue, then looks: one that had begun meanwhile is running, not removed. */
  async #remove(instance: Instance, promptIds: readonly string[], signal: AbortSignal): Promise<Map<string, Outcome>> {
    if (promptIds.length === 0) return new Map();
    const news = await this.#parts.records.requestStop(promptIds);
    const asked = promptIds.flatMap((id) => this.#parts.tracker.get(id) ?? []).filter((tracked) => tracked.stopRequestedAt === undefined);
    for (const tracked of asked) tracked.stopRequestedAt = this.#parts.now();
    await this.#parts.queue.remove(instance, promptIds, signal);
    const after = await this.#parts.queue.snapshot(instance, signal);
    const running = new Set(after.running.map((entry) => entry.promptId));
    for (const tracked of asked) if (running.has(tracked.promptId)) tracked.stopRequestedAt = undefined;
    await this.#parts.records.withdrawStop(news.filter((id) => running.has(id)));
    this.#parts.tracker.nudge(instance.name);
    return new Map(promptIds.map((id) => [id, running.has(id) ? 'running' : 'removed']));
  }

  /** `patience`: milliseconds; for deciding, as long as any call may take, unless the instance has not been heard of lately. */
  async #look(signal: AbortSignal, patience?: number): Promise<Seen[]> {
    const { pool, queue } = this.#parts;
    const patienceWith = ({ name }: Instance): number | undefined => (pool.isHealthy(name) ? patience : limits.showingPatience);
    const answers = await Promise.allSettled(pool.all().map(async (instance) => ({ instance, snapshot: await queue.snapshot(instance, signal, patienceWith(instance)) })));
    const seen = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (seen.length === 0 && failed) throw failed.reason;
    return seen;
  }

  async #recordsOf(seen: readonly Seen[]): Promise<ReadonlyMap<string, PromptRecord>> {
    const ids = seen.flatMap(({ snapshot }) => [...snapshot.running, ...snapshot.pending].map((entry) => entry.promptId));
    return new Map((await this.#parts.records.findMany(ids)).map((record) => [record.promptId, record]));
  }
}

function itemOf(entry: QueueEntry, instance: Instance, record: PromptRecord | undefined): QueueItem {
  return { prompt_id: entry.promptId, number: entry.number, instance: instance.name, ...(record ? { client_id: record.clientId } : {}) };
}
