import pLimit, { type LimitFunction } from 'p-limit';
import { fail, failedWith, reasonOf } from '../../core/errors.ts';
import type { FileRef } from '../../models/file.ts';
import type { GrowingCopy } from '../../molecules/output-store/output-store.ts';
import type { MirrorParts } from './parts.ts';

/** A copy that is still to be made. */
interface Copy {
  readonly promptId: string;
  readonly instance: string;
  readonly ref: FileRef;
  /** The attempt that is under way. */
  attempt?: Promise<GrowingCopy> | undefined;
}

/** Per instance; those that somebody waits for come on top. */
const COPIES_AT_ONCE = 3;
const WAITING = 10_000;
/** Copies under way from which on nobody's download begins another: each has a file and a connection open. */
const MOST_AT_ONCE = 128;
const ATTEMPTS = 5;
/** Milliseconds before the second attempt; each further pause is twice as long. */
const FIRST_PAUSE = 500;

/** Copies that are being made, each from one fetch, however many callers want the file meanwhile. */
export class Copies {
  readonly #parts: MirrorParts;
  readonly #signal: AbortSignal;
  /** Each instance has its own line: one that is down holds nobody else up. */
  readonly #lines = new Map<string, LimitFunction>();
  readonly #underWay = new Map<string, { readonly copy: Copy; readonly over: Promise<void> }>();
  #attempts = 0;

  /** Everything is given up when `signal` fires. */
  constructor(parts: MirrorParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  /** Copies in the background. What cannot be copied stays reachable through the instance. */
  enqueue(promptId: string, instance: string, refs: readonly FileRef[]): void {
    if (this.#signal.aborted) return;
    if (this.#underWay.size + refs.length > WAITING) return this.#parts.log.warn('too many copies wait; these outputs stay on the instance only', { prompt_id: promptId });
    for (const ref of refs) {
      const key = keyOf(promptId, ref);
      if (this.#underWay.has(key)) continue;
      const copy: Copy = { promptId, instance, ref };
      this.#underWay.set(key, { copy, over: this.#make(copy).finally(() => this.#underWay.delete(key)) });
    }
  }

  /** The copy, begun now if its turn has not come yet. Undefined when none is to be made, or it cannot be. Throws CONNECTION_ERROR. */
  async follow(promptId: string, ref: FileRef): Promise<GrowingCopy | undefined> {
    const copy = this.#underWay.get(keyOf(promptId, ref))?.copy;
    if (!copy || (!copy.attempt && this.#attempts >= MOST_AT_ONCE)) return undefined;
    return this.#begin(copy).catch((error: unknown) => {
      if (failedWith(error, 'CONNECTION_ERROR')) throw error;
      return undefined;
    });
  }

  /** Resolves when nothing is being copied any more. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#underWay.values().map(({ over }) => over));
  }

  async #make(copy: Copy): Promise<void> {
    const { sleep, random, log } = this.#parts;
    for (let attempt = 1; !this.#signal.aborted; attempt += 1) {
      const failure = await this.#lineOf(copy.instance)(async () => (await this.#begin(copy)).kept).then(() => undefined, (error: unknown) => ({ error }));
      if (!failure || this.#signal.aborted) return;
      const final = attempt >= ATTEMPTS || failedWith(failure.error, 'IMAGE_NOT_FOUND', 'FILE_OPERATION_ERROR');
      log[final ? 'warn' : 'debug']('an output could not be copied', { prompt_id: copy.promptId, instance: copy.instance, filename: copy.ref.filename, attempt, reason: reasonOf(failure.error) });
      if (final) return;
      await sleep(FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + random()), this.#signal).catch(() => undefined);
    }
  }

  #lineOf(instance: string): LimitFunction {
    const line = this.#lines.get(instance) ?? pLimit(COPIES_AT_ONCE);
    this.#lines.set(instance, line);
    return line;
  }

  /** The attempt under way, or a new one. Whoever comes after a failure tries again. */
  #begin(copy: Copy): Promise<GrowingCopy> {
    if (copy.attempt) return copy.attempt;
    const attempt = this.#fetch(copy);
    copy.attempt = attempt;
    this.#attempts += 1;
    attempt
      .then(({ kept }) => kept)
      .catch(() => (copy.attempt = undefined))
      .finally(() => (this.#attempts -= 1));
    return attempt;
  }

  async #fetch({ promptId, instance: name, ref }: Copy): Promise<GrowingCopy> {
    const { pool, files, records, stores, now } = this.#parts;
    const instance = pool.get(name);
    if (!instance) throw fail('IMAGE_NOT_FOUND', `instance ${name} is not configured any more.`);
    if (await records.prompts.overwritten(promptId, name, ref)) throw fail('IMAGE_NOT_FOUND', `another prompt has overwritten "${ref.filename}" on instance ${name}.`);
    const found = await files.view(instance, { ref }, this.#signal);
    if (found.status === 200) return stores.outputs.begin(promptId, ref, { body: found.body, size: found.headers.contentLength, modifiedAt: new Date(now()), signal: this.#signal });
    found.body.destroy();
    throw found.status === 404 ? fail('IMAGE_NOT_FOUND', `instance ${name} does not have "${ref.filename}".`) : fail('UPSTREAM_ERROR', `instance ${name} answered GET /view with ${found.status}.`);
  }
}

function keyOf(promptId: string, ref: FileRef): string {
  return [promptId, ref.type, ref.subfolder, ref.filename].join('\n');
}
