import { reasonOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ProcessRecord, ProcessRecords, Role } from '../../models/process.ts';

/** Milliseconds between two words that we live. */
const BEAT_EVERY = 2_000;
/** Milliseconds without a word after which a process counts as gone: one that stands still has time to go on. */
const PATIENCE = 15_000;

export interface ProcessParts {
  readonly records: ProcessRecords;
  readonly self: Omit<ProcessRecord, 'seenAt'>;
  /** Whether a process of that id is on this host. */
  readonly alive: (pid: number) => boolean;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: Pick<Logger, 'warn'>;
}

/** The processes on one database: says that this one lives, and tells which do not any more. */
export class ProcessCoordinator {
  readonly #parts: ProcessParts;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
  }

  get id(): string {
    return this.#parts.self.id;
  }

  get role(): Role {
    return this.#parts.self.role;
  }

  /** Registers this process, before it has any work that could be taken for left over. */
  async begin(): Promise<void> {
    await this.#beat();
  }

  /** Says again and again that it lives, until the signal aborts. A database that does not take it is told the next time. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.sleep(BEAT_EVERY, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.#beat().catch((error: unknown) => this.#parts.log.warn('it could not be recorded that this process lives', { reason: reasonOf(error) }));
    }
  }

  /** From now on others may take over what it leaves. After `run`. */
  async end(): Promise<void> {
    await this.#parts.records.leave(this.id);
  }

  /** Other processes that live. */
  async others(): Promise<readonly ProcessRecord[]> {
    return (await this.#parts.records.all()).filter((one) => one.id !== this.id && this.#lives(one));
  }

  /** Of processes that something belongs to, those that are not alive. */
  async gone(names: readonly string[]): Promise<readonly string[]> {
    return (await this.#left(names)).map(({ name }) => name);
  }

  /**
   * Of processes that something belongs to, those that are gone and whose prompts are this one's to follow: doors and workers each
   * look after their own kind, a process that is both after all. One that nobody knows any more may have been of any kind.
   */
  async inherited(names: readonly string[]): Promise<readonly string[]> {
    const left = await this.#left(names);
    return left.filter(({ role }) => role === this.role || role === 'all' || this.role === 'all').map(({ name }) => name);
  }

  /** Forgets processes that are gone and have nothing left. `names`: those that something belongs to. */
  async tidy(names: readonly string[]): Promise<void> {
    const gone = (await this.#parts.records.all()).filter((one) => !names.includes(one.id) && !this.#lives(one));
    if (gone.length > 0) await this.#parts.records.forget(gone.map((one) => one.id));
  }

  async #left(names: readonly string[]): Promise<readonly { readonly name: string; readonly role: Role }[]> {
    const others = names.filter((name) => name !== this.id);
    if (others.length === 0) return [];
    const known = new Map((await this.#parts.records.all()).map((one) => [one.id, one]));
    return others.flatMap((name) => {
      const one = known.get(name);
      return one && this.#lives(one) ? [] : [{ name, role: one?.role ?? 'all' }];
    });
  }

  #lives({ id, host, pid, seenAt }: ProcessRecord): boolean {
    const { self, alive, now } = this.#parts;
    if (id === self.id) return true;
    if (now() - seenAt >= PATIENCE) return false;
    return host !== self.host || (pid !== self.pid && alive(pid));
  }

  async #beat(): Promise<void> {
    const { records, self, now } = this.#parts;
    await records.beat({ ...self, seenAt: now() });
  }
}
