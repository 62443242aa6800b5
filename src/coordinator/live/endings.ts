import { failedWith, fail, reasonOf } from '../../core/errors.ts';
import type { HistoryEntry } from '../../models/comfyui.ts';
import { fileUrl } from '../../models/file-url.ts';
import type { PromptError } from '../../models/prompt-state.ts';
import { endingOf, entryOf } from '../../molecules/prompt-outputs/ending.ts';
import { filesOf } from '../../molecules/prompt-outputs/outputs.ts';
import type { Tracked } from '../../molecules/prompt-tracker/tracker.ts';
import { durations, recordOf, refsOf, type Told, type Verdict } from './ending.ts';
import type { LiveParts } from './parts.ts';
import { UnwrittenEndings } from './unwritten.ts';

/**
 * Milliseconds between looks at the history. It may show an ending a few milliseconds after the events do: so many looks
 * find it or nothing does. The others are for a history that cannot be read, and `limit` is the time for all of them.
 */
const LOOKS = { pauses: [0, 10, 50, 250, 1_000, 3_000], enough: 4, limit: 6_000 } as const;

/** Ends prompts: confirmed by history, written down, told once, after everything else. One for all instances. */
export class Endings {
  readonly #parts: LiveParts;
  readonly #unwritten: UnwrittenEndings;

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#unwritten = new UnwrittenEndings(parts);
  }

  /** Writes and tells what the database did not take at first, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    return this.#unwritten.run(signal);
  }

  /**
   * The events say that it is over; ends it with what the history says, or with what all its messages said when the history
   * does not have it or cannot be read. False when messages were missed, too. True as well when
   * it is known and waits to be written.
   */
  async confirm(tracked: Tracked, signal: AbortSignal): Promise<boolean> {
    if (tracked.confirming || tracked.phase === 'ended') return true;
    tracked.confirming = true;
    try {
      const entry = await this.#find(tracked, AbortSignal.any([signal, AbortSignal.timeout(LOOKS.limit)]));
      signal.throwIfAborted();
      if (entry) await this.finish(tracked, entry);
      else if (tracked.told) await this.asTold(tracked);
      return tracked.ending !== undefined || this.#unwritten.has(tracked.promptId);
    } finally {
      tracked.confirming = this.#unwritten.has(tracked.promptId);
    }
  }

  /** Undefined when the history does not have it, or could not be read at all in that time. */
  async #find(tracked: Tracked, limit: AbortSignal): Promise<HistoryEntry | undefined> {
    const { pool, comfyui, sleep, log } = this.#parts;
    const instance = pool.get(tracked.instance);
    for (const [n, pause] of instance ? LOOKS.pauses.entries() : []) {
      try {
        if (pause > 0) await sleep(pause, limit);
        const entry = instance && (await comfyui.history.entry(instance, tracked.promptId, limit));
        if (entry || n + 1 >= LOOKS.enough) return entry;
      } catch (error) {
        if (limit.aborted) return undefined;
        log.client.debug('a history could not be read', { prompt_id: tracked.promptId, instance: tracked.instance, reason: reasonOf(error) });
      }
    }
    return undefined;
  }

  /** Ends it as its messages said, none of which was missed: no history tells of it. */
  async asTold(tracked: Tracked): Promise<void> {
    this.#parts.log.client.warn('a prompt is ended by its messages alone: the history does not tell of it', { prompt_id: tracked.promptId, instance: tracked.instance });
    return this.finish(tracked, entryOf(tracked.outputs, tracked.announced), tracked.lastEventAt);
  }

  /** Ends it as its history entry says. `finishedAt`: where the entry does not tell the time. */
  async finish(tracked: Tracked, entry: HistoryEntry, finishedAt?: number): Promise<void> {
    const ending = endingOf(entry);
    const files = filesOf(entry.outputs, (ref) => fileUrl(ref, { promptId: tracked.promptId, publicUrl: this.#parts.publicUrl }));
    const announced = dataOf(entry.status?.messages.at(-1)?.[1]);
    const common = { files, entry, startedAt: ending.startedAt ?? tracked.startedAt, finishedAt: ending.endedAt ?? finishedAt, announced };
    if (ending.state === 'interrupted' && tracked.timedOutAt !== undefined) return this.#end(tracked, { state: 'failed', error: this.#timeout(), ...common });
    if (ending.state === 'interrupted') return this.#end(tracked, { state: 'interrupted', reason: 'Somebody interrupted it on the ComfyUI server.', onRequest: { state: 'interrupted', reason: 'It was interrupted on request.' }, ...common });
    return this.#end(tracked, { state: ending.state, ...(ending.error ? { error: ending.error } : {}), ...common });
  }

  /** Neither in the queue nor in the history: removed through us, or lost. */
  async vanished(tracked: Tracked, why: string): Promise<void> {
    const reason = tracked.startedAt === undefined ? 'It was removed from the queue before it began.' : 'It was to be interrupted, and ComfyUI no longer knows it.';
    const detail = fail('PROMPT_LOST', why);
    return this.#end(tracked, { state: 'failed', error: { code: 'PROMPT_LOST', reason: detail.message }, onRequest: { state: 'interrupted', reason }, files: [], startedAt: tracked.startedAt });
  }

  /** Stopped on its way: no instance ever had it. */
  async withdrawn(tracked: Tracked): Promise<void> {
    return this.#end(tracked, { state: 'interrupted', reason: 'It was stopped on request before an instance had it.', files: [] });
  }

  /** It was interrupted when its time was over and still runs. */
  async timedOut(tracked: Tracked): Promise<void> {
    return this.#end(tracked, { state: 'failed', error: this.#timeout(), files: [], startedAt: tracked.startedAt });
  }

  #timeout(): PromptError {
    const detail = fail('TASK_TIMEOUT', `the prompt ran longer than COMFYUI_TIMEOUT, ${this.#parts.promptLimit / 1000} seconds, and was interrupted.`);
    return { code: 'TASK_TIMEOUT', reason: detail.message };
  }

  /** Written first, told after: whoever hears of an ending can ask for it. One that cannot be written is held back until it can. */
  async #end(tracked: Tracked, { entry, onRequest, ...found }: Verdict): Promise<void> {
    const { promptId } = tracked;
    if (tracked.phase === 'ended' || this.#unwritten.has(promptId)) return;
    const history = entry && this.#parts.comfyui.history.serialize(entry);
    const endedAt = this.#parts.now();
    const write = async (): Promise<void> => {
      const ending = onRequest && (await this.#stopAsked(tracked)) ? { ...withoutError(found), ...onRequest } : found;
      await this.#parts.records.finish(promptId, recordOf(ending, { seq: this.#parts.feed.seq(promptId), endedAt, history }));
      if (this.#parts.tracker.get(promptId)?.phase !== 'ended') this.#ended(tracked, ending, endedAt);
    };
    await write().catch((error: unknown) => {
      if (!failedWith(error)) throw error;
      if (tracked.phase !== 'ended') tracked.confirming = this.#unwritten.hold({ promptId, bytes: history?.length ?? 0, write }, error);
    });
  }

  /** Through this process, or another. */
  async #stopAsked(tracked: Tracked): Promise<boolean> {
    tracked.stopRequestedAt ??= (await this.#parts.records.find(tracked.promptId))?.stopRequestedAt;
    return tracked.stopRequestedAt !== undefined;
  }

  /** It is written: tells it, and lets go of what only a running prompt needs. */
  #ended(tracked: Tracked, ending: Told, endedAt: number): void {
    const { tracker, feed, pool, now } = this.#parts;
    const startedAt = ending.startedAt;
    const common = { client_id: tracked.clientId, instance: tracked.instance, durations: durations({ createdAt: tracked.createdAt, startedAt, finishedAt: ending.finishedAt, endedAt }) };
    if (startedAt !== undefined) feed.state(tracked.promptId, 'executing', { node: null, display_node: null });
    this.#tellAll(tracked.promptId, ending, common);
    feed.forget(tracker.ended(tracked.promptId, ending.state, now()));
    pool.setInFlight(tracked.instance, tracker.countInFlight(tracked.instance));
    const refs = refsOf(ending.files).map(({ filename, subfolder, type }) => ({ filename, subfolder, type }));
    // A task stores the outputs of its prompts itself.
    if (refs.length > 0 && tracked.taskId === undefined) this.#parts.mirror(tracked.promptId, tracked.instance, refs);
    this.#parts.log.tasks.info(`prompt ${ending.state}`, { prompt_id: tracked.promptId, ...(tracked.taskId === undefined ? {} : { task_id: tracked.taskId }), ...(tracked.requestId === undefined ? {} : { request_id: tracked.requestId }), instance: tracked.instance, key: tracked.key, ...common.durations, ...(ending.error ? { reason: ending.error.reason } : {}) });
  }

  /** ComfyUI's own fields are left out where they are nested too deep to be passed on. */
  #tellAll(promptId: string, ending: Told, common: Readonly<Record<string, unknown>>): void {
    try {
      this.#tell(promptId, ending, common);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#tell(promptId, { ...ending, announced: {} }, common);
    }
  }

  #tell(promptId: string, ending: Told, common: Readonly<Record<string, unknown>>): void {
    const { feed } = this.#parts;
    const announced = ending.announced ?? {};
    switch (ending.state) {
      case 'completed':
        return feed.state(promptId, 'result', { ...common, images: ending.files });
      case 'failed':
        return feed.state(promptId, 'execution_error', { ...announced, ...common, ...ending.error, images: ending.files });
      case 'interrupted':
        return feed.state(promptId, 'execution_interrupted', { ...announced, ...common, reason: ending.reason, images: ending.files });
      default: {
        const never: never = ending.state;
        return never;
      }
    }
  }

}

function withoutError({ error: _, ...told }: Told): Told {
  return told;
}

function dataOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
