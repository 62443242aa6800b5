import type { Instance } from '../../models/instance.ts';
import type { Tracked } from '../../molecules/prompt-tracker/tracker.ts';
import type { Endings } from './endings.ts';
import type { LiveParts } from './parts.ts';

/** Prompts whose history is asked at the same time. */
const AT_ONCE = 8;
/** Milliseconds a node may take to react to an interrupt after its prompt's time was over; no longer than that time itself. */
const REACTION = 10_000;

/** Compares what we believe of an instance with its queue and history. The queue and history are right. */
export class Reconciliation {
  readonly #parts: LiveParts;
  readonly #endings: Endings;

  constructor(parts: LiveParts, endings: Endings) {
    this.#parts = parts;
    this.#endings = endings;
  }

  /**
   * Ends what ended unseen. Answers how many had: more than none on a socket that is said to be open means that its
   * events no longer come. Throws what the instance throws.
   */
  async run(instance: Instance, signal: AbortSignal): Promise<number> {
    const { tracker, comfyui, now } = this.#parts;
    const known = tracker.inFlight(instance.name).filter((tracked) => tracked.acceptedAt !== undefined && !tracked.confirming);
    if (known.length === 0) return 0;
    const snapshot = await comfyui.queue.snapshot(instance, signal);
    const running = new Set(snapshot.running.map((entry) => entry.promptId));
    const pending = new Map(snapshot.pending.map((entry) => [entry.promptId, entry.number]));
    const gone: Tracked[] = [];
    for (const tracked of known) {
      if (tracked.phase === 'ended') continue;
      if (running.has(tracked.promptId)) tracker.running(tracked, now());
      else if (pending.has(tracked.promptId)) tracked.number = pending.get(tracked.promptId);
      else gone.push(tracked);
    }
    await this.#stopAgain(known.filter((tracked) => !gone.includes(tracked)), instance, signal);
    let ended = 0;
    for (let next = 0; next < gone.length; next += AT_ONCE) {
      const told = await Promise.all(gone.slice(next, next + AT_ONCE).map(async (tracked) => this.#settle(tracked, instance, signal)));
      ended += told.filter(Boolean).length;
    }
    return ended;
  }

  /** Somebody stopped these and they are there all the same: the instance could not be asked then, or did not listen. */
  async #stopAgain(there: readonly Tracked[], instance: Instance, signal: AbortSignal): Promise<void> {
    const { queue } = this.#parts.comfyui;
    const stopped = there.filter((tracked) => tracked.stopRequestedAt !== undefined);
    const waiting = stopped.filter((tracked) => tracked.phase !== 'running').map((tracked) => tracked.promptId);
    if (waiting.length > 0) await queue.remove(instance, waiting, signal);
    for (const tracked of stopped) if (tracked.phase === 'running' && !tracked.adopted) await queue.interrupt(instance, tracked.promptId, signal);
  }

  /** Interrupts prompts whose time is over; ends those that do not react. */
  async enforceLimit(instance: Instance, signal: AbortSignal): Promise<void> {
    const { tracker, comfyui, now, promptLimit } = this.#parts;
    for (const tracked of tracker.inFlight(instance.name)) {
      if (tracked.phase !== 'running' || tracked.confirming || tracked.startedAt === undefined || now() - tracked.startedAt < promptLimit) continue;
      if (tracked.timedOutAt === undefined) {
        tracked.timedOutAt = now();
        await comfyui.queue.interrupt(instance, tracked.promptId, signal);
      } else if (now() - tracked.timedOutAt > Math.min(REACTION, promptLimit)) await this.#endings.timedOut(tracked);
    }
  }

  /** The instance has been away for longer than a prompt may run: nobody can tell what became of its prompts. */
  async lose(instance: Instance, why: string): Promise<void> {
    for (const tracked of this.#parts.tracker.inFlight(instance.name)) {
      if (tracked.acceptedAt !== undefined) await this.#endings.vanished(tracked, `prompt ${tracked.promptId} was on instance ${instance.name}, ${why}.`);
    }
  }

  /** True when it ended here: the events had not told us. */
  async #settle(tracked: Tracked, instance: Instance, signal: AbortSignal): Promise<boolean> {
    const { tracker, comfyui: { history } } = this.#parts;
    const entry = await history.entry(instance, tracked.promptId, signal).catch((error: unknown) => {
      if (signal.aborted || !tracked.told || this.#parts.now() - tracked.lastEventAt < REACTION) throw error;
      return undefined;
    });
    if (tracked.phase === 'ended' || tracked.confirming) return false;
    if (entry) await this.#endings.finish(tracked, entry);
    else if (tracked.told) await this.#endings.asTold(tracked);
    else await this.#endings.vanished(tracked, `prompt ${tracked.promptId} is neither in the queue nor in the history of instance ${instance.name}; it was restarted, or somebody removed the prompt there.`);
    // One that could not be kept either is found again and again, which says nothing of the events.
    const known = tracked.confirming || tracker.get(tracked.promptId)?.phase === 'ended';
    return known && !tracked.adopted && tracked.stopRequestedAt === undefined && entry !== undefined;
  }
}
