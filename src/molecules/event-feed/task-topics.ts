import type { Frame } from '../../models/frame.ts';
import type { Mailbox } from './mailbox.ts';
import { note, nothingSeen, type Seen, ToldTasks, wasTold } from './told.ts';

interface Reader {
  readonly audience: string;
  readonly mailbox: Mailbox;
}

interface Topic<R> {
  readonly audience: string;
  readonly members: Map<R, Seen>;
}

/** Who subscribed to which task. Events have their numbers from the store, which also has the past; of them, only who was told which is kept here. */
export class TaskTopics<R extends Reader> {
  readonly #topics = new Map<string, Topic<R>>();
  readonly #of = new WeakMap<R, Set<string>>();
  readonly #told = new WeakMap<R, ToldTasks>();

  /** Subscriptions of that watcher. */
  count(watcher: R): number {
    return this.#of.get(watcher)?.size ?? 0;
  }

  has(watcher: R, taskId: string): boolean {
    return this.#of.get(watcher)?.has(taskId) ?? false;
  }

  /** From now on it hears of the task, once whoever called has told it what is stored and says so; what it was told before is known. `audience`: that of the task. */
  join(watcher: R, taskId: string, audience: string): Seen {
    const topic = this.#topics.get(taskId) ?? { audience, members: new Map<R, Seen>() };
    const told = topic.members.get(watcher) ?? this.#toldOf(watcher).take(taskId) ?? nothingSeen();
    const seen = Object.assign(told, { catchingUp: true, missed: false });
    this.#topics.set(taskId, topic);
    topic.members.set(watcher, seen);
    this.#of.set(watcher, (this.#of.get(watcher) ?? new Set()).add(taskId));
    return seen;
  }

  /** What it was told stays known. */
  leave(watcher: R, taskId: string): void {
    const topic = this.#topics.get(taskId);
    const seen = topic?.members.get(watcher);
    if (!topic || !seen) return;
    this.#toldOf(watcher).keep(taskId, Object.assign(seen, { hearing: watcher.audience === topic.audience, catchingUp: false }));
    topic.members.delete(watcher);
    if (topic.members.size === 0) this.#topics.delete(taskId);
    this.#of.get(watcher)?.delete(taskId);
  }

  leaveAll(watcher: R): void {
    for (const taskId of [...(this.#of.get(watcher) ?? [])]) this.leave(watcher, taskId);
  }

  /** Those who subscribed to the task, if it is that audience's: an id that a caller chose may be that of somebody else's task. */
  *members(taskId: string | undefined, audience: string): Generator<R, void> {
    const topic = taskId === undefined ? undefined : this.#topics.get(taskId);
    if (topic?.audience === audience) yield* topic.members.keys();
  }

  isWatched(taskId: string): boolean {
    return this.#topics.has(taskId);
  }

  /** An event, to all members that have not been told it. */
  tell(taskId: string, seq: number, frame: Frame): void {
    for (const [watcher, seen] of this.#topics.get(taskId)?.members ?? []) {
      if (seen.catchingUp) seen.missed = true;
      else if (seq > seen.seq) {
        note(seen, seq);
        watcher.mailbox.push(frame, 'state');
      }
    }
  }

  /** An event, to one of the task's audience that did not subscribe to it, unless it was told it. */
  tellMember(watcher: R, { taskId, seq }: { readonly taskId: string; readonly seq: number }, frame: Frame): void {
    const told = this.#toldOf(watcher);
    const seen = told.get(taskId) ?? nothingSeen();
    if (wasTold(seen, seq)) return;
    note(seen, seq);
    told.keep(taskId, Object.assign(seen, { hearing: true }));
    watcher.mailbox.push(frame, 'state');
  }

  /** Passing progress; only the newest waits for a slow reader. */
  progress(taskId: string, frame: Frame): void {
    for (const [watcher, seen] of this.#topics.get(taskId)?.members ?? []) if (!seen.catchingUp) watcher.mailbox.push(frame, 'latest', `task:${taskId}`);
  }

  /** The task has ended: nothing more comes. */
  forget(taskId: string): void {
    for (const watcher of [...(this.#topics.get(taskId)?.members.keys() ?? [])]) this.leave(watcher, taskId);
  }

  #toldOf(watcher: R): ToldTasks {
    const told = this.#told.get(watcher) ?? new ToldTasks();
    this.#told.set(watcher, told);
    return told;
  }
}
