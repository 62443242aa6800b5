import { stringifyJson } from '../../atoms/json/json.ts';
import { limits } from '../../constants/limits.ts';
import type { Frame } from '../../models/frame.ts';
import type { TaskEventName, TaskStatus } from '../../models/task.ts';
import { type FrameClass, Mailbox } from './mailbox.ts';
import type { PreviewFrames } from './previews.ts';
import { TaskTopics } from './task-topics.ts';
import type { Seen } from './told.ts';

/** One socket of a client, as the feed sees it. */
export interface Watcher {
  readonly audience: string;
  readonly mailbox: Mailbox;
  /** The client announced `supports_preview_metadata`. */
  previewMetadata: boolean;
  /** Prompts subscribed to by id. */
  readonly topics: Set<string>;
  /** First state number that reaches this watcher live, for prompts that had begun before it came, or that it receives otherwise than as one of the audience. */
  readonly liveFrom: Map<string, number>;
}

interface Topic {
  readonly promptId: string;
  readonly audience: string;
  /** Topic whose subscribers receive this one, too. */
  readonly task: string | undefined;
  readonly ring: { readonly seq: number; readonly frame: Frame }[];
  readonly subscribers: Set<Watcher>;
  seq: number;
}

export interface Opening {
  /** Number of the newest state message that was told before. */
  readonly told?: number;
  /** The task that the prompt is a run of: messages name it, and whoever subscribed to it receives them. */
  readonly taskId?: string | undefined;
}

/** What is told of a task. */
export interface TaskTidings {
  readonly taskId: string;
  readonly owner: string;
  readonly clientId: string;
  readonly seq: number;
  readonly event: TaskEventName | 'progress';
  readonly status: TaskStatus;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Delivery {
  readonly kind: FrameClass;
  /** Of what it may take the place. */
  readonly slot?: string;
}

/** Whoever opens a socket under this client id with this key belongs to the audience. */
export function audienceOf(key: string, clientId: string): string {
  return `${key}\n${clientId}`;
}

/** A text message as a frame. */
export function messageFrame(type: string, data: Readonly<Record<string, unknown>>): Frame {
  return { data: Buffer.from(stringifyJson({ type, data })), binary: false };
}

/** Numbers what happens to prompts, keeps a bounded ring of it and hands it to whoever watches. No I/O. */
export class EventFeed {
  readonly #topics = new Map<string, Topic>();
  /** Who subscribed to tasks. */
  readonly #tasks = new TaskTopics<Watcher>();
  readonly #audiences = new Map<string, Set<Watcher>>();
  /** Prompts of each task. */
  readonly #runs = new Map<string, Set<string>>();
  /** Topics with more than their newest message kept, oldest first. */
  readonly #whole = new Set<Topic>();
  #ringBytes = 0;
  #watchers = 0;

  /** Room for one more socket? */
  get full(): boolean {
    return this.#watchers >= limits.watchers;
  }

  get watcherCount(): number {
    return this.#watchers;
  }

  join(audience: string): Watcher {
    const watcher: Watcher = { audience, mailbox: new Mailbox(), previewMetadata: false, topics: new Set(), liveFrom: new Map() };
    for (const topic of this.#topics.values()) if (topic.audience === audience && topic.seq > 0) watcher.liveFrom.set(topic.promptId, topic.seq + 1);
    const members = this.#audiences.get(audience) ?? new Set();
    this.#audiences.set(audience, members.add(watcher));
    this.#watchers += 1;
    return watcher;
  }

  leave(watcher: Watcher): void {
    const members = this.#audiences.get(watcher.audience);
    if (!members?.delete(watcher)) return;
    if (members.size === 0) this.#audiences.delete(watcher.audience);
    for (const promptId of watcher.topics) this.#topics.get(promptId)?.subscribers.delete(watcher);
    this.#tasks.leaveAll(watcher);
    this.#watchers -= 1;
  }

  /** A prompt begins. Its state messages count from 1; those of one that began in an earlier life, from a number beyond what was told then. */
  open(promptId: string, audience: string, { told = 0, taskId: task }: Opening = {}): void {
    this.#topics.set(promptId, { promptId, audience, task, ring: [], subscribers: new Set(), seq: told });
    if (task !== undefined) this.#runs.set(task, (this.#runs.get(task) ?? new Set()).add(promptId));
  }

  has(promptId: string): boolean {
    return this.#topics.has(promptId);
  }

  /** Number of the newest state message. */
  seq(promptId: string): number {
    return this.#topics.get(promptId)?.seq ?? 0;
  }

  /** A state message: takes a number of its own, is kept for replay and never dropped. Throws RangeError for data nested too deep to be written; it then has no number. */
  state(promptId: string, type: string, data: Readonly<Record<string, unknown>>): void {
    const topic = this.#topics.get(promptId);
    if (!topic) return;
    const frame = messageFrame(type, { ...data, ...namesOf(topic), seq: topic.seq + 1 });
    topic.seq += 1;
    this.#keep(topic, topic.seq, frame);
    this.#deliver(topic, { kind: 'state' }, () => frame);
  }

  /** Carries the newest number and may give way to newer progress of its type. */
  progress(promptId: string, type: string, data: Readonly<Record<string, unknown>>): void {
    this.#passing(promptId, { type, data }, { kind: 'progress', slot: `${type}:${promptId}` });
  }

  /** As `progress`, but it says all that older ones of the slot said: only the newest is ever waiting. */
  latest(promptId: string, message: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }, slot: string): void {
    this.#passing(promptId, message, { kind: 'latest', slot: `${slot}:${promptId}` });
  }

