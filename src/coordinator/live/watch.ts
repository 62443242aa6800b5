import { limits } from '../../constants/limits.ts';
import { type Caller, owns } from '../../models/caller.ts';
import type { Frame } from '../../models/frame.ts';
import { audienceOf, messageFrame, statusFrame, type Watcher } from '../../molecules/event-feed/feed.ts';
import type { LiveParts } from './parts.ts';
import { type TaskSubscription, TaskWatch } from './task-watch.ts';

export interface PromptSubscription {
  readonly prompt_id: string;
  /** Newest state number that the client has seen. */
  readonly since?: number | undefined;
}

export type SubscribeItem = PromptSubscription | TaskSubscription;

/** Ids whose past is not kept: their present state is to be told. */
export interface Unkept {
  readonly prompts: readonly string[];
  readonly tasks: readonly string[];
}

type WatchParts = Pick<LiveParts, 'tracker' | 'feed' | 'pool' | 'tasks'> & { readonly records: Pick<LiveParts['records'], 'findMany'> };

/** What one socket receives, and what it asks for. */
export class Watch {
  readonly caller: Caller;
  readonly clientId: string;
  readonly #parts: WatchParts;
  readonly #watcher: Watcher;
  readonly #tasks: TaskWatch;
  readonly #closers: (() => void)[] = [];

  constructor(parts: WatchParts, who: { caller: Caller; clientId: string }) {
    this.#parts = parts;
    this.caller = who.caller;
    this.clientId = who.clientId;
    this.#watcher = parts.feed.join(audienceOf(who.caller.key, who.clientId));
    this.#tasks = new TaskWatch(parts, this.#watcher);
  }

  /**
   * Messages in order, some at a time, until the watch is closed. Pull no faster than the socket takes them. After a silence
   * the first ones come when `settled` resolves.
   */
  frames(settled: () => Promise<void>): AsyncGenerator<readonly Frame[], void> {
    return this.#watcher.mailbox.frames(settled);
  }

  /** WebSocket close code and reason, once there is no more. */
  get closed(): { readonly code: number; readonly reason: string } | undefined {
    return this.#watcher.mailbox.closed;
  }

  /** A message to this socket alone. */
  tell(type: string, data: Readonly<Record<string, unknown>>): void {
    this.#watcher.mailbox.push(messageFrame(type, data), 'state');
  }

  /** The queue as it is now. */
  tellStatus(): void {
    this.#watcher.mailbox.push(statusFrame(this.#parts.pool.totalRemaining()), 'latest', 'status');
  }

  /** What the client can read. */
  announce(flags: { readonly previewMetadata: boolean }): void {
    this.#watcher.previewMetadata = flags.previewMetadata;
  }

  /**
   * Answers `subscribed`, then replays. Ids whose messages are not kept any more come back: tell their present state.
   * A prompt or task that is not the caller's is answered as unknown.
   */
  async subscribe(items: readonly SubscribeItem[], requestId: string | undefined): Promise<Unkept> {
    const { feed } = this.#parts;
    const tasks = items.filter((item) => 'task_id' in item);
    const found = await this.#tasks.find(this.caller, tasks);
    const prompts = await this.#mine(items.filter((item) => 'prompt_id' in item));
    const known = [...prompts, ...tasks.filter((item) => found.has(item.task_id))];
    const unknown = items.filter((item) => !known.includes(item)).map((item) => ('task_id' in item ? item.task_id : item.prompt_id));
    this.tell('system', {
      event: 'subscribed',
      ...(requestId === undefined ? {} : { request_id: requestId }),
      items: known.map((item) => ('task_id' in item ? { task_id: item.task_id, seq: found.get(item.task_id)?.seq ?? 0 } : { prompt_id: item.prompt_id, seq: feed.seq(item.prompt_id) })),
      ...(unknown.length > 0 ? { unknown } : {}),
    });
    const unkept = { prompts: prompts.filter((item) => this.#join(item, requestId)).map((item) => item.prompt_id), tasks: new Array<string>() };
    for (const { task_id: id, since } of tasks) {
      const task = found.get(id);
      const outcome = task && (await this.#tasks.join(task, since));
      if (outcome === 'full') this.#refuse(requestId, { task_id: id });
      if (outcome === 'reset') unkept.tasks.push(id);
    }
    return unkept;
  }

  unsubscribe(items: readonly SubscribeItem[]): void {
    for (const item of items) {
      if ('task_id' in item) this.#tasks.leave(item.task_id);
      else this.#parts.feed.unsubscribe(this.#watcher, item.prompt_id);
    }
  }

  /** The service ends, or the socket has gone. */
  close(code: number, reason: string): void {
    this.#watcher.mailbox.close(code, reason);
    this.#parts.feed.leave(this.#watcher);
    for (const closer of this.#closers.splice(0)) closer();
  }

  onClose(closer: () => void): void {
    this.#closers.push(closer);
  }

  async #mine(items: readonly PromptSubscription[]): Promise<readonly PromptSubscription[]> {
    const { tracker, records } = this.#parts;
    const found = new Map((await records.findMany(items.map((item) => item.prompt_id))).map((record) => [record.promptId, record.key]));
    const keyOf = (id: string): string | undefined => tracker.get(id)?.key ?? found.get(id);
    return items.filter((item) => keyOf(item.prompt_id) !== undefined && owns(this.caller, keyOf(item.prompt_id)));
  }

  /** True when the present state must be told, since the past is not kept. */
  #join(item: PromptSubscription, requestId: string | undefined): boolean {
    const { feed, tracker } = this.#parts;
    const saw = feed.sawNewest(this.#watcher, item.prompt_id);
    const outcome = feed.subscribe(this.#watcher, item.prompt_id, item.since);
    if (outcome === 'full') {
      this.#refuse(requestId, { prompt_id: item.prompt_id });
      return false;
    }
    const endedUnseen = item.since === undefined && !saw && (tracker.get(item.prompt_id)?.phase ?? 'ended') === 'ended';
    return outcome === 'reset' || endedUnseen;
  }

  #refuse(requestId: string | undefined, what: Readonly<Record<string, string>>): void {
    const reason = `a socket may have ${limits.subscriptions} subscriptions; give some up, or open another.`;
    this.tell('system', { event: 'error', ...(requestId === undefined ? {} : { request_id: requestId }), code: 'WEBSOCKET_ERROR', reason, ...what });
  }
}
