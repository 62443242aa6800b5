import pLimit from 'p-limit';
import { failedWith, reasonOf } from '../../core/errors.ts';
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

const COPIES_AT_ONCE = 3;
const WAITING = 10_000;
const ATTEMPTS = 5;
const FIRST_PAUSE = 500;
/** Milliseconds that a download waits for a copy under way rather than fetch the file a second time. */
const PATIENCE = 300;
const HOUR = 3_600_000;
/** Outputs of earlier processes that are looked at after a start. */
const CATCH_UP = 1_000;

/** Copies outputs of finished prompts here, so that their URLs outlive the instance, and lets old files go. */
export class MirrorCoordinator {
  readonly #parts: MirrorParts;
  readonly #limit = pLimit(COPIES_AT_ONCE);
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();

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
      this.#underWay.set(key, this.#limit(async () => this.#copy({ promptId, instance, ref })).finally(() => this.#underWay.delete(key)));
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
    await this.#guarded('old partial files could not be removed', () => this.#cleanUp());
    await this.#guarded('earlier outputs could not be looked at', () => this.#catchUp());
    while (!signal.aborted) {
      await this.#guarded('old files could not be removed', () => this.retain());
      await this.#parts.sleep(HOUR, signal).catch(() => undefined);
    }
  }

  /** Takes away what is older or more than the limits allow. */
  async retain(): Promise<void> {
    const { stores, records, limits, now, log } = this.#parts;
    const before = limits.maxAgeMs > 0 ? now() - limits.maxAgeMs : 0;
    const swept = await stores.outputs.sweep({ before, maxBytes: limits.maxBytes > 0 ? limits.maxBytes : Infinity }, this.#stop.signal);
    if (before > 0) await records.prompts.expire(before);
    for (const path of before > 0 ? await records.inputs.expire(before) : []) await stores.inputs.remove(path);
    if (swept > 0) log.info('old outputs were removed', { prompts: swept });
  }

  /** No more copies begin; those under way are given up. They are made after the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#underWay.values());
  }

  async #cleanUp(): Promise<void> {
    await this.#parts.stores.inputs.cleanUp(this.#stop.signal);
    await this.#parts.stores.outputs.cleanUp(this.#stop.signal);
  }

  async #catchUp(): Promise<void> {
    const { records, stores, limits } = this.#parts;
    if (!limits.enabled) return;
    for (const output of await records.prompts.newestOutputs(CATCH_UP)) {
      const there = await stores.outputs.find(output.promptId, output).catch((error: unknown) => failedWith(error));
      if (!there) this.enqueue(output.promptId, output.instance, [{ filename: output.filename, subfolder: output.subfolder, type: output.type }]);
    }
  }

  async #copy(job: { promptId: string; instance: string; ref: FileRef }): Promise<void> {
    const { sleep, random, log } = this.#parts;
    const { signal } = this.#stop;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const failure = await this.#attempt(job).catch((error: unknown) => error);
      if (failure === undefined || signal.aborted) return;
      const final = attempt >= ATTEMPTS || failedWith(failure, 'IMAGE_NOT_FOUND', 'FILE_OPERATION_ERROR');
      log[final ? 'warn' : 'debug']('an output could not be copied', { prompt_id: job.promptId, instance: job.instance, filename: job.ref.filename, attempt, reason: reasonOf(failure) });
      if (final) return;
      await sleep(FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + random()), signal).catch(() => undefined);
    }
  }

  /** Undefined when the copy is there. */
  async #attempt({ promptId, instance: name, ref }: { promptId: string; instance: string; ref: FileRef }): Promise<unknown> {
    const { pool, files, stores } = this.#parts;
    const { signal } = this.#stop;
    const instance = pool.get(name);
    if (!instance) return undefined;
    const found = await files.view(instance, { ref }, signal);
    if (found.status !== 200) {
      found.body.destroy();
      return `GET /view answered ${found.status}`;
    }
    await stores.outputs.store(promptId, ref, { body: found.body, signal });
    return undefined;
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