  /** `output`: the picture is what the prompt was run for (SaveImageWebsocket), so it is not dropped. */
  preview(promptId: string, frames: PreviewFrames, kind: 'preview' | 'output'): void {
    const topic = this.#topics.get(promptId);
    if (!topic || !this.#isWatched(topic)) return;
    this.#deliver(topic, { kind, slot: `preview:${promptId}` }, (watcher) => (watcher.previewMetadata ? frames.withMetadata() : frames.legacy()));
  }

  /** An event of a task, which has its number from the store, or how far it is; to its audience, and to whoever subscribed to it. */
  task({ taskId, owner, clientId, seq, event, status, at, data }: TaskTidings): void {
    const members = this.#audiences.get(audienceOf(owner, clientId));
    if (!this.#tasks.isWatched(taskId) && !members) return;
    const frame = messageFrame('task', { ...data, task_id: taskId, seq, event, status, at });
    const passing = event === 'progress';
    for (const watcher of members ?? []) {
      if (this.#tasks.has(watcher, taskId)) continue;
      if (passing) watcher.mailbox.push(frame, 'latest', `task:${taskId}`);
      else this.#tasks.tellMember(watcher, { taskId, seq }, frame);
    }
    if (passing) return this.#tasks.progress(taskId, frame);
    this.#tasks.tell(taskId, seq, frame);
    if (event === 'completed' || event === 'failed' || event === 'cancelled') this.#forgetTask(taskId);
  }

  /** Takes up a subscription of a task; what the watcher was told of it before is in what it answers. Undefined when the watcher has too many. */
  joinTask(watcher: Watcher, taskId: string, audience: string): Seen | undefined {
    if (!this.#tasks.has(watcher, taskId) && watcher.topics.size + this.#tasks.count(watcher) >= limits.subscriptions) return undefined;
    return this.#tasks.join(watcher, taskId, audience);
  }

  /** No more of that task. */
  leaveTask(watcher: Watcher, taskId: string): void {
    this.#tasks.leave(watcher, taskId);
    for (const run of this.#runs.get(taskId) ?? []) {
      const topic = this.#topics.get(run);
      if (watcher.audience !== topic?.audience && !topic?.subscribers.has(watcher)) watcher.liveFrom.delete(run);
    }
  }

  /** To everybody; only the newest waits. */
  status(queueRemaining: number): void {
    const frame = statusFrame(queueRemaining);
    for (const members of this.#audiences.values()) for (const watcher of members) watcher.mailbox.push(frame, 'latest', 'status');
  }

  /**
   * From now on the watcher receives the prompt; state messages after `since` that it has not been sent live are
   * replayed first. `reset`: some of them are no longer kept, or `since` is of another life of this service; nothing is replayed.
   */
  subscribe(watcher: Watcher, promptId: string, since: number | undefined): 'subscribed' | 'reset' | 'full' {
    const topic = this.#topics.get(promptId);
    if (!topic) return 'reset';
    if (!watcher.topics.has(promptId) && watcher.topics.size + this.#tasks.count(watcher) >= limits.subscriptions) return 'full';
    const member = watcher.audience === topic.audience;
    const live = watcher.liveFrom.get(promptId) ?? (member ? 1 : topic.seq + 1);
    watcher.topics.add(promptId);
    if (!member) topic.subscribers.add(watcher);
    const from = since === undefined ? topic.seq + 1 : since + 1;
    const reset = from > topic.seq + 1 || from < Math.min(oldestOf(topic), live);
    watcher.liveFrom.set(promptId, Math.min(live, reset ? topic.seq + 1 : from));
    if (reset) return 'reset';
    for (const entry of topic.ring) if (entry.seq >= from && entry.seq < live) watcher.mailbox.push(entry.frame, 'state');
    return 'subscribed';
  }

  /** Whether the newest state message reached this watcher live. */
  sawNewest(watcher: Watcher, promptId: string): boolean {
    const topic = this.#topics.get(promptId);
    if (!topic) return false;
    return (watcher.liveFrom.get(promptId) ?? (watcher.audience === topic.audience ? 1 : Infinity)) <= topic.seq;
  }

  unsubscribe(watcher: Watcher, promptId: string): void {
    watcher.topics.delete(promptId);
    if (this.#topics.get(promptId)?.subscribers.delete(watcher)) watcher.liveFrom.delete(promptId);
  }

  /** These are over and too old to be replayed. */
  forget(promptIds: readonly string[]): void {
    for (const promptId of promptIds) {
      const topic = this.#topics.get(promptId);
      if (!topic) continue;
      for (const watcher of [...topic.subscribers, ...(this.#audiences.get(topic.audience) ?? []), ...this.#throughTask(topic)]) {
        watcher.topics.delete(promptId);
        watcher.liveFrom.delete(promptId);
      }
      this.#topics.delete(promptId);
      this.#whole.delete(topic);
      this.#forgetRun(topic);
      for (const entry of topic.ring) this.#ringBytes -= entry.frame.data.length;
    }
  }

  /** The last state message, which for an ended prompt is its ending. */
  last(promptId: string): Frame | undefined {
    return this.#topics.get(promptId)?.ring.at(-1)?.frame;
  }

  #passing(promptId: string, { type, data }: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }, as: Delivery): void {
    const topic = this.#topics.get(promptId);
    if (!topic || !this.#isWatched(topic)) return;
    const frame = messageFrame(type, { ...data, ...namesOf(topic), seq: topic.seq });
    this.#deliver(topic, as, () => frame);
  }

  #isWatched(topic: Topic): boolean {
    return topic.subscribers.size > 0 || this.#audiences.has(topic.audience) || !this.#throughTask(topic).next().done;
  }

  #deliver(topic: Topic, as: Delivery, frameFor: (watcher: Watcher) => Frame): void {
    for (const watcher of this.#audiences.get(topic.audience) ?? []) watcher.mailbox.push(frameFor(watcher), as.kind, as.slot);
    for (const watcher of topic.subscribers) watcher.mailbox.push(frameFor(watcher), as.kind, as.slot);
    for (const watcher of this.#throughTask(topic)) {
      if (as.kind === 'state' && !watcher.liveFrom.has(topic.promptId)) watcher.liveFrom.set(topic.promptId, topic.seq);
      watcher.mailbox.push(frameFor(watcher), as.kind, as.slot);
    }
  }

  /** Those who subscribed to its task and do not receive it otherwise. */
  *#throughTask(topic: Topic): Generator<Watcher, void> {
    for (const watcher of this.#tasks.members(topic.task, topic.audience)) if (!topic.subscribers.has(watcher) && watcher.audience !== topic.audience) yield watcher;
  }

  /** Nobody hears of its prompts through it any more. */
  #forgetTask(taskId: string): void {
    for (const run of this.#runs.get(taskId) ?? []) {
      const topic = this.#topics.get(run);
      if (topic) for (const watcher of this.#throughTask(topic)) watcher.liveFrom.delete(run);
    }
    this.#tasks.forget(taskId);
  }

  #forgetRun({ task, promptId }: Topic): void {
    const runs = task === undefined ? undefined : this.#runs.get(task);
    if (task !== undefined && runs?.delete(promptId) && runs.size === 0) this.#runs.delete(task);
  }

  /** Keeps all rings together below their limit: the oldest prompts keep only their newest message. */
  #keep(topic: Topic, seq: number, frame: Frame): void {
    topic.ring.push({ seq, frame });
    this.#ringBytes += frame.data.length;
    this.#whole.add(topic);
    if (topic.ring.length > limits.replayStates) this.#ringBytes -= topic.ring.shift()?.frame.data.length ?? 0;
    for (const oldest of this.#whole) {
      if (this.#ringBytes <= limits.replayBytes) return;
      this.#whole.delete(oldest);
      for (const entry of oldest.ring.splice(0, oldest.ring.length - 1)) this.#ringBytes -= entry.frame.data.length;
    }
  }
}

/** What every message about it names. */
const namesOf = ({ promptId, task }: Topic): Readonly<Record<string, string>> => ({ prompt_id: promptId, ...(task === undefined ? {} : { task_id: task }) });

const oldestOf = ({ ring, seq }: Topic): number => ring[0]?.seq ?? seq + 1;

export function statusFrame(queueRemaining: number): Frame {
  return messageFrame('status', { status: { exec_info: { queue_remaining: queueRemaining } } });
}
