import pLimit, { type LimitFunction } from 'p-limit';
import { fail, failedWith, reasonOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { ComfyuiFiles } from '../../models/comfyui-files.ts';
import type { FileRef } from '../../models/file.ts';
import type { InputRecords, PromptRecords } from '../../models/records.ts';
import type { InputStore } from '../../molecules/input-store/input-store.ts';
import type { InstancePool } from '../../molecules/instance-pool/pool.ts';
import type { OutputStore } from '../../molecules/output-store/output-store.ts';

export interface MirrorParts {
  readonly files: ComfyuiFiles;
  readonly records: { readonly prompts: PromptRecords; readonly inputs: InputRecords };
  readonly stores: { readonly outputs: OutputStore; readonly inputs: InputStore };
  readonly pool: InstancePool;
  readonly log: Logger;
  readonly limits: { readonly enabled: boolean; readonly maxBytes: number; readonly maxAgeMs: number };
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

interface Copy {
  readonly promptId: string;
  readonly instance: string;
  readonly ref: FileRef;
}

/** Per instance. */
const COPIES_AT_ONCE = 3;
const WAITING = 10_000;
const ATTEMPTS = 5;
const FIRST_PAUSE = 500;
/** Milliseconds that a download waits for a copy under way rather than fetch the file a second time. */
const PATIENCE = 300;
const HOUR = 3_600_000;
/** Milliseconds without a byte after which a partial file counts as given up. */
const ABANDONED = 10 * 60_000;
/** Part of the allowed bytes from which on nothing is caught up. */
const NEARLY_FULL = 0.9;
/** Outputs of earlier processes that are looked at after a start. */
const CATCH_UP = 1_000;

/** Copies outputs of finished prompts here, so that their URLs outlive the instance, and lets old files go. */
export class MirrorCoordinator {
  readonly #parts: MirrorParts;
  /** Each instance has its own line: one that is down holds nobody else up. */
  readonly #lines = new Map<string, LimitFunction>();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #full = false;

  constructor(parts: MirrorParts) {
    this.#parts = parts;
  }

  /** Copies in the background. What cannot be copied stays reachable through the instance. */
  enqueue(promptId: string, instance: string, refs: readonly FileRef[]): void {
    if (!this.#parts.limits.enabled || this.#stop.signal.aborted) return;
    if (this.#underWay.size + refs.length > WAITING) return this.#parts.log.warn('too many copies wait; these outputs stay on the instance only', { prompt_id: promptId });
    for (const ref of refs) {
      const key = keyOf(promptId, ref);
      if (this.#underWay.has(key)) continue;
      this.#underWay.set(key, this.#copy({ promptId, instance, ref }).finally(() => this.#underWay.delete(key)));
    }
  }

  /** Resolves when the copy that is under way is there, or after a moment. */
  async copied(promptId: string, ref: FileRef): Promise<void> {
    const copy = this.#underWay.get(keyOf(promptId, ref));
    if (!copy) return;
    const late = new AbortController();
    await Promise.race([copy, this.#parts.sleep(PATIENCE, late.signal).catch(() => undefined)]);
    late.abort();
  }

  /** Catches up with what an earlier process left, then lets old files go every hour. Until `stop`. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    for (let first = true; !signal.aborted; first = false) {
      await this.#guarded('old partial files could not be removed', () => this.#cleanUp());
      await this.#guarded('old files could not be removed', () => this.retain());
      if (first) await this.#guarded('earlier outputs could not be looked at', () => this.#catchUp());
      await this.#parts.sleep(HOUR, signal).catch(() => undefined);
    }
  }

  /** Takes away what is older or more than the limits allow, and uploads that were replaced. */
  async retain(): Promise<void> {
    const { stores, records, limits, now, log } = this.#parts;
    const before = limits.maxAgeMs > 0 ? now() - limits.maxAgeMs : 0;
    const maxBytes = limits.maxBytes > 0 ? limits.maxBytes : Infinity;
    const { removed, crowdedOut, bytes } = await stores.outputs.sweep({ before, maxBytes }, this.#stop.signal);
    this.#full = crowdedOut > 0 || bytes >= maxBytes * NEARLY_FULL;
    if (removed > 0) log.info('old outputs were removed', { prompts: removed });
    if (before > 0) {
      await records.prompts.expire(before);
      await records.inputs.expire(before);
    }
    await this.#removeUnreferenced(now() - HOUR);
  }

  /** No more copies begin; those under way are given up. They are made after the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#underWay.values());
  }

  /** Uploads that no mapping leads to: expired, replaced, or stored by a process that died before it recorded them. Young ones may be on their way into the records. */
  async #removeUnreferenced(before: number): Promise<void> {
    const { stores, records } = this.#parts;
    for await (const paths of stores.inputs.old(before)) {
      if (this.#stop.signal.aborted) return;
      for (const path of await records.inputs.unreferenced(paths)) await stores.inputs.remove(path);
    }
  }

  async #cleanUp(): Promise<void> {
    const { stores, now } = this.#parts;
    const before = now() - ABANDONED;
    await stores.inputs.cleanUp(before, this.#stop.signal);
    await stores.outputs.cleanUp(before, this.#stop.signal);
  }

  /** Not where the space is used up: copies of older outputs would drive out newer ones. */
  async #catchUp(): Promise<void> {
    const { records, stores, limits } = this.#parts;
    if (!limits.enabled || this.#full) return;
    for (const output of await records.prompts.newestOutputs(CATCH_UP)) {
      const there = await stores.outputs.find(output.promptId, output).catch((error: unknown) => failedWith(error));
      if (!there) this.enqueue(output.promptId, output.instance, [{ filename: output.filename, subfolder: output.subfolder, type: output.type }]);
    }
  }

  async #copy(job: Copy): Promise<void> {
    const { sleep, random, log } = this.#parts;
    const { signal } = this.#stop;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const failure = await this.#lineOf(job.instance)(() => this.#attempt(job)).then(() => undefined, (error: unknown) => ({ error }));
      if (!failure || signal.aborted) return;
      const final = attempt >= ATTEMPTS || failedWith(failure.error, 'IMAGE_NOT_FOUND', 'FILE_OPERATION_ERROR');
      log[final ? 'warn' : 'debug']('an output could not be copied', { prompt_id: job.promptId, instance: job.instance, filename: job.ref.filename, attempt, reason: reasonOf(failure.error) });
      if (final) return;
      await sleep(FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + random()), signal).catch(() => undefined);
    }
  }

  #lineOf(instance: string): LimitFunction {
    const line = this.#lines.get(instance) ?? pLimit(COPIES_AT_ONCE);
    this.#lines.set(instance, line);
    return line;
  }

  /** The copy is there when it resolves, or nothing can be done about it. */
  async #attempt({ promptId, instance: name, ref }: Copy): Promise<void> {
    const { pool, files, stores } = this.#parts;
    const { signal } = this.#stop;
    const instance = pool.get(name);
    if (!instance || signal.aborted) return;
    const found = await files.view(instance, { ref }, signal);
    if (found.status === 200) return stores.outputs.store(promptId, ref, { body: found.body, signal });
    found.body.destroy();
    throw found.status === 404 ? fail('IMAGE_NOT_FOUND', `instance ${name} does not have "${ref.filename}".`) : fail('UPSTREAM_ERROR', `instance ${name} answered GET /view with ${found.status}.`);
  }

  async #guarded(what: string, deed: () => Promise<void>): Promise<void> {
    await deed().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#parts.log.error(what, { error });
    });
  }
}

function keyOf(promptId: string, ref: FileRef): string {
  return [promptId, ref.type, ref.subfolder, ref.filename].join('\n');
}
