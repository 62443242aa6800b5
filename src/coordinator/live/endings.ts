import { failedWith, fail, reasonOf } from '../../core/errors.ts';
import type { HistoryEntry } from '../../models/comfyui.ts';
import { fileTypes } from '../../models/file.ts';
import { fileUrl } from '../../models/file-url.ts';
import type { OutputFile } from '../../models/file.ts';
import type { PromptError } from '../../models/prompt-state.ts';
import type { PromptEnding } from '../../models/records.ts';
import { endingOf, entryOf } from '../../molecules/prompt-outputs/ending.ts';
import { filesOf } from '../../molecules/prompt-outputs/outputs.ts';
import type { Tracked } from '../../molecules/prompt-tracker/tracker.ts';
import type { LiveParts } from './parts.ts';

/**
 * Milliseconds between looks at the history. It may show an ending a few milliseconds after the events do: so many looks
 * find it or nothing does. The others are for a history that cannot be read, and `limit` is the time for all of them.
 */
const LOOKS = { pauses: [0, 10, 50, 250, 1_000, 3_000], enough: 4, limit: 6_000 } as const;

interface Ending {
  readonly state: 'completed' | 'failed' | 'interrupted';
  readonly error?: PromptError;
  readonly reason?: string;
  readonly files: readonly OutputFile[];
  readonly entry?: HistoryEntry;
  readonly startedAt?: number | undefined;
  /** When ComfyUI was done, by its own clock; `durations` are told from it. */
  readonly finishedAt?: number | undefined;
  /** ComfyUI's own fields of the last message, as node_id, node_type, executed. */
  readonly announced?: Readonly<Record<string, unknown>>;
}

/** Ends prompts: confirmed by history, written down, told once, after everything else. */
export class Endings {
  readonly #parts: LiveParts;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  /**
   * The events say that it is over; ends it with what the history says, or with what all its messages said when the history
   * does not have it or cannot be read. False when messages were missed, too.
   */
  async confirm(tracked: Tracked, signal: AbortSignal): Promise<boolean> {
    if (tracked.confirming || tracked.phase === 'ended') return true;
    tracked.confirming = true;
    try {
      const entry = await this.#find(tracked, AbortSignal.any([signal, AbortSignal.timeout(LOOKS.limit)]));
      signal.throwIfAborted();
      if (entry) await this.finish(tracked, entry);
      else if (tracked.told) await this.asTold(tracked);
      return tracked.ending !== undefined;
    } finally {
      tracked.confirming = false;
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
    if (ending.state === 'interrupted') return this.#end(tracked, { state: 'interrupted', reason: whoStopped(tracked), ...common });
    return this.#end(tracked, { state: ending.state, ...(ending.error ? { error: ending.error } : {}), ...common });
  }

  /** Neither in the queue nor in the history: removed through us, or lost. */
  async vanished(tracked: Tracked, why: string): Promise<void> {
    if (tracked.stopRequestedAt !== undefined) return this.#end(tracked, { state: 'interrupted', reason: 'It was removed from the queue before it began.', files: [] });
    const detail = fail('PROMPT_LOST', why);
    return this.#end(tracked, { state: 'failed', error: { code: 'PROMPT_LOST', reason: detail.message }, files: [], startedAt: tracked.startedAt });
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

  async #end(tracked: Tracked, ending: Ending): Promise<void> {
    if (tracked.phase === 'ended') return;
    const { tracker, feed, pool, now } = this.#parts;
    const endedAt = now();
    const startedAt = ending.startedAt;
    await this.#write(tracked, ending, endedAt);
    if (tracker.get(tracked.promptId)?.phase === 'ended') return;
    const common = { client_id: tracked.clientId, instance: tracked.instance, durations: durations({ createdAt: tracked.createdAt, startedAt, finishedAt: ending.finishedAt, endedAt }) };
    if (startedAt !== undefined) feed.state(tracked.promptId, 'executing', { node: null, display_node: null });
    this.#tellAll(tracked.promptId, ending, common);
    feed.forget(tracker.ended(tracked.promptId, ending.state, endedAt));
    pool.setInFlight(tracked.instance, tracker.countInFlight(tracked.instance));
    const refs = ending.files.flatMap((file) => {
      const type = fileTypes.find((known) => known === file.type);
      return type ? [{ filename: file.filename, subfolder: file.subfolder, type }] : [];
    });
    if (refs.length > 0) this.#parts.mirror(tracked.promptId, tracked.instance, refs);
    this.#parts.log.tasks.info(`prompt ${ending.state}`, { prompt_id: tracked.promptId, instance: tracked.instance, key: tracked.key, ...common.durations, ...(ending.error ? { reason: ending.error.reason } : {}) });
  }

  /** ComfyUI's own fields are left out where they are nested too deep to be passed on. */
  #tellAll(promptId: string, ending: Ending, common: Readonly<Record<string, unknown>>): void {
    try {
      this.#tell(promptId, ending, common);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#tell(promptId, { ...ending, announced: {} }, common);
    }
  }

  #tell(promptId: string, ending: Ending, common: Readonly<Record<string, unknown>>): void {
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

  /** A database that cannot be written does not keep anybody waiting: the ending is told and the fault logged. */
  async #write(tracked: Tracked, ending: Ending, endedAt: number): Promise<void> {
    const seq = this.#parts.feed.seq(tracked.promptId) + (ending.startedAt === undefined ? 1 : 2);
    const record: PromptEnding = {
      state: ending.state,
      startedAt: ending.startedAt,
      endedAt,
      detail: JSON.stringify({ seq, ...(ending.error ? { error: ending.error } : {}), ...(ending.reason === undefined ? {} : { reason: ending.reason }) }),
      history: ending.entry ? this.#parts.comfyui.history.serialize(ending.entry) : undefined,
      outputs: ending.files.flatMap((file) => {
        const type = fileTypes.find((known) => known === file.type);
        return type ? [{ filename: file.filename, subfolder: file.subfolder, type, nodeId: file.node_id, kind: file.kind }] : [];
      }),
    };
    await this.#parts.records.finish(tracked.promptId, record).catch((error: unknown) => {
      if (!failedWith(error)) throw error;
      this.#parts.log.tasks.error('the ending of a prompt could not be written', { prompt_id: tracked.promptId, error, reason: reasonOf(error) });
    });
  }
}

/** Milliseconds; the run by ComfyUI's clock alone, so that neither a clock that differs nor our own work counts. */
function durations(times: { createdAt: number; startedAt: number | undefined; finishedAt: number | undefined; endedAt: number }): Record<string, number> {
  const { createdAt, startedAt, finishedAt, endedAt } = times;
  const total = { total_ms: Math.max(0, endedAt - createdAt) };
  return startedAt === undefined ? total : { queued_ms: Math.max(0, startedAt - createdAt), execution_ms: Math.max(0, (finishedAt ?? endedAt) - startedAt), ...total };
}

function whoStopped(tracked: Tracked): string {
  return tracked.stopRequestedAt === undefined ? 'Somebody interrupted it on the ComfyUI server.' : 'It was interrupted on request.';
}

function dataOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
